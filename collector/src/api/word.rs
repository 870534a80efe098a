//! `GET /v1/state` and `GET /v1/roster`: what the CA said last, for hosts that cannot reach it. They check it by its
//! signatures, as if the CA had said it to them.

use daypass_protocol::api::Rosters;

use super::call::{Call, Reply};
use super::refusal::Refusal;

/// The state as the CA signed it.
pub(super) fn state(call: &Call) -> Result<Reply, Refusal> {
    Reply::json(&call.collector.authority().state())
}

/// The rosters as people signed them.
pub(super) fn roster(call: &Call) -> Result<Reply, Refusal> {
    let chain = call.collector.authority().chain();
    Reply::json(&Rosters { chain })
}
