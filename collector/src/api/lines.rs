//! `POST /v1/logs/ORIGIN/lines?from=SEQ`.

use super::call::{Call, Reply};
use super::logs::standing_of;
use super::refusal::Refusal;

pub(super) fn append(call: &Call) -> Result<Reply, Refusal> {
    let from = call.number("from")?.ok_or_else(|| {
        Refusal::malformed(
            "unknown-query",
            "say with which entry the lines begin: ?from=NUMBER",
        )
    })?;
    let standing = call
        .collector
        .append(call.log()?, from, &call.body, call.now)?;
    Ok(Reply::Json(standing_of(&standing)))
}
