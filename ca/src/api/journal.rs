//! `GET /v1/journal`

use daypass_protocol::api::Journal;
use daypass_protocol::event::{Action, Outcome};

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::authority::Authority;

/// Entries in one answer, at most.
const MOST: usize = 1000;

/// Entries in one answer when nothing is said.
const USUAL: usize = 100;

/// Entries of the CA's journal, from `since` on. That they are read is one of them.
pub(super) fn list(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let [since, limit] = call.query(["since", "limit"])?;
    let since = since.map_or(Ok(0), number)?;
    let limit = limit.map_or(Ok(USUAL), number)?.clamp(1, MOST);
    let event = call
        .event(Action::LogRead, Outcome::Allowed)
        .detail("query", format!("since={since}"));
    authority.note_reading(call.person()?, since, &event)?;
    Reply::of(&Journal {
        entries: authority.ledger().entries(since, limit)?,
    })
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Refusal> {
    text.parse()
        .map_err(|_| Refusal::malformed("not-a-number", "since and limit are decimal numbers"))
}
