//! `GET /v1/about`.

use serde_json::json;

use super::call::{Call, Reply};
use super::refusal::Refusal;

pub(super) fn show(call: &Call) -> Result<Reply, Refusal> {
    Reply::json(&json!({
        "ca": call.collector.authority().pin(),
        "version": env!("CARGO_PKG_VERSION"),
        "time": call.now.time(),
        "witness": call.collector.witness_key(),
    }))
}
