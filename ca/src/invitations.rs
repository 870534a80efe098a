//! Invitations: what may be asked for, and what accepts one.

use std::collections::BTreeSet;

use daypass_protocol::api::Invite;
use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::invitation::{self, Acceptance, SignedAcceptance};
use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::Name;

/// How long an invitation may be good for, in seconds: a minute to 30 days.
const SECONDS: std::ops::RangeInclusive<u64> = 60..=30 * 86_400;

/// How many people can be invited at once.
pub(crate) const MOST: u32 = 100;

/// Why nobody is invited, or an invitation is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum InvitationRefusal {
    /// Too short or too long.
    #[error("an invitation can be good for 60 seconds to 30 days, not for {0} seconds")]
    Seconds(u64),
    /// As rosters refuse them.
    #[error("{0} is to have at least one role, and none twice")]
    Roles(Name),
    /// They are there.
    #[error("{0} is in the roster already; for another key of theirs see daypass person key add")]
    PersonExists(Name),
    /// As many as there may be.
    #[error(
        "{MOST} people are invited, and more cannot be at once; withdraw what nobody will accept: daypass invite list"
    )]
    TooMany,
    /// Somebody is not invited.
    #[error("{0} is not invited")]
    NotInvited(Name),
    /// No such secret, or it is out of time, or was withdrawn or replaced.
    #[error("this invitation is not known here, or counts no more; ask for a new one")]
    Unknown,
    /// What hands the key in does not count.
    #[error(transparent)]
    Acceptance(#[from] invitation::Error),
    /// It was made for another CA.
    #[error("the acceptance is for the CA {found}, this one is {expected}")]
    OtherCa {
        /// This CA.
        expected: Pin,
        /// The one named.
        found: Pin,
    },
    /// It was made for another person or with another secret.
    #[error("the acceptance is that of another invitation than {0}'s")]
    OtherInvitation(Name),
    /// Two have the line, or one has two keys.
    #[error(
        "another key was handed in with this invitation before; if that was not you, tell whoever invited you, and ask for a new one"
    )]
    Used,
    /// It signs nothing any more.
    #[error("the key {0} was revoked; hand in another one")]
    KeyRevoked(Fingerprint),
    /// It is nobody's.
    #[error("the key {0} is the recovery key, and no person's; hand in another one")]
    RecoveryKey(Fingerprint),
}

impl InvitationRefusal {
    /// For programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Seconds(_) => "invitation-seconds",
            Self::Roles(_) => "invitation-roles",
            Self::PersonExists(_) => "person-exists",
            Self::TooMany => "too-many-invitations",
            Self::NotInvited(_) => "not-invited",
            Self::Unknown => "invitation-unknown",
            Self::Acceptance(error) => error.code(),
            Self::OtherCa { .. } => "wrong-ca",
            Self::OtherInvitation(_) => "other-invitation",
            Self::Used => "invitation-used",
            Self::KeyRevoked(_) => "key-revoked",
            Self::RecoveryKey(_) => "recovery-key",
        }
    }
}

/// Checks what is asked for on its own.
///
/// # Errors
/// What is wrong with it.
pub fn check(asked: &Invite) -> Result<(), InvitationRefusal> {
    if !SECONDS.contains(&asked.seconds) {
        return Err(InvitationRefusal::Seconds(asked.seconds));
    }
    let distinct: BTreeSet<_> = asked.roles.iter().collect();
    if distinct.is_empty() || distinct.len() != asked.roles.len() {
        return Err(InvitationRefusal::Roles(asked.person.clone()));
    }
    Ok(())
}

/// What hands a key in for `person`, with the secret that hashes to `secret`, at the CA `ca`.
///
/// # Errors
/// When its key did not sign it, or it was made for something else.
pub fn read(
    accepted: &SignedAcceptance,
    ca: Pin,
    person: &Name,
    secret: Digest,
) -> Result<Acceptance, InvitationRefusal> {
    let acceptance = accepted.read()?;
    if acceptance.ca != ca {
        return Err(InvitationRefusal::OtherCa {
            expected: ca,
            found: acceptance.ca,
        });
    }
    if acceptance.person != *person || acceptance.secret != secret {
        return Err(InvitationRefusal::OtherInvitation(person.clone()));
    }
    Ok(acceptance)
}

#[cfg(test)]
mod tests {
    use daypass_protocol::roster::Role::{self, Approver, Contractor};

    use super::*;

    #[test]
    fn an_invitation_has_roles_as_rosters_take_them_and_lives_a_minute_to_thirty_days() {
        let code = |roles: &[Role], seconds| {
            let asked = Invite {
                person: "carol".parse().unwrap(),
                roles: roles.to_vec(),
                seconds,
            };
            check(&asked).map_err(|refusal| refusal.code())
        };
        assert_eq!(code(&[Contractor], 60), Ok(()));
        assert_eq!(code(&[Contractor, Approver], 2_592_000), Ok(()));
        assert_eq!(code(&[Contractor], 59), Err("invitation-seconds"));
        assert_eq!(code(&[Contractor], 2_592_001), Err("invitation-seconds"));
        assert_eq!(code(&[], 60), Err("invitation-roles"));
        assert_eq!(code(&[Contractor, Contractor], 60), Err("invitation-roles"));
    }
}
