//! What a caller is told when the answer is no: terse, with a code for programs. The log has the rest.

use std::error::Error;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An answer that is not the one asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    /// One of 400, 401, 403, 404, 405, 409, 413, 422, 429, 503.
    pub(super) status: StatusCode,
    /// Kebab-case, stable.
    pub(super) code: &'static str,
    /// What happened and what to do.
    pub(super) message: String,
    /// How many entries are held, where that is what the caller needs to know.
    size: Option<u64>,
    form: Form,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Json,
    /// The size and a newline: C2SP tlog-witness.
    Size,
}

impl Refusal {
    /// The request is not of the form that the API describes.
    pub(super) fn malformed(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::BAD_REQUEST, code, message)
    }

    /// The caller is not who they say, or says nothing.
    pub(super) fn unauthenticated(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::UNAUTHORIZED, code, message)
    }

    /// The caller may not do this.
    pub(super) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::FORBIDDEN, code, message)
    }

    /// There is no such thing.
    pub(super) fn missing(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::NOT_FOUND, code, message)
    }

    /// The path names no journal.
    pub(super) fn no_such_log() -> Self {
        Self::missing(
            "no-such-log",
            "the path names no journal: an origin stands there, percent-encoded",
        )
    }

    /// It does not follow from what is held, of which there are `size` entries.
    pub(super) fn conflict(code: &'static str, message: impl Into<String>, size: u64) -> Self {
        Self {
            size: Some(size),
            ..Self::with(StatusCode::CONFLICT, code, message)
        }
    }

    /// As [`Refusal::conflict`], in the form that C2SP tlog-witness gives it.
    pub(super) fn other_size(message: impl Into<String>, size: u64) -> Self {
        Self {
            form: Form::Size,
            ..Self::conflict("other-size", message, size)
        }
    }

    /// Well-formed, and not acceptable.
    pub(super) fn unacceptable(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// Not now.
    pub(super) fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }

    /// Larger than its bound.
    pub(super) fn too_large(bound: usize) -> Self {
        Self::with(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            format!("the request's body is larger than the {bound} bytes that this route takes"),
        )
    }

    /// Something here failed: the whole chain of causes goes to the log, and none of it to the caller.
    pub(super) fn failure(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error, "a request could not be carried out");
        Self::unavailable(
            "collector-failure",
            "the collector could not do this because something failed on its side; send it again later; its log says what: journalctl -u daypass-collector",
        )
    }

    pub(super) fn with(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            size: None,
            form: Form::Json,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let size = self.size.unwrap_or_default();
        if self.form == Form::Size {
            let size_type = HeaderValue::from_static("text/x.tlog.size");
            return (
                self.status,
                [(CONTENT_TYPE, size_type)],
                format!("{size}\n"),
            )
                .into_response();
        }
        let mut body = json!({"error": {"code": self.code, "message": self.message}});
        if self.size.is_some() {
            body["size"] = size.into();
        }
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Daypass-SSHSIG");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
