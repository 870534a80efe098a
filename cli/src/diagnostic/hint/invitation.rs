//! What people are told about invitations: those who pass them on, those who accept them, those who confirm them.

use daypass_protocol::api::Invitation;
use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::Name;

use super::joined;

pub(crate) const NONE: &str = "No invitation is open; `daypass invite NAME --role ROLE` makes one.";
pub(crate) const NO_KEY_YET: &str = "not handed in yet";
/// In place of a key that nobody is to rely on.
pub(crate) const UNPROVEN: &str = "** does not speak for itself: `confirm` says why **";

/// Beside the line that somebody is invited with.
pub(crate) fn made(name: &Name, until: &str) -> String {
    format!(
        "Pass this line on by a way that only {name} reads; it can be used until {until}. {name} runs\n  daypass setup LINE\nand you after that\n  daypass invite confirm {name}"
    )
}

/// To whoever handed in this key.
pub(crate) fn accepted(key: Fingerprint) -> String {
    format!(
        "Your key was handed in. An admin compares its fingerprint with you, by telephone or in person, before they sign you in:\n  {key}\nWhen they have: `daypass setup --refresh`."
    )
}

/// To an admin who is about to sign somebody in.
pub(crate) fn confirming(invitation: &Invitation, key: Fingerprint) -> String {
    let Invitation {
        person,
        roles,
        maker,
        ..
    } = invitation;
    format!(
        "{maker} invited {person} as {}. The fingerprint of the key that was handed in is\n  {key}\nHave {person} read theirs out to you, by telephone or in person: another one means that somebody else had the line.",
        joined(roles, ", ")
    )
}

/// What is handed in and stands in the roster.
pub(crate) fn done(name: &Name) -> String {
    format!("{name} is in the roster with the key that was handed in; the invitation is done.")
}

/// Where the CA was not told that it is done.
pub(crate) fn stays(name: &Name) -> String {
    format!(
        "{name} is in the roster all the same; `daypass invite confirm {name}` tells the CA that the invitation is done."
    )
}

/// Where more admins have to sign.
pub(crate) fn waits(name: &Name) -> String {
    format!("Once they have, `daypass invite confirm {name}` ends the invitation.")
}

pub(crate) fn withdrawn(name: &Name) -> String {
    format!("The invitation of {name} is withdrawn; its line is worth nothing any more.")
}
