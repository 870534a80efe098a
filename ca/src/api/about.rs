//! `GET /v1/about` and `GET /v1/ready`

use daypass_protocol::api::{About, Ready};

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::authority::Authority;
use crate::metrics::{Readiness, readiness};

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

/// Whether the CA can do its work now, for load balancers and monitoring.
pub(super) fn ready(authority: &Authority, _: &Call) -> Result<Reply, Refusal> {
    match readiness(authority) {
        Readiness::Ready => Reply::of(&Ready { ready: true }),
        Readiness::NotReady(why) => Err(Refusal::unavailable("not-ready", why)),
    }
}
