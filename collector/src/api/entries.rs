//! `GET /v1/entries`: search. Who read what is itself journalled.

use daypass_protocol::event::{Action, Outcome};
use serde_json::{Value, json};

use super::call::{Call, Caller, Reply};
use super::refusal::Refusal;
use crate::index::query::Query;

pub(super) fn search(call: &Call) -> Result<Reply, Refusal> {
    let query = Query::parse(&call.query)
        .map_err(|error| Refusal::malformed("unknown-query", error.to_string()))?;
    journal(call)?;
    let page = call.collector.index().search(&query)?;
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

/// Before the first answer: what is not journalled is not read.
fn journal(call: &Call) -> Result<(), Refusal> {
    let Caller::Person { name, .. } = &call.caller else {
        return Ok(());
    };
    let Some(query) = call.readers.news(name, &call.query) else {
        return Ok(());
    };
    let event = call
        .event(Action::LogRead)
        .outcome(Outcome::Allowed)
        .detail("query", query);
    call.collector.record(&event)?;
    Ok(())
}
