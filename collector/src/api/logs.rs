//! `/v1/logs` and `/v1/logs/ORIGIN`: registering a journal, and where each one stands.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use daypass_protocol::enrolment::SignedRecord;
use daypass_protocol::strict_json;
use daypass_protocol::time::Time;
use serde::Serialize;
use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::collector::{CollectorError, Standing};
use crate::origin::Owner;
use crate::watch::{Condition, Presence, condition};

/// One journal in the list.
#[derive(Serialize)]
struct Log {
    origin: String,
    host: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Time>,
    state: Condition,
}

/// `PUT`: the enrolment record.
pub(super) fn register(call: &Call) -> Result<Reply, Refusal> {
    let record: SignedRecord =
        strict_json::parse(&call.body, call.body.len()).map_err(|error| {
            Refusal::malformed(
                "malformed-body",
                format!("the body is no signed enrolment record: {error}"),
            )
        })?;
    let standing = call.collector.register(call.log()?, &record, call.now)?;
    Ok(Reply::Json(standing_of(&standing)))
}

/// `GET`: what is held.
pub(super) fn show(call: &Call) -> Result<Reply, Refusal> {
    let log = call.log()?;
    let leaves = call.query.starts_with("leaving=");
    let size = call.number(if leaves { "leaving" } else { "size" })?;
    let standing = call.collector.standing(log, size, call.now)?;
    call.collector.hears(
        log,
        if leaves {
            Presence::Leaves
        } else {
            Presence::Stays
        },
    );
    Ok(Reply::Json(standing_of(&standing)))
}

pub(super) fn standing_of(standing: &Standing) -> Value {
    let mut value = json!({
        "size": standing.mark.size,
        "root": STANDARD.encode(standing.mark.root),
    });
    if let Some(cosignature) = &standing.cosignature {
        value["cosignature"] = cosignature.note().into();
    }
    value
}

/// `GET /v1/logs`.
pub(super) fn list(call: &Call) -> Result<Reply, Refusal> {
    let logs = call
        .collector
        .stores()
        .checkpoints
        .logs()
        .map_err(CollectorError::from)?;
    let logs: Vec<Log> = logs
        .into_iter()
        .map(|(registration, held)| Log {
            origin: registration.log.to_string(),
            host: registration.log.owner().to_string(),
            size: held.as_ref().map_or(0, |held| held.mark.size),
            last: held
                .as_ref()
                .map(|held| Time::from_unix(held.stored / 1_000_000)),
            state: match registration.log.owner() {
                // Whoever answers this is heard.
                Owner::Collector => Condition::Live,
                _ if call.collector.has_retired(&registration) => Condition::Retired,
                Owner::Ca | Owner::Host(_) => condition(
                    held.map(|held| held.stored),
                    call.now,
                    call.collector.silence_after(),
                ),
            },
        })
        .collect();
    Reply::json(&json!({ "logs": logs }))
}
