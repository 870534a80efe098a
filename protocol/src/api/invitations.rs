//! `/v1/invitations`.

use serde::{Deserialize, Serialize};

use crate::invitation::SignedAcceptance;
use crate::key::{Fingerprint, Key};
use crate::name::Name;
use crate::roster::Role;
use crate::time::Time;
use crate::token::Secret;

/// `POST /v1/invitations`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Under which name they are to be in the roster.
    pub person: Name,
    /// With which roles.
    pub roles: Vec<Role>,
    /// How long the invitation can be accepted and confirmed.
    pub seconds: u64,
}

/// The answer to it: the client makes a [`crate::token::InviteLine`] of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Invited {
    /// What the CA knows the hash of.
    pub secret: Secret,
    /// The first instant at which it counts no more.
    pub until: Time,
}

/// `POST /v1/invitations/accept`, by the one who was invited.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// From the line.
    pub secret: Secret,
    /// Their key, by which they say so.
    pub accepted: SignedAcceptance,
}

/// The answer to it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// Who they are here, once an admin has confirmed it.
    pub person: Name,
    /// Of the key that was handed in.
    pub fingerprint: Fingerprint,
}

/// `GET /v1/invitations`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Invitations {
    /// Those that are not over, by name.
    pub invitations: Vec<Invitation>,
}

/// What the CA says of an invitation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// Who is invited.
    pub person: Name,
    /// With which roles.
    pub roles: Vec<Role>,
    /// Who invites.
    pub maker: Name,
    /// Since when.
    pub made: Time,
    /// The first instant at which it counts no more.
    pub until: Time,
    /// The key that was handed in, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// The same in its owner's words, signed with that key: nobody has to take the CA's word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<SignedAcceptance>,
}

/// `POST /v1/invitations/withdraw`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawInvitation {
    /// Whose.
    pub person: Name,
}

/// The answer to it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawn {
    /// Whose.
    pub person: Name,
}
