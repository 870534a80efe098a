//! One request, as the handlers see it: the caller known, the body read.

use std::net::IpAddr;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use daypass_protocol::event::{Action, Event, Identity, Origin, Outcome};
use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::{HostName, Name};
use daypass_protocol::strict_json;
use daypass_protocol::window::WindowId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;
use crate::store::AdmittedCollector;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody was asked.
    Unknown,
    /// A person of the newest roster, by a signature of theirs over this very request.
    Person {
        /// Their name.
        name: Name,
        /// The key that signed.
        key: Fingerprint,
    },
    /// An enrolled host, by its client certificate.
    Host {
        /// Its name.
        name: HostName,
        /// SHA-256 of that certificate: another machine may have the name at any moment.
        certificate: [u8; 32],
    },
    /// An admitted collector, by its certificate.
    Collector(Box<AdmittedCollector>),
}

/// A request.
#[derive(Debug)]
pub struct Call {
    /// Who asks.
    pub caller: Caller,
    /// Where from.
    pub address: IpAddr,
    /// The `{id}` of the path.
    pub id: Option<String>,
    /// What follows the `?`, undecoded; empty when nothing does.
    pub query: String,
    /// The body, within the route's bound.
    pub body: Vec<u8>,
}

/// What a handler answers, with 200.
#[derive(Debug)]
pub enum Reply {
    /// JSON.
    Json(serde_json::Value),
    /// Bytes of a format that is not ours.
    Bytes(Vec<u8>),
}

impl Call {
    /// The body as the JSON of a `T`.
    ///
    /// # Errors
    /// When it is no JSON, or not of that shape: duplicate and unknown keys are refused.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        strict_json::parse(&self.body, self.body.len()).map_err(|error| {
            Refusal::malformed(
                "malformed-body",
                format!("the request's body is not what this route takes: {error}"),
            )
        })
    }

    /// The values of `known` keys in the query, in that order.
    ///
    /// # Errors
    /// When the query holds other keys, or one twice.
    pub fn query<'a, const N: usize>(
        &'a self,
        known: [&str; N],
    ) -> Result<[Option<&'a str>; N], Refusal> {
        let unfit = || {
            let known = known.join(", ");
            Refusal::malformed(
                "unknown-query",
                format!("this route takes {known} after the question mark, each once"),
            )
        };
        let mut found = [None; N];
        for pair in self.query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let at = known
                .iter()
                .position(|&known| known == key)
                .ok_or_else(unfit)?;
            if found[at].replace(value).is_some() {
                return Err(unfit());
            }
        }
        Ok(found)
    }

    /// The person who asks.
    ///
    /// # Errors
    /// When it is no person; the table of routes sees to it that this does not happen.
    pub fn person(&self) -> Result<&Name, Refusal> {
        match &self.caller {
            Caller::Person { name, .. } => Ok(name),
            Caller::Unknown | Caller::Host { .. } | Caller::Collector(_) => {
                Err(Refusal::unauthenticated(
                    "not-signed",
                    "this route answers people who sign their requests",
                ))
            }
        }
    }

    /// The window that the path names.
    ///
    /// # Errors
    /// When it names none.
    pub fn window(&self) -> Result<WindowId, Refusal> {
        self.id
            .as_deref()
            .unwrap_or_default()
            .parse()
            .map_err(|error| Refusal::missing("no-such-window", format!("{error}")))
    }

    /// An entry about what this caller did.
    pub fn event(&self, action: Action, outcome: Outcome) -> Event {
        self.event_about(action, outcome, Identity::default())
    }

    /// An entry about what this caller did; `identity` is completed by who they are.
    pub fn event_about(&self, action: Action, outcome: Outcome, mut identity: Identity) -> Event {
        if let Caller::Person { name, key } = &self.caller {
            identity.person = Some(name.clone());
            identity.key = identity.key.or(Some(*key));
        }
        let origin = Origin {
            address: Some(self.address),
            ..Origin::default()
        };
        Event::new(action)
            .outcome(outcome)
            .by(identity)
            .from(origin)
    }
}

impl Reply {
    /// Answers `value`.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of(value: &impl Serialize) -> Result<Self, Refusal> {
        serde_json::to_value(value)
            .map(Self::Json)
            .map_err(|error| Refusal::failure(&error))
    }

    /// Answers these bytes.
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        match self {
            Self::Json(value) => (StatusCode::OK, Json(value)).into_response(),
            // axum calls them application/octet-stream.
            Self::Bytes(bytes) => (StatusCode::OK, bytes).into_response(),
        }
    }
}
