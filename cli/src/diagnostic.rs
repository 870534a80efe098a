//! What people are told: what happened, and what to do next. All such text stands here and below.

pub mod evidence;
pub(crate) mod hint;
mod input;
pub mod invitation;
mod key;
pub(crate) mod prompt;

use std::io;
use std::path::PathBuf;

use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::{HostName, InvalidName, Name};
use daypass_protocol::roster::{self, ChainError};
use daypass_protocol::window;
use jiff::tz::TimeZone;
use thiserror::Error;

use crate::moment;
use crate::output::inert::inert;
pub(crate) use hint::Obstacle;
pub use input::{HoursError, MomentError};
pub use key::KeyError;

/// Why a command did not do what was asked.
#[derive(Debug, Error)]
pub enum Failure {
    // This machine.
    /// Neither `HOME` nor the account's entry names a directory.
    #[error("there is no home directory to keep the configuration in; set HOME")]
    NoHome,
    /// There is no configuration yet.
    #[error("{} does not exist: this machine is not set up; run `daypass setup` with the line from your admin", path.display())]
    NotSetUp {
        /// Where it would be.
        path: PathBuf,
    },
    /// The configuration cannot be understood.
    #[error("{}: {source}mend it, or remove it and run `daypass setup` again", path.display())]
    BadConfig {
        /// The file.
        path: PathBuf,
        /// Line, column and key.
        source: Box<toml::de::Error>,
    },
    /// The machine belongs to another CA.
    #[error("this machine is set up for the CA {ca}; to change over, remove {} and set it up again", path.display())]
    OtherCaSetUp {
        /// The configuration.
        path: PathBuf,
        /// The CA in it.
        ca: Pin,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    CannotRead {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    CannotWrite {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is longer than any such file should be.
    #[error("{} has more than {bound} bytes, which no such file needs; look at what is in it", path.display())]
    FileTooLong {
        /// The file.
        path: PathBuf,
        /// Bytes allowed.
        bound: u64,
    },
    /// A value has no TOML form; a path that is not UTF-8, for one.
    #[error("{} cannot be written: a path in it is not UTF-8; use another path", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
    },
    /// `ssh_config` has no way to say a path.
    #[error("ssh cannot be told a path beside {}: it holds a quote, a control character or one of \\*?[]${{}}; use a home or XDG directory without", path.display())]
    UnquotablePath {
        /// The include file.
        path: PathBuf,
    },
    /// Standard output is gone.
    #[error("cannot write the result: {0}")]
    Output(#[source] io::Error),
    /// A question came up where nobody can answer.
    #[error(
        "this needs a yes, and there is no terminal to ask on; read what is signed, then add --yes"
    )]
    NobodyToAsk,
    /// The person did not say yes.
    #[error("nothing was signed")]
    NotConfirmed,

    // Keys.
    /// The person's key.
    #[error(transparent)]
    Key(KeyError),
    /// A public key that cannot stand in a roster.
    #[error("{}: {source}", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<daypass_protocol::key::Error>,
    },

