//! What a caller is told when the answer is no: terse, with a code for programs. The log has the rest.

use std::error::Error;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An answer that is not the one asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// One of 400, 401, 403, 404, 405, 409, 413, 422, 429, 503.
    pub status: StatusCode,
    /// Kebab-case, stable.
    pub code: &'static str,
    /// What happened and what to do.
    pub message: String,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Detail<'a>,
}

#[derive(Serialize)]
struct Detail<'a> {
    code: &'a str,
    message: &'a str,
}

impl Refusal {
    /// The request is not of the form that the API describes.
    pub fn malformed(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::BAD_REQUEST, code, message)
    }

    /// The caller is not who they say, or says nothing.
    pub fn unauthenticated(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::UNAUTHORIZED, code, message)
    }

    /// The caller may not do this.
    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::FORBIDDEN, code, message)
    }

    /// There is no such thing, or none that the caller may see.
    pub fn missing(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::NOT_FOUND, code, message)
    }

    /// It contradicts what is there already.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::CONFLICT, code, message)
    }

    /// Well-formed, and not acceptable.
    pub fn unacceptable(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// Not now.
    pub fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }

    /// Larger than its bound.
    pub fn too_large(bound: usize) -> Self {
        Self::with(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            format!("the request's body is larger than the {bound} bytes that this route takes"),
        )
    }

    /// Something here failed: the whole chain of causes goes to the log, and none of it to the caller.
    pub fn failure(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error, "a request could not be carried out");
        Self::unavailable(
            "ca-failure",
            "the CA could not do this because something failed on its side; its log says what: journalctl -u daypass-ca",
        )
    }

    pub(crate) fn with(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Body {
            error: Detail {
                code: self.code,
                message: &self.message,
            },
        };
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Daypass-SSHSIG"),
            );
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::store::StoreError;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_fails_here_is_whole_in_the_log_and_nobodys_business_outside() {
        let error = StoreError::NotMade {
            path: PathBuf::from("/somewhere/ca.db"),
            source: io::Error::other("the disk is gone"),
        };
        let written = Log::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let refusal = tracing::subscriber::with_default(subscriber, || Refusal::failure(&error));
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        for part in ["/somewhere/ca.db", "the disk is gone"] {
            assert!(text.contains(part), "{text}");
            assert!(!refusal.message.contains(part), "{}", refusal.message);
        }
        assert_eq!(refusal.code, "ca-failure");
    }
}
