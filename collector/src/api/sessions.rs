//! `GET /v1/sessions` and `GET /v1/sessions/SESSION`: who is where, and the story of one visit. Who asked is journalled.

use std::collections::HashMap;

use daypass_protocol::forwarding::{
    Found, Session as Shown, SessionState, Sessions, Story as Told,
};
use daypass_protocol::time::Time;

use super::call::{Call, Reply};
use super::readers;
use super::refusal::Refusal;
use crate::approvers::approvers;
use crate::collector::CollectorError;
use crate::groups;
use crate::index::query::{Order, Query};
use crate::index::session::{Place, Session, Wanted};
use crate::index::story::Story;
use crate::origin::{Origin, Owner};
use crate::sessions::{Logs, state};

mod asked;

use asked::Asked;

/// Journals that one id can be looked for in; a host makes its own ids, so it can make them alike.
const ALIKE: usize = 20;
/// Entries that tell of a session's windows, at most: its beginning, and each extension.
const WINDOWS: usize = 100;
/// Bytes of an id, at most; an agent's has 18.
const ID_BYTES: usize = 64;

/// `GET /v1/sessions`.
pub(super) fn list(call: &Call) -> Result<Reply, Refusal> {
    let asked = Asked::of_list(&call.query)?;
    let members = match asked.groups.is_empty() {
        true => None,
        false => Some(groups::members(
            call.collector.stores().checkpoints,
            &asked.groups,
        )?),
    };
    readers::journal(call, "sessions?")?;
    let wanted = Wanted {
        id: None,
        users: asked.users,
        hosts: asked.hosts,
        members,
        after: asked.after,
        limit: asked.limit + 1,
    };
    let mut found = call.collector.index().sessions(&wanted)?;
    let more = found.len() > asked.limit;
    found.truncate(asked.limit);
    let next = found.last().filter(|_| more).map(Place::of);
    let logs = Logs::read(call.collector.stores().checkpoints).map_err(CollectorError::from)?;
    // Many sessions have the same window.
    let mut known: HashMap<&str, Vec<String>> = HashMap::new();
    let sessions = found.iter().map(|session| {
        let approved_by = known
            .entry(&session.window)
            .or_insert_with(|| approvers(&call.collector, &session.window));
        shown(call, &logs, session, approved_by.clone())
    });
    Reply::json(&Sessions {
        sessions: sessions.collect(),
        next: next.map(|next| next.to_string()),
    })
}

/// `GET /v1/sessions/SESSION`.
pub(super) fn story(call: &Call) -> Result<Reply, Refusal> {
    let id = call.named.as_deref().unwrap_or_default();
    let asked = Asked::of_story(&call.query)?;
    if id.len() > ID_BYTES {
        return Err(no_such_session());
    }
    readers::journal(call, &format!("session {id}?"))?;
    let session = one(call, id, asked.host.as_deref())?;
    let logs = Logs::read(call.collector.stores().checkpoints).map_err(CollectorError::from)?;
    let windows = windows(call, &session)?;
    let page = call.collector.index().story(&Story {
        log: session.log.clone(),
        session: session.id.clone(),
        windows,
        serial: session.serial.clone(),
        ca: logs.of_ca(),
        after: asked.cursor,
        limit: asked.limit,
    })?;
    let entries = page.entries.into_iter().map(|found| Found {
        origin: found.origin,
        entry: found.entry,
    });
    Reply::json(&Told {
        session: shown(
            call,
            &logs,
            &session,
            approvers(&call.collector, &session.window),
        ),
        entries: entries.collect(),
        next: page.next.map(|next| next.to_string()),
    })
}

/// The one session that an id means.
fn one(call: &Call, id: &str, host: Option<&str>) -> Result<Session, Refusal> {
    let wanted = Wanted {
        id: Some(id.to_owned()),
        hosts: host.map(str::to_owned).into_iter().collect(),
        limit: ALIKE,
        ..Wanted::default()
    };
    let mut found = call.collector.index().sessions(&wanted)?;
    match (found.pop(), found.is_empty()) {
        (Some(session), true) => Ok(session),
        (Some(session), false) => {
            found.push(session);
            let hosts: Vec<&str> = found
                .iter()
                .map(|session| session.log.owner().as_str())
                .collect();
            Err(Refusal::malformed(
                "several-sessions",
                format!(
                    "several journals have a session {id}, those of {}: name the host",
                    hosts.join(", ")
                ),
            ))
        }
        (None, _) => Err(no_such_session()),
    }
}

fn no_such_session() -> Refusal {
    Refusal::missing(
        "no-such-session",
        "no journal that is held here has a session with this id; what was journalled a moment ago may be searchable \
         a moment later",
    )
}

/// The window that a session began by, and those that extended it.
fn windows(call: &Call, session: &Session) -> Result<Vec<String>, Refusal> {
    let Owner::Host(host) = session.log.owner() else {
        return Ok(Vec::new());
    };
    let query = Query {
        sessions: vec![session.id.clone()],
        hosts: vec![host.to_string()],
        actions: vec!["session.open".to_owned(), "session.extended".to_owned()],
        limit: WINDOWS,
        ..Query::all(Order::Oldest)
    };
    let found = call.collector.index().search(&query)?.entries;
    let mut windows: Vec<String> = found
        .iter()
        .filter(|found| found.origin == session.log.to_string())
        .map(|found| window_of(&session.log, &found.entry))
        .chain([session.window.clone()])
        .filter(|window| !window.is_empty())
        .collect();
    windows.sort_unstable();
    windows.dedup();
    Ok(windows)
}

fn window_of(log: &Origin, line: &str) -> String {
    crate::index::record::Record::of(log, 0, line).window
}

/// A host can write anything about anybody's windows: who approved them, the CA's journal says.
fn shown(call: &Call, logs: &Logs, session: &Session, approved_by: Vec<String>) -> Shown {
    let time = |micros: i64| Time::from_unix(micros.div_euclid(1_000_000));
    let heard = logs.heard(&session.log);
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    let state = state(session, logs, call.now, call.collector.silence_after());
    Shown {
        session: session.id.clone(),
        origin: session.log.to_string(),
        host: session.log.owner().to_string(),
        seq: session.seq,
        service: session.service.clone(),
        person: text(&session.person),
        account: session.account.clone(),
        address: text(&session.address),
        window: text(&session.window),
        approved_by,
        since: time(session.opened),
        until: session.closes.map(time),
        state,
        ended: session.end.map(|end| time(end.time)),
        ending: session.end.map(|end| end.how),
        heard: heard.map(time).filter(|_| state != SessionState::Over),
    }
}
