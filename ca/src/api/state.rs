//! `GET /v1/state`

use daypass_protocol::api::STATE_WAIT;

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::authority::Authority;

/// The state as it was signed last.
pub(super) fn show(authority: &Authority, _: &Call) -> Result<Reply, Refusal> {
    let announced = authority.announced().ok_or_else(|| {
        Refusal::unavailable(
            "no-state",
            "the CA has not signed its state yet; try again in a minute",
        )
    })?;
    Reply::of(&announced.signed)
}

/// With `?after=NUMBER`: waits until the state has another number than that, or until it was long enough.
pub(super) async fn linger(authority: &Authority, call: &Call) -> Result<(), Refusal> {
    let [after] = call.query(["after"])?;
    let Some(after) = after else {
        return Ok(());
    };
    let after: u64 = after.parse().map_err(|_| {
        Refusal::malformed(
            "unknown-query",
            "after takes the number of the state that you have",
        )
    })?;
    let mut numbers = authority.numbers();
    // Either way there is a state to answer with: the next one, or the same, signed afresh.
    let _ = tokio::time::timeout(STATE_WAIT, numbers.wait_for(|&number| number != after)).await;
    Ok(())
}
