//! One request, as the handlers see it: the caller known, the body read.

use std::sync::Arc;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use daypass_protocol::event::{Action, Event, Identity, Resource};
use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::Name;
use serde::Serialize;

use super::readers::Readers;
use super::refusal::Refusal;
use crate::clock::Now;
use crate::collector::Collector;
use crate::origin::{Origin, Owner};

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Caller {
    /// Nobody was asked.
    Unknown,
    /// Whoever's journal it is.
    Owner(Owner),
    /// A person, who has a role that the route takes.
    Person {
        /// Who.
        name: Name,
        /// With which key.
        key: Fingerprint,
    },
}

/// The request.
pub(super) struct Call {
    pub(super) collector: Arc<Collector>,
    pub(super) readers: Arc<Readers>,
    pub(super) caller: Caller,
    /// The origin in the path.
    pub(super) log: Option<Origin>,
    /// What follows the `?`, undecoded; empty when nothing does.
    pub(super) query: String,
    /// The body, within the route's bound.
    pub(super) body: Vec<u8>,
    pub(super) now: Now,
}

/// What a handler answers.
#[derive(Debug)]
pub(super) enum Reply {
    /// JSON.
    Json(serde_json::Value),
    /// Text as it is.
    Text(String),
}

impl Call {
    /// The journal that the path names.
    pub(super) fn log(&self) -> Result<&Origin, Refusal> {
        self.log.as_ref().ok_or_else(Refusal::no_such_log)
    }

    /// The number that the query gives for `key`, and nothing else.
    pub(super) fn number(&self, key: &str) -> Result<Option<u64>, Refusal> {
        let unfit = || {
            Refusal::malformed(
                "unknown-query",
                format!("this route takes {key}=NUMBER after the question mark, and nothing else"),
            )
        };
        if self.query.is_empty() {
            return Ok(None);
        }
        let value = self
            .query
            .strip_prefix(key)
            .and_then(|rest| rest.strip_prefix('='));
        value
            .and_then(|value| value.parse().ok())
            .map(Some)
            .ok_or_else(unfit)
    }

    /// An entry about what this caller did.
    pub(super) fn event(&self, action: Action) -> Event {
        event_of(action, &self.caller, self.log.as_ref())
    }
}

/// An entry about `caller`, and the log that it is about.
pub(super) fn event_of(action: Action, caller: &Caller, log: Option<&Origin>) -> Event {
    let event = Event::new(action);
    let event = match caller {
        Caller::Unknown | Caller::Owner(Owner::Ca | Owner::Collector) => event,
        Caller::Owner(Owner::Host(host)) => event.on(Resource {
            host: Some(host.clone()),
            ..Resource::default()
        }),
        Caller::Person { name, key } => event.by(Identity {
            person: Some(name.clone()),
            key: Some(*key),
            ..Identity::default()
        }),
    };
    match log {
        Some(log) => event.detail("log", log.to_string()),
        None => event,
    }
}

impl Reply {
    /// Answers `value` as JSON.
    pub(super) fn json(value: &impl Serialize) -> Result<Self, Refusal> {
        serde_json::to_value(value)
            .map(Self::Json)
            .map_err(|error| Refusal::failure(&error))
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        match self {
            Self::Json(value) => Json(value).into_response(),
            Self::Text(text) => {
                let plain = HeaderValue::from_static("text/plain; charset=utf-8");
                ([(CONTENT_TYPE, plain)], text).into_response()
            }
        }
    }
}
