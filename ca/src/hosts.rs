//! Hosts: what a join token lets a machine become, and the certificate of its SSH host keys.

use daypass_protocol::api::JournalKeys;
use daypass_protocol::digest::Pin;
use daypass_protocol::enrolment::{CA_HOST, Record, host_origin};
use daypass_protocol::host_proof;
use daypass_protocol::key::Key;
use daypass_protocol::name::{HostName, Name};
use daypass_protocol::sshsig::Signature;
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use ssh_key::Certificate;
use ssh_key::certificate::{Builder, CertType};

use crate::issue::IssueError;
use crate::random;
use crate::signer::{Signer, SshSigner};

/// Life of SSH host certificates and of the client certificate, in seconds: 30 days.
pub const CERTIFICATE_LIFE: u64 = 30 * 86_400;

/// SSH host keys of one machine, at most: one of each kind, and room.
pub const MOST_HOST_KEYS: usize = 8;

/// The name, other names and groups that a token gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name that windows use.
    pub host: HostName,
    /// Its other names.
    pub aliases: Vec<HostName>,
    /// Its groups.
    pub groups: Vec<Name>,
}

/// Why a machine was not enrolled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostRefusal {
    /// No such token.
    #[error("this join token is not known here; an admin makes one with: daypass host token NAME")]
    UnknownToken,
    /// Too old.
    #[error(
        "the join token expired at {expired}; an admin makes a new one with: daypass host token NAME"
    )]
    TokenExpired {
        /// When.
        expired: Time,
    },
    /// Used up.
    #[error(
        "the join token was used already, the last time at {used}; if that was not you, tell your admins"
    )]
    TokenUsed {
        /// When.
        used: Time,
    },
    /// For another name.
    #[error("the join token is for {expected}, not for {found}")]
    OtherHost {
        /// The token's.
        expected: HostName,
        /// The machine's.
        found: HostName,
    },
    /// A name of its own choice that has a domain.
    #[error(
        "{0} cannot be chosen by the machine itself: with a token for a group its name is one label, without dots; give one with --name, or have a token made for {0}"
    )]
    OwnName(HostName),
    /// A name that somebody made a token for.
    #[error("a join token was made for {0} by name; this machine needs that one, or another name")]
    NamePromised(HostName),
    /// The CA's own.
    #[error("{CA_HOST} is the CA's own name; no host may have it")]
    NameReserved,
    /// A name that an enrolled host has.
    #[error(
        "{name} is the name of an enrolled host, {host}; a machine that takes its place is enrolled with a token of: daypass host token {host} --replace"
    )]
    NameTaken {
        /// The name.
        name: HostName,
        /// Whose it is.
        host: String,
    },
    /// Nobody's place can be taken.
    #[error("no host called {0} is enrolled, so none can be replaced; leave --replace out")]
    NothingToReplace(HostName),
    /// Names twice among one host's own.
    #[error("{0} stands twice among the names of one host")]
    NameTwice(HostName),
    /// The journal is called something else.
    #[error("the journal's origin is {found}, it must be {expected}")]
    Origin {
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A key that is not the journal's.
    #[error("the journal's {which} key is not named after its origin")]
    JournalKey {
        /// `log` or `epoch`.
        which: &'static str,
    },
    /// No SSH host key, or too many.
    #[error("{found} SSH host keys; 1 to {MOST_HOST_KEYS} are taken")]
    HostKeys {
        /// How many.
        found: usize,
    },
    /// A host key that may be another machine's.
    #[error(
        "{0}; certificates are made for the machine's own host keys alone: is daypass-host as new as the CA, and does /etc/ssh hold the private half of each?"
    )]
    HostKeyUnproven(#[from] host_proof::Error),
}

impl HostRefusal {
    /// For programs, and for the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownToken => "token-unknown",
            Self::TokenExpired { .. } => "token-expired",
            Self::TokenUsed { .. } => "token-used",
            Self::OtherHost { .. } => "token-other-host",
            Self::OwnName(_) => "name-not-single",
            Self::NamePromised(_) => "name-promised",
            Self::NameReserved => "name-reserved",
            Self::NameTaken { .. } => "name-taken",
            Self::NothingToReplace(_) => "nothing-to-replace",
            Self::NameTwice(_) => "name-twice",
            Self::Origin { .. } => "journal-origin",
            Self::JournalKey { .. } => "journal-key",
            Self::HostKeys { .. } => "host-keys",
            Self::HostKeyUnproven(_) => "host-key-unproven",
        }
    }
}

