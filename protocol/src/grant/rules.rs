//! Who may approve what. Pure: verified statements in, a verdict out.

use super::{Refusal, may_ask_for_others};
use crate::key::Fingerprint;
use crate::name::Name;
use crate::place::Place;
use crate::roster::{Role, VerifiedRoster};
use crate::statement::{Verb, VerifiedStatement};
use crate::window::Window;
use std::collections::{BTreeMap, BTreeSet};

/// The window's keys that are still the contractor's.
pub(super) fn live_keys(
    window: &Window,
    roster: &VerifiedRoster,
) -> Result<Vec<Fingerprint>, Refusal> {
    let contractor = &window.contractor;
    let person = roster
        .person(contractor)
        .ok_or_else(|| Refusal::UnknownContractor(contractor.clone()))?;
    if !person.is(Role::Contractor) {
        return Err(Refusal::NotAContractor(contractor.clone()));
    }
    let current: Vec<_> = person
        .keys
        .iter()
        .map(crate::key::Key::fingerprint)
        .collect();
    let live: Vec<_> = window
        .keys
        .iter()
        .copied()
        .filter(|key| current.contains(key))
        .collect();
    if live.is_empty() {
        Err(Refusal::NoLiveKey(contractor.clone()))
    } else {
        Ok(live)
    }
}

/// Who opened the window, and who approved it.
///
/// Exactly one statement opens it: a `request` by the contractor or by an approver for them, or a `grant` by an
/// approver, which is an approval as well. All others are approvals, each of another person, none of whom opened it
/// by request or profits from it. Whether they are enough, the policy says.
pub(super) fn judge(
    window: &Window,
    statements: &[VerifiedStatement],
    roster: &VerifiedRoster,
    places: &[Place],
) -> Result<(Name, BTreeSet<Name>), Refusal> {
    let opener = opening(window, statements, roster)?;
    let mut approvers = BTreeMap::new();
    for statement in statements {
        let signer = statement.signer();
        match statement.verb() {
            Verb::Request => continue,
            Verb::Grant => {}
            Verb::Approve if signer == opener.signer() => return Err(repeated(opener)),
            Verb::Approve => {}
            verb @ (Verb::Deny | Verb::End | Verb::Revoke) => return Err(Refusal::UnfitVerb(verb)),
        }
        may_approve(window, signer, roster)?;
        if approvers.insert(signer, statement.signed_with()).is_some() {
            return Err(Refusal::Twice(signer.clone()));
        }
    }
    roster
        .policy
        .is_approved_by(window, places, &approvers, roster)?;
    let approvers = approvers.into_keys().cloned().collect();
    Ok((opener.signer().clone(), approvers))
}

fn opening<'a>(
    window: &Window,
    statements: &'a [VerifiedStatement],
    roster: &VerifiedRoster,
) -> Result<&'a VerifiedStatement, Refusal> {
    let mut openings = statements
        .iter()
        .filter(|statement| matches!(statement.verb(), Verb::Request | Verb::Grant));
    let opener = openings.next().ok_or(Refusal::NoRequest)?;
    if openings.next().is_some() {
        return Err(Refusal::TwoRequests);
    }
    let signer = opener.signer();
    if opener.verb() == Verb::Request
        && *signer != window.contractor
        && !may_ask_for_others(roster, signer)
    {
        return Err(Refusal::MayNotAsk(signer.clone()));
    }
    Ok(opener)
}

fn may_approve(window: &Window, signer: &Name, roster: &VerifiedRoster) -> Result<(), Refusal> {
    if *signer == window.contractor {
        return Err(Refusal::OwnWindow(signer.clone()));
    }
    match roster.person(signer) {
        Some(person) if person.is(Role::Approver) => Ok(()),
        _ => Err(Refusal::NotAnApprover(signer.clone())),
    }
}

/// What is wrong with an approval by the one who opened the window.
fn repeated(opener: &VerifiedStatement) -> Refusal {
    let signer = opener.signer().clone();
    if opener.verb() == Verb::Grant {
        Refusal::Twice(signer)
    } else {
        Refusal::OwnRequest(signer)
    }
}
