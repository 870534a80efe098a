//! `GET /v1/entries`: search. Who read what is itself journalled.

use std::time::Instant;

use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::readers;
use super::refusal::Refusal;
use crate::groups;
use crate::index::Page;
use crate::index::cursor::Cursor;
use crate::index::query::Query;

pub(super) fn search(call: &Call) -> Result<Reply, Refusal> {
    let mut query = Query::parse(&call.query)
        .map_err(|error| Refusal::malformed("unknown-query", error.to_string()))?;
    if !query.groups.is_empty() {
        let checkpoints = call.collector.stores().checkpoints;
        query.members = Some(groups::members(checkpoints, &query.groups)?);
    }
    readers::journal(call, "")?;
    let page = awaited(call, &mut query)?;
    let entries: Vec<Value> = page
        .entries
        .into_iter()
        .map(|found| json!({"origin": found.origin, "entry": found.entry}))
        .collect();
    let mut answer = json!({ "entries": entries });
    if let Some(next) = page.next {
        answer["next"] = next.to_string().into();
    }
    Ok(Reply::Json(answer))
}

/// What is found, or comes in while the caller wants to wait for it.
fn awaited(call: &Call, query: &mut Query) -> Result<Page, Refusal> {
    let (index, arrivals) = (call.collector.index(), call.collector.arrivals());
    let deadline = Instant::now() + query.wait;
    loop {
        let (count, taken) = (arrivals.count(), index.taken()?);
        let page = index.search(query)?;
        if query.wait.is_zero() || !page.entries.is_empty() {
            return Ok(page);
        }
        // Nothing up to here is asked for; what comes later has a higher number.
        query.after = Some(Cursor::Arrival {
            segment: taken,
            seq: i64::MAX as u64,
        });
        if !arrivals.wait(count, deadline) {
            return Ok(Page {
                next: query.after.clone(),
                ..page
            });
        }
    }
}