    /// The person's own key cannot be certified.
    #[error(
        "your key cannot be certified: {source}; ask the admin to enrol another one, and run `daypass setup` again"
    )]
    UnusableKey {
        /// Why not.
        source: Box<daypass_protocol::key::Error>,
    },
    /// The kernel gives no random bytes.
    #[error("the system gives no random bytes: {source}; try again")]
    NoRandom {
        /// What it says.
        source: getrandom::Error,
    },

    // The command line, beyond what its grammar can say.
    /// A name.
    #[error(transparent)]
    Name(InvalidName),
    /// A time or duration.
    #[error(transparent)]
    Moment(#[from] MomentError),
    /// No end was given.
    #[error("say when it ends: --for or --until")]
    NoEnd,
    /// Something is to stay that is not there.
    #[error("the window has no {named} that could stay; daypass show tells what is left of it")]
    NotInWindow {
        /// What was named.
        named: String,
    },
    /// `--permit none` beside something else.
    #[error("--permit none cannot be combined with other permissions")]
    PermitAndNone,
    /// The machine's zone has no name that could stand in a window.
    #[error(
        "this machine's time zone has no name that a host would know; add --zone, as in --zone Europe/Amsterdam"
    )]
    NoZoneName,

    // The CA.
    /// Nobody answers.
    #[error("cannot reach {url}: {reason}; check the network and the address, or ask its admin")]
    Unreachable {
        /// Where.
        url: String,
        /// What was tried, and how it ended.
        reason: String,
    },
    /// Somebody else answers.
    #[error(
        "{url} does not show the X.509 root that this machine was set up with: somebody is in between, or the CA was made anew; ask its admin before going on"
    )]
    OtherRoot {
        /// Where.
        url: String,
    },
    /// The saved root is not one.
    #[error("{}: {source}; run `daypass setup` again", path.display())]
    BadRoot {
        /// Its file.
        path: PathBuf,
        /// Why not.
        source: Box<daypass_transport::client::SetupError>,
    },
    /// The answer cannot be understood.
    #[error(
        "{url} gave an answer that cannot be understood: {reason}; it and this program may be of different versions"
    )]
    Garbled {
        /// Where.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A list of revoked hosts from before the one at hand.
    #[error(
        "{url} gave the list of revoked hosts number {found}, and this machine has number {had}: it was set back; ask its admin. The list at hand stays"
    )]
    OlderList {
        /// Where.
        url: String,
        /// The number that it has now.
        found: u64,
        /// The one that it had.
        had: u64,
    },
    /// The CA says no.
    #[error("refused ({code}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// For programs.
        code: String,
        /// For people.
        message: String,
    },
    /// What the CA announces does not hold.
    #[error("the CA at {url} announces a state that does not hold: {source}; tell its admins")]
    BadState {
        /// Where.
        url: String,
        /// Why not.
        source: Box<daypass_protocol::state::Error>,
    },
    /// No collector is known.
    #[error(
        "the CA names no collector; if there is one, name it: --collector=https://HOST:7444; to make one known: daypass-ca collector add"
    )]
    NoCollector,
    /// The frozen document is not a window.
    #[error("the CA at {url} sent something that is no window: {source}; nothing was signed")]
    BadWindow {
        /// Where.
        url: String,
        /// Why not.
        source: Box<window::Error>,
    },
    /// The frozen document is not what was wished for.
    #[error(
        "the CA wrote a window whose {field} is not what was asked for; nothing was signed. If you did ask for this, the CA may be lying: tell its admins"
    )]
    OtherWindow {
        /// The field.
        field: &'static str,
    },
    /// Another window than the one asked for.
    #[error(
        "the CA answered with another window than {asked}; nothing was signed. Tell its admins"
    )]
    WrongWindow {
        /// The one asked for.
        asked: window::WindowId,
    },
    /// A certificate that would not log in.
    #[error(
        "the CA sent a certificate that cannot serve: it is for another key or window, or not valid now; check this machine's clock"
    )]
    UselessCertificate,
    /// No such host.
    #[error("the CA knows no host {host}; `daypass host list` names those that it knows")]
    UnknownHost {
        /// As asked.
        host: HostName,
    },

    // The roster.
    /// The chain of rosters does not hold.
    #[error(
        "the CA's rosters do not hold: {0}; nothing of it can be trusted until that is explained"
    )]
    Chain(ChainError),
    /// A roster document.
    #[error("the roster cannot be used: {0}")]
    Roster(roster::Error),
    /// A roster that was seen here is not in the chain any more.
    #[error(
        "roster {seen} was seen here before, and the CA now offers a chain up to {offered} without it: it was set back, or it lies; ask another admin"
    )]
    OlderRoster {
        /// The newest seen.
        seen: u64,
        /// The newest offered.
        offered: u64,
    },
    /// The pin on the command line is not the configured one.
    #[error(
        "this machine was set up for the CA {expected}, not for {named}: compare both with what `daypass-ca init` printed"
    )]
    OtherPin {
        /// Typed.
        named: Pin,
        /// Configured.
        expected: Pin,
    },
    /// Roster 1 is not the pinned one.
    #[error(
        "the CA offers a first roster with the hash {found}, the pin is {expected}: it is another CA, or was tampered with; nothing was signed"
    )]
    OtherFirstRoster {
        /// The pin.
        expected: Pin,
        /// What was offered.
        found: Digest,
    },
    /// More than one admin must sign.
    #[error(
        "{needed} admins must sign this roster; add --proposal FILE, and give that file to the others, who run `daypass roster sign FILE`"
    )]
    NeedsProposal {
        /// How many must sign.
        needed: usize,
    },
    /// Another key than the newest roster names.
    #[error(
        "{} holds {found}, and roster {number} names the recovery key {expected}: take the one that was printed last; nothing was signed", path.display()
    )]
    NotTheRecoveryKey {
        /// The file.
        path: PathBuf,
        /// The key in it.
        found: Fingerprint,
        /// The one that is needed.
        expected: Fingerprint,
        /// The roster's number.
        number: u64,
    },
    /// The file is no proposal.
    #[error("{} is no proposal for a roster: {source}; ask for it again", path.display())]
    BadProposal {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<daypass_protocol::strict_json::Error>,
    },
    /// The file is no policy.
    #[error("{}: {source}`daypass policy show` prints one to begin with", path.display())]
    BadPolicyFile {
        /// The file.
        path: PathBuf,
        /// Line, column and key.
        source: Box<toml::de::Error>,
    },
    /// The name is taken.
    #[error(
        "{name} is in the roster already; `daypass person roles` changes what they may do, `daypass person key` their keys"
    )]
    PersonExists {
        /// The name.
        name: Name,
    },
    /// Nobody has the name.
    #[error("{name} is not in the roster; `daypass person list` shows who is")]
    NoSuchPerson {
        /// The name.
        name: Name,
    },
    /// The key is not theirs.
    #[error(
        "{key} is no key of {name}'s; `daypass person list` shows theirs, `daypass revoke --key` takes any"
    )]
    NoSuchKey {
        /// The person.
        name: Name,
        /// The key.
        key: Fingerprint,
    },
    /// They would be left without one.
    #[error(
        "{key} is the only key of {name}: add another first with `daypass person key add`, or remove them with `daypass person remove`; `daypass revoke --key {key}` stops the key alone"
    )]
    LastKey {
        /// The person.
        name: Name,
        /// The key.
        key: Fingerprint,
    },

    /// An invitation does not lead into the roster.
    #[error(transparent)]
    Invitation(#[from] invitation::InvitationError),

    // Journals.
    /// It is not known which journal's checkpoint to ask for.
    #[error(
        "{} does not say which of the journals in the trust file it is; add --origin ORIGIN", directory.display()
    )]
    WhichJournal {
        /// Its directory.
        directory: PathBuf,
    },
    /// Directories beside a collector.
    #[error(
        "name directories or a collector, not both; its URL follows an equals sign: --collector=URL"
    )]
    TwoSources,
    /// Exact bytes of entries are not made longer.
    #[error(
        "--whole is for tables and CSV: the other forms hold each entry as it is, with the beginning of a long line"
    )]
    NeverWhole,
    /// A journal cannot be read.
    #[error("cannot read the journal in {}: {source}", directory.display())]
    Journal {
        /// Its directory.
        directory: PathBuf,
        /// Why not.
        source: Box<daypass_journal::Error>,
    },

    /// An entry that is not there, or has no bytes any more.
    #[error("the journal in {} has no entry {seq} whose bytes could be shown: it is not there yet, or erased; without --entry its proof can still be made", directory.display())]
    NoSuchEntry {
        /// The journal's directory.
        directory: PathBuf,
        /// The entry's number.
        seq: u64,
    },
    /// Evidence cannot be gathered, or read.
    #[error(transparent)]
    Evidence(#[from] evidence::EvidenceError),

    /// The keys to verify with.
    #[error("{}: {source}; `daypass-agent trust` on the host prints such a file", path.display())]
    Trust {
        /// The trust file.
        path: PathBuf,
        /// Why it is none.
        source: Box<daypass_journal::trust::TrustError>,
    },
    /// A file that was named is not there.
    #[error("{} does not exist", path.display())]
    NoSuchFile {
        /// The file.
        path: PathBuf,
    },

    /// Behind `ssh`: no certificate, and nothing that the person must see to.
    #[error("there is no certificate")]
    Silent,
}

