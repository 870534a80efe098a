//! `POST /v1/windows/ID/statements`

use daypass_protocol::event::{Action, Outcome};
use daypass_protocol::roster::VerifiedRoster;
use daypass_protocol::statement::{SignedStatement, Verb, VerifiedStatement};
use daypass_protocol::time::Time;

use super::call::{Call, Reply};
use super::refusal::Refusal;
use super::windows::{about, find, in_force, may_see, no_such, refuse};
use crate::approve;
use crate::authority::Authority;
use crate::case::{self, Case};

/// Adds a statement to a window's file.
pub(super) fn add(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let id = call.window()?;
    let signed: SignedStatement = call.read()?;
    let (case, stops) = {
        let _alone = authority.deciding();
        let roll = authority.roll();
        let (roster, now) = (in_force(&roll)?, authority.now());
        let case = find(authority, id)?;
        if !may_see(roster, call.person()?, &case) {
            return Err(no_such(id));
        }
        let verified = match check(authority, &case, call, &signed, roster, now) {
            Ok(verified) => verified,
            Err(refusal) => {
                refuse(authority, call, id, &refusal)?;
                return Err(refusal);
            }
        };
        let row = case::row(case.window(), &signed, &verified, now);
        let case = case.with(signed, &verified);
        let event = call
            .event_about(action(verified.verb()), Outcome::Done, about(id))
            .detail("state", case.state(roster, now).as_str())
            .detail("statement", row.statement.clone())
            .detail("signature", row.signature.clone());
        authority.decide(move |tx| {
            tx.add_statement(&row)?;
            Ok::<_, Refusal>(((), event))
        })?;
        (case, is_announced(verified.verb()))
    };
    if stops {
        // Hosts learn of it by the state: now, not within a minute.
        authority.announce()?;
    }
    let roll = authority.roll();
    Reply::of(&case.view(in_force(&roll)?, authority.now()))
}

fn check(
    authority: &Authority,
    case: &Case,
    call: &Call,
    signed: &SignedStatement,
    roster: &VerifiedRoster,
    now: Time,
) -> Result<VerifiedStatement, Refusal> {
    let verified = signed.check(roster)?;
    approve::add(
        case.window(),
        case.places(),
        case.said(),
        &verified,
        call.person()?,
        roster,
        now,
    )?;
    if is_announced(verified.verb()) {
        let stopped = case.window().document().id;
        authority.room_for(roster, call.person()?, signed, Some(stopped))?;
    }
    Ok(verified)
}

/// Whether hosts are told of it by the state.
fn is_announced(verb: Verb) -> bool {
    matches!(verb, Verb::End | Verb::Revoke)
}

fn action(verb: Verb) -> Action {
    match verb {
        Verb::Request => Action::WindowRequested,
        Verb::Approve => Action::WindowApproved,
        Verb::Deny => Action::WindowDenied,
        Verb::Grant => Action::WindowGranted,
        Verb::End => Action::WindowEnded,
        Verb::Revoke => Action::WindowRevoked,
    }
}
