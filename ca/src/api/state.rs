//! `GET /v1/state`

use std::time::Duration;

use daypass_protocol::api::STATE_WAIT;

use super::call::{Call, Caller, Reply};
use super::refusal::Refusal;
use crate::authority::{Authority, Waiter};

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

/// With `?after=NUMBER`: waits until the state has another number than that, or until it was long enough, which `wait` may
/// make shorter.
pub(super) async fn linger(authority: &Authority, call: &Call) -> Result<(), Refusal> {
    let [after, wait] = call.query(["after", "wait"])?;
    let number = |text: Option<&str>, what: &str| {
        let parse = |text: &str| {
            text.parse::<u64>()
                .map_err(|_| Refusal::malformed("unknown-query", what))
        };
        text.map(parse).transpose()
    };
    let after = number(after, "after takes the number of the state that you have")?;
    let wait = number(wait, "wait takes seconds, 25 at most")?;
    let Some(after) = after else {
        return Ok(());
    };
    let wait = wait.map_or(STATE_WAIT, |seconds| {
        Duration::from_secs(seconds).min(STATE_WAIT)
    });
    let waiter = match &call.caller {
        Caller::Host { .. } | Caller::Collector(_) => Waiter::Machine,
        Caller::Person { .. } | Caller::Unknown => Waiter::Person,
    };
    // Where too many wait already, this one is answered now, and asks again.
    let Some(_place) = authority.place_to_wait(waiter) else {
        return Ok(());
    };
    let mut numbers = authority.numbers();
    // Either way there is a state to answer with: the next one, or the same, signed afresh.
    let _ = tokio::time::timeout(wait, numbers.wait_for(|&number| number != after)).await;
    Ok(())
}
