//! `/v1/invitations`

use daypass_protocol::api::{AcceptInvitation, Invitations, Invite, WithdrawInvitation, Withdrawn};
use daypass_protocol::event::{Action, Identity, Outcome};

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::authority::{Authority, mark};

/// Those that are not over.
pub(super) fn list(authority: &Authority, _: &Call) -> Result<Reply, Refusal> {
    Reply::of(&Invitations {
        invitations: authority.invitations()?,
    })
}

/// Invites somebody.
pub(super) fn invite(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let asked: Invite = call.read()?;
    let event = call.event(Action::PersonInvited, Outcome::Done);
    Reply::of(&authority.invite(&asked, call.person()?, event)?)
}

/// Takes the key of whoever has the line.
pub(super) fn accept(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let asked: AcceptInvitation = call.read()?;
    let invited = authority.invited(&asked.secret)?;
    let accepted = authority.accept_invitation(&asked, |key| {
        let identity = Identity {
            key: Some(key.fingerprint()),
            ..Identity::default()
        };
        call.event_about(Action::InvitationAccepted, Outcome::Done, identity)
    });
    match accepted.map_err(Refusal::from) {
        Ok(accepted) => Reply::of(&accepted),
        // What failed on our side is nobody's attempt.
        Err(refusal) if refusal.status.is_server_error() => Err(refusal),
        Err(refusal) => {
            let event = call
                .event(Action::InvitationRefused, Outcome::Denied)
                .because(refusal.code, &refusal.message)
                .detail("invitation", mark(&asked.secret));
            match invited {
                // Whoever sent it has, or has seen, what an admin gave somebody.
                Some(person) => authority.note(&event.detail("person", person.to_string()))?,
                None => authority.note_stranger(event, refusal.code)?,
            }
            Err(refusal)
        }
    }
}

/// Forgets an invitation.
pub(super) fn withdraw(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let WithdrawInvitation { person } = call.read()?;
    let event = call.event(Action::InvitationWithdrawn, Outcome::Done);
    authority.withdraw_invitation(&person, event)?;
    Reply::of(&Withdrawn { person })
}
