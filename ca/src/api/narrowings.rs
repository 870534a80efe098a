//! `POST /v1/windows/ID/narrowings`

use daypass_protocol::event::{Action, Outcome};
use daypass_protocol::narrowing::{SignedNarrowing, VerifiedNarrowing};
use daypass_protocol::roster::VerifiedRoster;
use daypass_protocol::time::Time;

use super::call::{Call, Reply};
use super::refusal::Refusal;
use super::windows::{about, find, in_force, may_see, no_such, refuse};
use crate::authority::Authority;
use crate::case::Case;
use crate::narrow::{self, NarrowingRefusal};

/// Makes a window smaller. Whoever may say so is asked for no approval.
pub(super) fn add(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let id = call.window()?;
    let signed: SignedNarrowing = call.read()?;
    let case = {
        let _alone = authority.deciding();
        let roll = authority.roll();
        let (roster, now) = (in_force(&roll)?, authority.now());
        let case = find(authority, id)?;
        if !may_see(roster, call.person()?, &case) {
            return Err(no_such(id));
        }
        let verified = match check(authority, call, &case, &signed, roster, now) {
            Ok(verified) => verified,
            Err(refusal) => {
                refuse(authority, call, id, &refusal)?;
                return Err(refusal);
            }
        };
        let row = narrow::row(case.window(), &signed, &verified, now);
        let case = case.narrowed(signed, verified.narrowing().clone());
        let event = call
            .event_about(Action::WindowNarrowed, Outcome::Done, about(id))
            .detail("state", case.state(roster, now).as_str())
            .detail("narrowing", row.narrowing.clone())
            .detail("signature", row.signature.clone());
        authority.decide(move |tx| {
            if tx.add_narrowing(&row)? {
                Ok(((), event))
            } else {
                Err(Refusal::conflict(
                    "narrowing-known",
                    "this very narrowing was taken already",
                ))
            }
        })?;
        case
    };
    // Hosts learn of it by the state: now, not within a minute.
    authority.announce()?;
    let roll = authority.roll();
    Reply::of(&case.view(in_force(&roll)?, authority.now()))
}

fn check(
    authority: &Authority,
    call: &Call,
    case: &Case,
    signed: &SignedNarrowing,
    roster: &VerifiedRoster,
    now: Time,
) -> Result<VerifiedNarrowing, Refusal> {
    let verified = signed.check_by(roster).map_err(NarrowingRefusal::from)?;
    narrow::add(
        case.window(),
        case.state(roster, now),
        case.narrowings(),
        &verified,
        call.person()?,
        now,
    )?;
    authority.room_for(roster, call.person()?, signed, None)?;
    Ok(verified)
}
