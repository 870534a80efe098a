//! `GET /v1/state`

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
