//! `/v1/windows`

use std::collections::BTreeSet;

use daypass_protocol::api::{Draft, HostOrGroup, Submission, WindowState, Windows, Wish};
use daypass_protocol::event::{Action, Identity, Outcome};
use daypass_protocol::name::{HostName, Name};
use daypass_protocol::place::Place;
use daypass_protocol::roster::{Role, VerifiedRoster};
use daypass_protocol::statement::{SignedStatement, Verb, VerifiedStatement};
use daypass_protocol::time::Time;
use daypass_protocol::window::{FrozenWindow, WindowId};

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::approve;
use crate::authority::Authority;
use crate::case::{self, Case};
use crate::random;
use crate::store::{StoreError, StoredWindow, Tx, WindowFilter};
use crate::windows::{self, WindowRefusal};

/// Windows in one answer, at most.
const MOST_SHOWN: usize = 100;

/// Windows looked at for one answer, at most, the newest first.
const MOST_READ: u32 = 2000;

/// Windows of one contractor's own asking whose end is still to come, at most, whatever became of them.
const MOST_TO_COME: usize = 256;

/// Writes a wish down as the document that its author then signs.
pub(super) fn draft(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let mut wish: Wish = call.read()?;
    let contractor = wish.contractor.take().unwrap_or(call.person()?.clone());
    let places = authority.store().read(|tx| {
        let hosts: Vec<HostName> = resolve(tx, &wish.hosts)?.into_iter().collect();
        Ok::<_, Refusal>(case::places(tx, &hosts)?)
    })?;
    let id = WindowId::new(authority.now(), random::bytes()?);
    let roll = authority.roll();
    let window = windows::draft(wish, contractor, &places, in_force(&roll)?, id)?;
    Reply::of(&Draft {
        window: window.text().to_owned(),
    })
}

/// Takes a window in, by a request or a grant.
pub(super) fn submit(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let Submission { window, statement } = call.read()?;
    let window = FrozenWindow::parse(&window).map_err(WindowRefusal::from)?;
    let _alone = authority.deciding();
    let roll = authority.roll();
    let (roster, now) = (in_force(&roll)?, authority.now());
    let (verified, places) = match may_submit(authority, call, &window, &statement, roster, now) {
        Ok(taken) => taken,
        Err(refusal) => {
            refuse(authority, call, window.document().id, &refusal)?;
            return Err(refusal);
        }
    };
    let document = window.document();
    let stored = StoredWindow {
        id: document.id.to_string(),
        hash: window.hash().to_string(),
        document: window.text().to_owned(),
        contractor: document.contractor.to_string(),
        starts: document.starts.unix(),
        ends: document.ends.unix(),
        submitted: now.unix(),
    };
    let row = case::row(&window, &statement, &verified, now);
    let action = match verified.verb() {
        Verb::Grant => Action::WindowGranted,
        _ => Action::WindowRequested,
    };
    let event = call
        .event_about(action, Outcome::Done, about(document.id))
        .detail("window", window.text())
        .detail("hash", stored.hash.clone())
        .detail("contractor", stored.contractor.clone())
        .detail("statement", serde_json::json!(statement));
    authority.decide(move |tx| {
        if tx.window(&stored.id)?.is_some() {
            return Err(Refusal::conflict(
                "window-known",
                "this window was submitted already",
            ));
        }
        tx.add_window(&stored)?;
        tx.add_statement(&row)?;
        Ok(((), event))
    })?;
    Reply::of(&Case::begun(window, places, statement, &verified).view(roster, now))
}

/// One window.
pub(super) fn show(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let roll = authority.roll();
    let roster = in_force(&roll)?;
    let case = find(authority, call.window()?)?;
    if !may_see(roster, call.person()?, &case) {
        return Err(no_such(call.window()?));
    }
    Reply::of(&case.view(roster, authority.now()))
}

/// The windows that the caller may see, the newest first.
pub(super) fn list(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let [state] = call.query(["state"])?;
    let state: Option<WindowState> = state
        .map(|state| {
            state
                .parse()
                .map_err(|error| Refusal::malformed("unknown-state", format!("{error}")))
        })
        .transpose()?;
    let roll = authority.roll();
    let (roster, now, person) = (in_force(&roll)?, authority.now(), call.person()?);
    let live = state.is_some_and(|state| !approve::is_final(state));
    let filter = WindowFilter {
        contractor: (!oversees(roster, person)).then(|| person.to_string()),
        ends_after: live.then_some(now.unix()),
        limit: MOST_READ,
    };
    let windows = authority.store().read(|tx| {
        let mut views = Vec::new();
        for stored in tx.windows(&filter)? {
            let view = Case::open(tx, &stored)?.view(roster, now);
            if state.is_none_or(|state| state == view.state) {
                views.push(view);
            }
            if views.len() == MOST_SHOWN {
                break;
            }
        }
        Ok::<_, Refusal>(views)
    })?;
    Reply::of(&Windows { windows })
}

