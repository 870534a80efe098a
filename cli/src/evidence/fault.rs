//! What is wrong with a bundle: the part, and the cause.

use std::fmt;

use daypass_journal::proof::ProofFault;
use daypass_protocol::certificate;
use daypass_protocol::grant::{self, Turned};
use daypass_protocol::revocation;
use daypass_protocol::roster::ChainError;
use daypass_protocol::statement;
use daypass_protocol::window;
use thiserror::Error;

/// Something that does not hold.
#[derive(Debug)]
pub struct Fault {
    part: Option<String>,
    damage: Box<Damage>,
}

/// Two faults that read the same are the same.
impl PartialEq for Fault {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

/// Why it does not hold.
#[derive(Debug, Error)]
pub enum Damage {
    // The archive.
    /// More than a bundle may hold.
    #[error("larger than {bound} bytes")]
    TooLarge {
        /// Bytes allowed.
        bound: usize,
    },
    /// More parts than a bundle may have.
    #[error("more than {bound} parts")]
    TooMany {
        /// Parts allowed.
        bound: usize,
    },
    /// No archive, or a damaged one.
    #[error("not readable as an archive behind {after:?}: {reason}")]
    Archive {
        /// The last part that could be read.
        after: String,
        /// What is wrong.
        reason: String,
    },
    /// A link, a directory, a device, an extension.
    #[error("no regular file")]
    NotAFile,
    /// A part twice, or not where it belongs.
    #[error("not in the order of the names, or there twice")]
    OutOfOrder,
    /// It ends early.
    #[error("cut off")]
    CutOff,
    /// A name that no part has.
    #[error("no part of a bundle has this name")]
    UnknownPart,
    /// A header or padding that we do not write.
    #[error("the archive was changed at byte {offset}, in the header or padding of this part")]
    Form {
        /// Where.
        offset: usize,
    },
    /// Other bytes than those that were summed.
    #[error("its bytes are not those of its line in SHA256SUMS")]
    Sum,
    /// A part that was not summed.
    #[error("SHA256SUMS does not name it")]
    NoSum,
    /// Sums of something else.
    #[error("not exactly the sums of the other parts")]
    Sums,
    /// Something that must be there.
    #[error("{part} is missing")]
    Missing {
        /// The part.
        part: String,
    },
    /// Something that nothing refers to.
    #[error("nothing in the bundle refers to it")]
    Unused,

    // The parts.
    /// Not what follows from the others.
    #[error("not what follows from the other parts")]
    NotDerived,
    /// Not the text that this version writes.
    #[error("not the text that belongs to this version of the format")]
    OtherText,
    /// A text under another's hash.
    #[error("it is not the text whose hash it is named by")]
    OtherHash,
    /// Not text.
    #[error("not UTF-8")]
    NotText,
    /// A form that is none.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// Another CA.
    #[error("of the CA {found}, the trust file's pin is {expected}")]
    OtherCa {
        /// By the trust file.
        expected: String,
        /// By the bundle.
        found: String,
    },
    /// The rosters.
    #[error("{0}")]
    Chain(#[from] ChainError),
    /// A signature's text.
    #[error("{0}")]
    Signature(#[from] daypass_protocol::sshsig::Error),
    /// A window.
    #[error("{0}")]
    Window(#[from] window::Error),
    /// A statement.
    #[error("{0}")]
    Statement(#[from] statement::Error),
    /// A revocation of a person, key, certificate or host.
    #[error("{0}")]
    Revocation(#[from] revocation::Error),
    /// A statement about something else.
    #[error("it is about another document than the window beside it")]
    OtherWindow,
    /// A statement in a file of another verb.
    #[error("it says something else than its name")]
    OtherVerb,
    /// No entry where one belongs.
    #[error("not an entry of a journal")]
    NotAnEntry,
    /// An entry in another's file.
    #[error("it is entry {found}")]
    OtherEntry {
        /// Its own number.
        found: u64,
    },
    /// A proof of another entry.
    #[error("it proves entry {found}")]
    OtherProof {
        /// That entry.
        found: u64,
    },
    /// A proof that does not hold.
    #[error("{0}")]
    Proof(#[from] ProofFault),
    /// A certificate that is none.
    #[error("{0}")]
    Certificate(#[from] certificate::Error),
    /// A certificate that does not fit its window or its CA.
    #[error("{0}")]
    Profile(#[from] certificate::Refusal),
    /// A window that was not approved.
    #[error("its window was not approved: {0}")]
    Grant(#[from] grant::Refusal),
    /// A visit that the window does not allow.
    #[error("the window did not allow this visit: {0}")]
    Turned(Turned),
    /// An entry about the CA's doings in another's journal.
    #[error("only the CA's own journal can say this, and this one is not the CA's")]
    NotTheCas,
    /// A session in a journal of no host.
    #[error("only a host's own journal can say this, and this one is no host's")]
    NotAHosts,
    /// Another host than the one whose journal it is.
    #[error("it is about the host {found:?}, in the journal of {host}")]
    OtherHost {
        /// The one named.
        found: String,
        /// Whose journal it is.
        host: String,
    },
    /// A journal of nobody that this CA enrolled.
    #[error("{origin:?} is no journal of this CA, its hosts or its collectors")]
    Stranger {
        /// The journal.
        origin: String,
    },
    /// A decision beside a statement of another verb.
    #[error("it carries the statement {verb:?}")]
    OtherDecision {
        /// What the statement says.
        verb: &'static str,
    },
    /// A session that may go on longer than its window.
    #[error("the session may last until {found}, but its window allows {allowed} at most")]
    TooLong {
        /// By the entry.
        found: String,
        /// By the window.
        allowed: String,
    },
    /// A window that does not prolong the one before it.
    #[error("window {window} does not prolong the one by which the session was open")]
    NoExtension {
        /// The window.
        window: String,
    },
    /// Two parts that should say the same.
    #[error("its {field} is not that of {other}")]
    Differs {
        /// What.
        field: &'static str,
        /// The other part.
        other: String,
    },
}

impl Fault {
    pub(super) fn new(part: &(impl ToString + ?Sized), damage: impl Into<Damage>) -> Self {
        Self {
            part: Some(part.to_string()),
            damage: Box::new(damage.into()),
        }
    }

    pub(super) fn of_bundle(damage: Damage) -> Self {
        Self {
            part: None,
            damage: Box::new(damage),
        }
    }

    /// The part, if it is of one.
    pub(super) fn part(&self) -> Option<&str> {
        self.part.as_deref()
    }

    /// What is wrong.
    pub(super) fn damage(&self) -> &Damage {
        &self.damage
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Some(part) => write!(out, "{part}: {}", self.damage),
            None => write!(out, "the bundle: {}", self.damage),
        }
    }
}
