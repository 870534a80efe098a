//! Invitations as admins make them, and as those who were invited accept them.

use daypass_protocol::api::{
    AcceptInvitation, Accepted, Invitation, Invitations, Invite, Invited, Withdrawn,
};
use daypass_protocol::invitation::Acceptance;
use daypass_protocol::roster::Role;
use daypass_protocol::sshsig;
use daypass_protocol::token::Secret;
use daypass_protocol::version::Version;
use serde_json::json;

use super::{House, No, Someone};

impl House {
    /// Ten minutes for somebody to become a contractor.
    pub(crate) fn invite(&self, person: &str) -> Result<Invited, No> {
        let asked = Invite {
            person: person.parse().unwrap(),
            roles: vec![Role::Contractor],
            seconds: 600,
        };
        self.post(&self.admin, "/v1/invitations", &asked)
    }

    /// What their own client would hand in.
    pub(crate) fn acceptance(&self, secret: &Secret, who: &Someone) -> Acceptance {
        Acceptance {
            v: Version,
            ca: self.newborn.pin,
            person: who.name.clone(),
            secret: secret.digest(),
            key: who.public(),
        }
    }

    pub(crate) fn hand_in(&self, asked: &AcceptInvitation) -> Result<Accepted, No> {
        self.post_bare("/v1/invitations/accept", asked)
    }

    pub(crate) fn accept(&self, secret: &Secret, who: &Someone) -> Result<Accepted, No> {
        self.hand_in(&signed(secret, &self.acceptance(secret, who), who))
    }

    pub(crate) fn withdraw(&self, person: &str) -> Result<Withdrawn, No> {
        let asked = json!({"person": person});
        self.post(&self.admin, "/v1/invitations/withdraw", &asked)
    }

    pub(crate) fn invitations(&self) -> Vec<Invitation> {
        let answer: Invitations = self.get(&self.admin, "/v1/invitations").unwrap();
        answer.invitations
    }
}

pub(crate) fn signed(secret: &Secret, said: &Acceptance, signer: &Someone) -> AcceptInvitation {
    AcceptInvitation {
        secret: secret.clone(),
        accepted: said.sign(sshsig::with_key(&signer.key)).unwrap(),
    }
}
