//! `GET /v1/about`

use daypass_protocol::api::About;

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::authority::Authority;

/// Who this CA is, and whether it is at work.
pub(super) fn show(authority: &Authority, _: &Call) -> Result<Reply, Refusal> {
    let roll = authority.roll();
    Reply::of(&About {
        ca: authority.pin(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        time: authority.now(),
        active: roll.newest().is_some(),
        roster: roll.number(),
    })
}
