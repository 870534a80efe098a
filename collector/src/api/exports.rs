//! `GET /v1/exports`: where entries go as they come in, and how far that is.

use daypass_protocol::alert::{Export, Exports};
use daypass_protocol::time::Time;

use super::call::{Call, Reply};
use super::refusal::Refusal;

pub(super) fn list(call: &Call) -> Result<Reply, Refusal> {
    if !call.query.is_empty() {
        return Err(Refusal::malformed(
            "unknown-query",
            "this route takes no query",
        ));
    }
    // The index follows what is stored within moments: its last segment is the newest, or nearly.
    let stored = call.collector.index().taken()?;
    let standings = call.collector.exports().standings()?;
    let exports = standings.into_iter().map(|one| Export {
        name: one.name.to_owned(),
        to: one.to,
        confirmed: one.confirmed.entries,
        last: Time::from_unix(one.confirmed.changed.div_euclid(1_000_000)),
        segments_behind: stored.saturating_sub(one.confirmed.place.segment),
        error: one.trouble,
    });
    Reply::json(&Exports {
        exports: exports.collect(),
    })
}