/// The case of a window, whoever asks.
pub(super) fn find(authority: &Authority, id: WindowId) -> Result<Case, Refusal> {
    authority
        .store()
        .read(|tx| Case::find(tx, &id.to_string()))?
        .ok_or_else(|| no_such(id))
}

/// The answer about a window that is not there, or not for the caller to see: the same for both.
pub(super) fn no_such(id: WindowId) -> Refusal {
    Refusal::missing(
        "no-such-window",
        format!("there is no window {id} that you may see"),
    )
}

/// Contractors see their own windows, everybody else sees all.
pub(super) fn may_see(roster: &VerifiedRoster, person: &Name, case: &Case) -> bool {
    let own = case.window().document().contractor == *person
        || case.said().iter().any(|said| said.signer == *person);
    own || oversees(roster, person)
}

/// Journals a statement that did not count.
pub(super) fn refuse(
    authority: &Authority,
    call: &Call,
    window: WindowId,
    refusal: &Refusal,
) -> Result<(), Refusal> {
    let event = call
        .event_about(Action::StatementRefused, Outcome::Denied, about(window))
        .because(refusal.code, &refusal.message);
    Ok(authority.note(&event)?)
}

/// An identity of which the window is known.
pub(super) fn about(window: WindowId) -> Identity {
    Identity {
        window: Some(window),
        ..Identity::default()
    }
}

/// The roster in force; routes that need one are not reached before there is one.
pub(super) fn in_force(roll: &crate::people::Roll) -> Result<&VerifiedRoster, Refusal> {
    roll.newest()
        .ok_or_else(|| Refusal::unavailable("roster-unsigned", "roster 1 is not signed yet"))
}

fn oversees(roster: &VerifiedRoster, person: &Name) -> bool {
    [Role::Approver, Role::Admin, Role::Auditor]
        .into_iter()
        .any(|role| roster.person(person).is_some_and(|person| person.is(role)))
}

fn may_submit(
    authority: &Authority,
    call: &Call,
    window: &FrozenWindow,
    statement: &SignedStatement,
    roster: &VerifiedRoster,
    now: Time,
) -> Result<(VerifiedStatement, Vec<Place>), Refusal> {
    let verified = statement.check(roster)?;
    let places = authority.store().read(|tx| {
        let hosts = enrolled(tx, &window.document().hosts)?;
        Ok::<_, Refusal>(case::places(tx, &hosts)?)
    })?;
    windows::check(window, roster, &places, now)?;
    has_room(authority, call, window, now)?;
    approve::begin(window, &places, &verified, call.person()?, roster, now)?;
    Ok((verified, places))
}

/// Refuses a contractor's own request when they have more windows to come than anybody needs: each may be ended and
/// narrowed, and hosts are told of that until its end.
fn has_room(
    authority: &Authority,
    call: &Call,
    window: &FrozenWindow,
    now: Time,
) -> Result<(), Refusal> {
    let contractor = &window.document().contractor;
    if call.person()? != contractor {
        return Ok(());
    }
    let person = contractor.to_string();
    let there = authority
        .store()
        .read(|tx| tx.window_ids_of(&person, now.unix()))?;
    if there.len() < MOST_TO_COME {
        return Ok(());
    }
    Err(Refusal::conflict(
        "too-many-windows",
        format!(
            "{contractor} has {MOST_TO_COME} windows whose end is still to come; an approver can grant one more"
        ),
    ))
}

/// Which of these are names (not aliases) of enrolled hosts.
fn enrolled(tx: &Tx<'_>, hosts: &[HostName]) -> Result<Vec<HostName>, StoreError> {
    let mut found = Vec::new();
    for host in hosts {
        if tx
            .host_named(host.as_str())?
            .is_some_and(|enrolled| enrolled.name == host.as_str())
        {
            found.push(host.clone());
        }
    }
    Ok(found)
}

/// Groups and aliases as the names of enrolled hosts.
fn resolve(tx: &Tx<'_>, wanted: &[HostOrGroup]) -> Result<BTreeSet<HostName>, Refusal> {
    let mut hosts = BTreeSet::new();
    for wanted in wanted {
        let found = match wanted {
            HostOrGroup::Host(host) => {
                let enrolled = tx.host_named(host.as_str())?;
                vec![
                    enrolled
                        .ok_or_else(|| WindowRefusal::UnknownHost(host.clone()))?
                        .name,
                ]
            }
            HostOrGroup::Group(group) => match tx.hosts_of_group(group.as_str())? {
                none if none.is_empty() => {
                    return Err(WindowRefusal::EmptyGroup(group.clone()).into());
                }
                some => some,
            },
        };
        hosts.extend(super::hosts::names::<HostName>(&found)?);
    }
    Ok(hosts)
}
