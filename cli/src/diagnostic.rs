//! What people are told: what happened, and what to do next. All such text stands here.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::hours::InvalidClockTime;
use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::{HostName, InvalidName, Name};
use daypass_protocol::roster::{self, ChainError};
use daypass_protocol::time::Time;
use daypass_protocol::window;
use thiserror::Error;

use crate::output::inert::inert;

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
    #[error(
        "cannot reach the CA at {url}: {reason}; check the network and the address, or ask the CA's admin"
    )]
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
        "the CA at {url} gave an answer that cannot be understood: {reason}; client and CA may be of different versions"
    )]
    Garbled {
        /// Where.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The CA says no.
    #[error("the CA refused ({code}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// For programs.
        code: String,
        /// For people.
        message: String,
    },
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
    /// The name is taken.
    #[error("{name} is in the roster already; remove them first to change keys or roles")]
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

    // Journals.
    /// A journal cannot be read.
    #[error("cannot read the journal in {}: {source}", directory.display())]
    Journal {
        /// Its directory.
        directory: PathBuf,
        /// Why not.
        source: Box<daypass_journal::Error>,
    },

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
        matches!(
            self,
            Self::Name(_) | Self::Moment(_) | Self::NoEnd | Self::PermitAndNone | Self::NoZoneName
        )
    }

    /// Whether the CA judged and said no, rather than failed to judge: because it is overloaded or broken (429, 5xx),
    /// or does not take the request for the person's (401), their clock being off for one.
    pub fn is_verdict(&self) -> bool {
        matches!(self, Self::Refused { status: 402..=428 | 430..=499, .. })
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

/// A failure as it is written: one line, inert, with the program's name. What the CA said, and what stood in a file,
/// may hold anything.
pub fn report(failure: &Failure) -> String {
    let text = failure.to_string();
    let lines: Vec<_> = text.lines().map(inert).collect();
    format!("daypass: {}", lines.join("\n"))
}

/// What is wrong with a key, or with whoever holds it.
#[derive(Debug, Error)]
pub enum KeyError {
    /// No key anywhere.
    #[error("there is no key in ssh-agent, and none in {}; make one with `ssh-keygen -t ed25519`, or name it with --key", directory.display())]
    NoKey {
        /// Where files were looked for.
        directory: PathBuf,
    },
    /// Several keys, none named.
    #[error(
        "ssh-agent holds several keys; name yours with --key FILE.pub:{}",
        listed(keys)
    )]
    WhichKey {
        /// Fingerprints and comments.
        keys: Vec<(Fingerprint, String)>,
    },
    /// A file cannot be read.
    #[error("cannot read the key {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Not a key.
    #[error("{} is not an OpenSSH key; `ssh-keygen -t ed25519` makes one", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// A certificate.
    #[error("{} is a certificate; name the key it was made for", path.display())]
    IsCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Encrypted, and nobody may be asked.
    #[error("the key {} has a passphrase, and nobody can be asked for it behind ssh; add it to ssh-agent with `ssh-add {}`", path.display(), path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase could not be asked for.
    #[error("cannot ask for the passphrase of {}: {source}; add the key to ssh-agent with `ssh-add`", path.display())]
    NoTerminal {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Wrong.
    #[error("that is not the passphrase of {}", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// Another key than the configured one.
    #[error("{} does not hold the key {expected} that this machine was set up with; run `daypass setup` again, or put the key back", path.display())]
    OtherKeyInFile {
        /// The file.
        path: PathBuf,
        /// The configured key.
        expected: Fingerprint,
    },
    /// A security key's file, without an agent to speak with the key.
    #[error("{} is a security key's file, which signs through ssh-agent only; add it with `ssh-add {}`", path.display(), path.display())]
    SecurityKeyWithoutAgent {
        /// The file.
        path: PathBuf,
    },
    /// The agent does not hold it.
    #[error(
        "ssh-agent does not hold the key {fingerprint}, and no file of it is known; add it with `ssh-add`"
    )]
    NotInAgent {
        /// The configured key.
        fingerprint: Fingerprint,
    },
    /// The agent does not answer.
    #[error("ssh-agent at {} does not answer: {source}; start it, or correct SSH_AUTH_SOCK", socket.display())]
    AgentUnreachable {
        /// Its socket.
        socket: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The agent will not sign.
    #[error("ssh-agent at {} refused to sign; confirm or touch when it asks, or unlock it", socket.display())]
    AgentRefused {
        /// Its socket.
        socket: PathBuf,
    },
    /// The agent speaks another language.
    #[error("{} does not answer as an ssh-agent does; correct SSH_AUTH_SOCK", socket.display())]
    AgentGarbled {
        /// The socket.
        socket: PathBuf,
    },
    /// The signature could not be made.
    #[error("cannot sign with this key: {0}; use an Ed25519, ECDSA or RSA key")]
    Signing(#[source] ssh_key::Error),
}

fn listed(keys: &[(Fingerprint, String)]) -> String {
    keys.iter()
        .fold(String::new(), |mut text, (fingerprint, comment)| {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n  {fingerprint} {comment}");
            text
        })
}

/// Why a text is no time or duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MomentError {
    /// No duration.
    #[error("write a duration as 40s, 15m, 2h, 1d or 1h30m")]
    NotALength,
    /// No time.
    #[error(
        "write a time as 08:00, 2026-11-23, 2026-11-23T08:00 or 2026-11-23T08:00:00+01:00, or a duration as 2h"
    )]
    NotATime,
    /// Out of all bounds.
    #[error("that is longer than ten years, or out of the calendar")]
    TooLong,
}

