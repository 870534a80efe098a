//! What can be wrong with an invitation: for the one who was invited, and for the admin who confirms it.

use daypass_protocol::invitation;
use daypass_protocol::key::{self, Fingerprint};
use daypass_protocol::name::Name;
use daypass_protocol::roster::Role;
use daypass_protocol::time::Time;
use thiserror::Error;

/// Why somebody is not in the roster by an invitation.
#[derive(Debug, Error)]
pub enum InvitationError {
    // For the one who was invited.
    /// A setup line says nothing about its reader.
    #[error("say who you are: add --person NAME, as your admin has it in the roster")]
    NoPerson,
    /// The line is for somebody else than the command line says.
    #[error("this line invites {invited}, and not {person}; ask your admin for one of your own")]
    OtherPerson {
        /// In the line.
        invited: Name,
        /// Typed.
        person: Name,
    },
    /// The key can be nobody's.
    #[error(
        "this key can stand in no roster: {source}; make another with `ssh-keygen -t ed25519`, and name it with --key"
    )]
    UnusableKey {
        /// Why not.
        source: Box<key::Error>,
    },
    /// It ran out, or was never made.
    #[error(
        "the CA knows no such invitation of {person} any more: it ran out, or was replaced, withdrawn or confirmed. Ask your admin for a new line; if you are in the roster by now, `daypass setup --refresh` is enough"
    )]
    Unknown {
        /// In the line.
        person: Name,
    },
    /// Another key was handed in first.
    #[error(
        "another key was handed in for {person} with this line before, and stays. If that was you, name that key with --key; if not, somebody else had the line: tell your admin at once, who makes a new one"
    )]
    Used {
        /// In the line.
        person: Name,
    },
    /// The CA took something else.
    #[error(
        "the CA does not say that it took your key, {fingerprint}, for the person in the line; it and this program may be of different versions, or it lies: tell its admins"
    )]
    OtherAnswer {
        /// The key that was handed in.
        fingerprint: Fingerprint,
    },

    // For the admin.
    /// There is none.
    #[error(
        "no invitation of {person} is open; `daypass invite list` shows those that are, `daypass person list` who is in the roster"
    )]
    None {
        /// As asked.
        person: Name,
    },
    /// No key was handed in.
    #[error("{person} has not handed in a key yet; the line can be used until {until}")]
    NotAccepted {
        /// Who was invited.
        person: Name,
        /// The end of the invitation.
        until: Time,
    },
    /// The CA's word is not borne out by the key's own signature.
    #[error(
        "the CA shows a key for {person} that does not speak for itself: {source}; nothing was signed. It may be lying: tell its admins"
    )]
    Unproven {
        /// Who was invited.
        person: Name,
        /// What is wrong with it.
        source: Box<invitation::Error>,
    },
    /// The key's own signature says something else than the CA.
    #[error(
        "the key that the CA shows for {person} was not handed in as theirs, or not at this CA; nothing was signed. It may be lying: tell its admins"
    )]
    Contradicted {
        /// Who was invited.
        person: Name,
    },
    /// `--yes` alone.
    #[error(
        "nobody is signed in unseen: with --yes, say what you have compared, --fingerprint SHA256:… as {person} reads it out, and what they are to be, --role ROLE"
    )]
    Unseen {
        /// Who was invited.
        person: Name,
    },
    /// Somebody else's key.
    #[error(
        "the key that was handed in for {person} is {found}, and not {named}; nothing was signed. If {named} is theirs, somebody else had the line: `daypass invite withdraw {person}`, and pass the next one on by another way"
    )]
    OtherFingerprint {
        /// Who was invited.
        person: Name,
        /// Typed.
        named: Fingerprint,
        /// Handed in.
        found: Fingerprint,
    },
    /// Other roles than the admin means.
    #[error(
        "the CA has it that {person} is invited as {}, and not as {}; nothing was signed. `daypass invite` makes another invitation; if nobody changed it, the CA may be lying",
        listed(found),
        listed(named)
    )]
    OtherRoles {
        /// Who was invited.
        person: Name,
        /// Typed.
        named: Vec<Role>,
        /// In the invitation.
        found: Vec<Role>,
    },
    /// They came into the roster by another way.
    #[error(
        "{person} is in the roster without the key of the invitation; `daypass invite withdraw {person}` ends it, `daypass person key add` takes another key"
    )]
    InRoster {
        /// Who was invited.
        person: Name,
    },
}

impl InvitationError {
    /// Whether the command line is at fault.
    pub(super) fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NoPerson | Self::OtherPerson { .. } | Self::Unseen { .. }
        )
    }
}

fn listed(roles: &[Role]) -> String {
    let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
    roles.join(", ")
}