impl Failure {
    /// Whether the command line is at fault.
    pub fn is_usage(&self) -> bool {
        if let Self::Invitation(error) = self {
            return error.is_usage();
        }
        matches!(
            self,
            Self::Name(_)
                | Self::Moment(_)
                | Self::NoEnd
                | Self::NotInWindow { .. }
                | Self::PermitAndNone
                | Self::NoZoneName
                | Self::TwoSources
                | Self::NeverWhole
                | Self::Evidence(evidence::EvidenceError::NoQuestion)
        )
    }

    /// Whether the CA judged and said no, rather than failed to judge: because it is overloaded or broken (429, 5xx),
    /// or does not take the request for the person's (401), their clock being off for one.
    pub fn is_verdict(&self) -> bool {
        matches!(self, Self::Refused { status: 402..=428 | 430..=499, .. })
    }

    /// Whether the same request may be answered later: nobody could be reached, or who was asked is overloaded, broken
    /// or being restarted.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Refused {
                    status: 429 | 500..=599,
                    ..
                }
        )
    }

    /// Whether the CA knows of nothing that the person asked for there: no window, or no such host.
    pub fn is_no_window(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if matches!(code.as_str(), "no-window" | "unknown-host"))
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

/// A failure as it is written: one line, inert, with the program's name, its times by the reader's clock too. What the CA said,
/// and what stood in a file, may hold anything.
pub fn report(failure: &Failure) -> String {
    let text = failure.to_string();
    let lines: Vec<_> = text.lines().map(inert).collect();
    let text = moment::with_local(&lines.join("\n"), &TimeZone::system());
    format!("daypass: {text}")
}