/// Why a text is no range of hours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HoursError {
    /// Not days and times.
    #[error("write hours as \"mon-fri 08:00-18:00\"")]
    Form,
    /// Not a day.
    #[error("the days are mon, tue, wed, thu, fri, sat and sun")]
    Day,
    /// A day twice.
    #[error("a day stands there twice")]
    Twice,
    /// Not a time of day.
    #[error(transparent)]
    Clock(InvalidClockTime),
}

/// What stands between a window and a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Not approved, or over.
    State,
    /// Not for this host.
    Host,
    /// Not for this account.
    Account,
    /// Not yet.
    Early(Time),
    /// Not any more.
    Late(Time),
    /// Outside its hours.
    Hours,
}

/// What people are asked before they sign.
pub(crate) mod prompt {
    use std::path::Path;

    pub(crate) const APPROVE: &str = "Approve this window with your signature?";
    pub(crate) const REQUEST: &str = "Ask for this window with your signature?";
    pub(crate) const ROSTER: &str = "Sign this roster?";
    pub(crate) const GRANT: &str = "Request and approve this window with your signature?";

    pub(crate) fn passphrase(path: &Path) -> String {
        format!("Passphrase of {}: ", path.display())
    }

    pub(crate) fn include(path: &Path) -> String {
        format!(
            "Add an Include line at the top of {}, so that plain ssh works?",
            path.display()
        )
    }
}

/// What people are told beside a result.
pub(crate) mod hint {
    use std::path::Path;

    use daypass_protocol::api::WindowState;
    use daypass_protocol::name::{HostName, Name};
    use daypass_protocol::roster::Roster;
    use daypass_protocol::window::WindowId;
    use ssh_key::PublicKey;

    use super::Obstacle;
    use crate::moment::{self, Length};
    use crate::output::inert::inert;
    use crate::windows::Said;

    pub(crate) const NO_HOSTS: &str =
        "No host is enrolled yet; `daypass host token NAME` makes the token for one.";
    pub(crate) const NO_WINDOWS: &str =
        "There are no such windows; `daypass request` asks for one.";
    pub(crate) const CACHED_SERVES: &str = "The certificate at hand is used while it is valid.";
    pub(crate) const ROSTER_IN_FORCE: &str =
        "Roster 1 is in force already; there is nothing to sign.";
    pub(crate) const RECOVERY_KEY: &str = "the recovery key";
    pub(crate) const NOT_VERIFIED: &str =
        "Read, not verified: `daypass verify DIR --trust FILE` checks that nothing was changed.";
    pub(crate) const AS_TOLD: &str = "As the CA tells it, not verified.";

