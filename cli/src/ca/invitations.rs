//! Invitations at the CA: what an admin asks of it, and what somebody hands in who is nobody there yet.

use daypass_protocol::api::{
    AcceptInvitation, Accepted, Invitation, Invitations, Invite, Invited, WithdrawInvitation,
    Withdrawn,
};
use daypass_protocol::digest::Digest;
use daypass_protocol::invitation::Acceptance;
use daypass_protocol::key::Key;
use daypass_protocol::name::Name;
use daypass_protocol::token::InviteLine;
use daypass_protocol::version::Version;

use super::wire::{self, Call, Wire};
use super::{Ca, encoded};
use crate::diagnostic::Failure;
use crate::diagnostic::invitation::InvitationError;
use crate::keys::SigningKey;

impl Ca {
    /// Invites somebody, in place of an earlier invitation of theirs.
    pub(crate) fn invite(&self, wish: &Invite) -> Result<Invited, Failure> {
        self.send("/v1/invitations", wish)
    }

    /// The invitations that are not over, as the CA tells them.
    pub(crate) fn invitations(&self) -> Result<Vec<Invitation>, Failure> {
        Ok(self.fetch::<Invitations>("/v1/invitations")?.invitations)
    }

    /// Has the CA forget the invitation of this person.
    pub(crate) fn withdraw(&self, person: &Name) -> Result<(), Failure> {
        let wish = WithdrawInvitation {
            person: person.clone(),
        };
        self.send::<Withdrawn>("/v1/invitations/withdraw", &wish)
            .map(drop)
    }

    /// The hash of the X.509 root under which the CA answers today. It may be a later one than the one that this machine
    /// was set up with.
    pub(crate) fn shown_root(&self) -> Result<Digest, Failure> {
        let url = &self.config.url;
        for hash in wire::trusted_roots(&self.places)? {
            match wire::fetch_root(url, &hash) {
                Ok(_) => return Ok(hash),
                Err(Failure::OtherRoot { .. }) => {}
                Err(failure) => return Err(failure),
            }
        }
        Err(Failure::OtherRoot {
            url: url.to_string(),
        })
    }
}

/// Hands in the public half of `key` as the one who was invited, at the CA under this X.509 root.
pub(crate) fn accept(line: &InviteLine, root: &str, key: &SigningKey) -> Result<(), Failure> {
    let person = &line.person;
    let own =
        Key::try_from(key.public().clone()).map_err(|source| InvitationError::UnusableKey {
            source: Box::new(source),
        })?;
    let fingerprint = own.fingerprint();
    let acceptance = Acceptance {
        v: Version,
        ca: line.ca,
        person: person.clone(),
        secret: line.secret.digest(),
        key: own,
    };
    let accepted = acceptance
        .sign(|namespace, bytes| key.sign(namespace, bytes))
        .map_err(Failure::Key)?;
    let body = encoded(&AcceptInvitation {
        secret: line.secret.clone(),
        accepted,
    })?;
    let call = Call::Post("/v1/invitations/accept", &body);
    let answer: Accepted = Wire::under(&line.url, root)?
        .call(call, None)
        .map_err(|failure| explained(failure, person))?;
    if answer.person == *person && answer.fingerprint == fingerprint {
        Ok(())
    } else {
        Err(InvitationError::OtherAnswer { fingerprint }.into())
    }
}

/// What the CA's refusal means for whoever was invited.
fn explained(failure: Failure, person: &Name) -> Failure {
    let person = person.clone();
    match &failure {
        Failure::Refused { code, .. } if code == "invitation-unknown" => {
            InvitationError::Unknown { person }.into()
        }
        Failure::Refused { code, .. } if code == "invitation-used" => {
            InvitationError::Used { person }.into()
        }
        _ => failure,
    }
}
