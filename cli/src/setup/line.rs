//! The line that `daypass setup` takes: one that says which CA it is, or an invitation, which says who reads it as well.

use std::str::FromStr;

use daypass_protocol::name::Name;
use daypass_protocol::token::{Error, InviteLine, SetupLine};

use crate::diagnostic::invitation::InvitationError;

/// Either line.
#[derive(Debug, Clone)]
pub(super) enum Line {
    Setup(SetupLine),
    Invite(InviteLine),
}

impl FromStr for Line {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.parse() {
            Ok(line) => return Ok(Self::Invite(line)),
            Err(Error::Prefix { .. }) => {}
            Err(error) => return Err(error),
        }
        match text.parse() {
            Err(Error::Prefix { .. }) => Err(Error::Prefix {
                expected: "daypass-invite-1. or daypass-setup-1.",
            }),
            line => line.map(Self::Setup),
        }
    }
}

impl Line {
    /// Which CA it names.
    pub(super) fn ca(&self) -> SetupLine {
        match self {
            Self::Setup(line) => line.clone(),
            Self::Invite(InviteLine { url, root, ca, .. }) => SetupLine {
                url: url.clone(),
                root: *root,
                ca: *ca,
            },
        }
    }

    /// The invitation.
    pub(super) fn invitation(&self) -> Option<&InviteLine> {
        match self {
            Self::Setup(_) => None,
            Self::Invite(line) => Some(line),
        }
    }

    /// Who the machine is set up for: as typed, or as invited.
    pub(super) fn person<'a>(
        &'a self,
        typed: Option<&'a Name>,
    ) -> Result<&'a Name, InvitationError> {
        match (self, typed) {
            (Self::Setup(_), None) => Err(InvitationError::NoPerson),
            (Self::Invite(line), Some(person)) if line.person != *person => {
                Err(InvitationError::OtherPerson {
                    invited: line.person.clone(),
                    person: person.clone(),
                })
            }
            (Self::Setup(_), Some(person)) => Ok(person),
            (Self::Invite(line), _) => Ok(&line.person),
        }
    }
}