    pub(crate) fn token(host: &HostName, lifetime: Length) -> String {
        format!(
            "On {host}, as root, run `daypass-agent enroll` and paste this line within {}; it works once. Keep it to yourself.",
            moment::spoken(lifetime.seconds())
        )
    }

    pub(crate) fn set_up(person: &Name, key: &PublicKey) -> String {
        let key = key.to_openssh().unwrap_or_default();
        format!(
            "This machine is set up for {person}, with the key\n  {}",
            inert(&key)
        )
    }

    pub(crate) fn not_known_yet(report: &str) -> String {
        format!(
            "{report}\nIf the CA does not know you yet: send your public key to its admin, who runs\n  daypass person add NAME --key FILE.pub --role contractor\nand run `daypass setup --refresh` after that. The first admin goes on with `daypass roster sign`."
        )
    }

    pub(crate) fn hosts_known(names: usize) -> String {
        format!("ssh knows {names} names of hosts.")
    }

    pub(crate) fn include_missing(include: &Path) -> String {
        format!(
            "For plain ssh, put this line at the very top of ~/.ssh/config:\n  Include \"{}\"",
            include.display()
        )
    }

    pub(crate) fn include_written(path: &Path) -> String {
        format!("An Include line stands at the top of {}.", path.display())
    }

    pub(crate) fn requested(window: &WindowId, state: WindowState) -> String {
        match state {
            WindowState::Requested => {
                format!(
                    "An approver now runs\n  daypass approve {window}\nuntil then nobody gets in."
                )
            }
            _ => format!("The window is {state}; just use ssh."),
        }
    }

    pub(crate) fn certificate(path: &Path, until: &str) -> String {
        format!(
            "{}: valid until {until}",
            inert(&path.display().to_string())
        )
    }

    pub(crate) fn state(state: WindowState) -> String {
        format!("  state        {state}")
    }

    pub(crate) fn signed(said: &Said) -> String {
        match said {
            Said::Verified(statement) => {
                let (verb, signer) = (statement.verb(), statement.signer());
                format!(
                    "  signed       {verb}, {signer}, {}, with {}",
                    statement.statement().time,
                    statement.key()
                )
            }
            Said::OtherDocument(signer) => {
                format!("  ** does not count: {signer}'s statement is about another document **")
            }
            Said::Refused(error) => {
                format!("  ** does not count: {} **", inert(&error.to_string()))
            }
        }
    }

    pub(crate) fn approvals_needed(approvals: u8) -> String {
        match approvals {
            1 => "  One approval opens it.".to_owned(),
            number => format!("  {number} approvals, each by another person, open it."),
        }
    }

    pub(crate) fn roster_signed(number: u64) -> String {
        format!("Roster {number} is in force.")
    }

    pub(crate) fn roster(roster: &Roster, signers: &str) -> String {
        let policy = &roster.policy;
        format!(
            "Roster {}, {}, signed by {signers}.\nA window needs {} approval(s) and lasts {} at most; certificates live {} at most; the next roster needs {} signature(s).\n",
            roster.number,
            roster.time,
            policy.approvals,
            moment::spoken(policy.max_window),
            moment::spoken(policy.max_certificate_ttl),
            policy.roster_signatures,
        )
    }

    pub(crate) fn person_added(name: &Name, roster: u64) -> String {
        format!("{name} is in roster {roster}.")
    }

    pub(crate) fn person_removed(name: &Name, roster: u64) -> String {
        format!(
            "{name} is not in roster {roster} any more: what they signed opens nothing from now on."
        )
    }

    pub(crate) fn obstacles(obstacles: &[Obstacle]) -> String {
        if obstacles.is_empty() {
            return "open for this login now".to_owned();
        }
        let said: Vec<String> = obstacles
            .iter()
            .map(|obstacle| match obstacle {
                Obstacle::State => "it is not approved, or over".to_owned(),
                Obstacle::Host => "it does not name this host".to_owned(),
                Obstacle::Account => "it does not name this account".to_owned(),
                Obstacle::Early(starts) => format!("it starts {starts}"),
                Obstacle::Late(ends) => format!("it ended {ends}"),
                Obstacle::Hours => "it is outside its hours".to_owned(),
            })
            .collect();
        said.join("; ")
    }
}