impl Place {
    /// All names, the first one first.
    pub fn names(&self) -> impl Iterator<Item = &HostName> {
        std::iter::once(&self.host).chain(&self.aliases)
    }

    /// Checks that no name stands twice, and that none is another host's; `owner` tells whose a name is.
    ///
    /// # Errors
    /// The first name that is taken.
    pub fn check_names<E>(
        &self,
        owner: impl Fn(&HostName) -> Result<Option<String>, E>,
    ) -> Result<Result<(), HostRefusal>, E> {
        let names: Vec<&HostName> = self.names().collect();
        for (at, name) in names.iter().enumerate() {
            if name.as_str() == CA_HOST {
                return Ok(Err(HostRefusal::NameReserved));
            }
            if names[..at].contains(name) {
                return Ok(Err(HostRefusal::NameTwice((*name).clone())));
            }
            if let Some(host) = owner(name)? {
                return Ok(Err(HostRefusal::NameTaken {
                    name: (*name).clone(),
                    host,
                }));
            }
        }
        Ok(Ok(()))
    }
}

/// Checks a name that a machine chose for itself. A token for a group is in many hands: none of them may become a name
/// that people use for something else.
///
/// # Errors
/// When it is more than one label.
pub fn check_own_name(name: &HostName) -> Result<(), HostRefusal> {
    if name.as_str().contains('.') {
        return Err(HostRefusal::OwnName(name.clone()));
    }
    Ok(())
}

/// Checks that a machine which asks for certificates under this name, with this certificate signing request, holds the private
/// halves of the SSH host keys that it names.
///
/// # Errors
/// When there are none or too many, or one of them did not sign.
pub fn check_host_keys(
    (ca, host): (Pin, &HostName),
    csr: &str,
    keys: &[Key],
    proofs: &[Signature],
) -> Result<(), HostRefusal> {
    match keys.len() {
        1..=MOST_HOST_KEYS => {}
        found => return Err(HostRefusal::HostKeys { found }),
    }
    let text = host_proof::text(ca, host, csr);
    Ok(host_proof::check(keys, proofs, &text)?)
}

/// Checks that origin and keys are those of `host`'s journal under this CA.
///
/// # Errors
/// When the origin is another one, or a key is named after something else.
pub fn check_journal(journal: &JournalKeys, ca: Pin, host: &HostName) -> Result<(), HostRefusal> {
    let expected = host_origin(ca, host, journal.incarnation);
    if journal.origin != expected {
        return Err(HostRefusal::Origin {
            expected,
            found: journal.origin.clone(),
        });
    }
    let named = |key: &str, name: &str| {
        key.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('+'))
    };
    if !named(&journal.log_key, &expected) {
        return Err(HostRefusal::JournalKey { which: "log" });
    }
    if !named(&journal.epoch_key, &format!("{expected}/epoch/0")) {
        return Err(HostRefusal::JournalKey { which: "epoch" });
    }
    Ok(())
}

/// The enrolment record of a host.
pub fn record(ca: Pin, place: &Place, journal: &JournalKeys, ephemeral: bool, now: Time) -> Record {
    Record {
        v: Version,
        ca,
        host: place.host.clone(),
        aliases: place.aliases.clone(),
        groups: place.groups.clone(),
        incarnation: journal.incarnation,
        origin: journal.origin.clone(),
        log_key: journal.log_key.clone(),
        epoch_key: journal.epoch_key.clone(),
        time: now,
        ephemeral,
    }
}

/// The certificate of one SSH host key, dated back by `skew` seconds: every name of the host is a principal.
///
/// # Errors
/// When the signing key fails.
pub fn certify(
    place: &Place,
    key: &Key,
    serial: u64,
    (now, skew): (Time, u64),
    signer: &dyn Signer,
) -> Result<Certificate, IssueError> {
    let nonce = random::bytes::<{ Builder::RECOMMENDED_NONCE_SIZE }>()?;
    let after = now.minus(skew).unix_unsigned();
    let before = now.plus(CERTIFICATE_LIFE).unix_unsigned();
    let mut builder = Builder::new(nonce, key.data().clone(), after, before)?;
    builder
        .cert_type(CertType::Host)?
        .serial(serial)?
        .key_id(format!("daypass/host/{}", place.host))?;
    for name in place.names() {
        builder.valid_principal(name.as_str())?;
    }
    Ok(builder.sign(&SshSigner(signer))?)
}
