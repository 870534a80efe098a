//! Statements that stop more than one window: everything of a person, of a key, of one certificate, of a host.

use std::fmt;

use serde::{Deserialize, Serialize};
use ssh_key::SshSig;

use crate::digest::Pin;
use crate::key::Fingerprint;
use crate::name::{HostName, Name};
use crate::roster::{Chain, VerifiedRoster};
use crate::sshsig::{self, Signature};
use crate::stop::oversees;
use crate::strict_json;
use crate::time::{SKEW, Time};
use crate::version::Version;
use crate::window::Window;

/// Bytes in a revocation, at most.
pub const MAX_DOCUMENT: usize = 2 * 1024;
/// How long a revocation may be announced, in seconds: ten years, as long as the longest window.
pub const MAX_LIFE: u64 = 315_360_000;

/// What is revoked, in a word.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A person: every window of theirs so far.
    RevokePerson,
    /// A person's SSH key: every certificate for it.
    RevokeKey,
    /// One certificate, by its serial.
    RevokeSerial,
    /// A host, as it is enrolled now.
    RevokeHost,
}

/// What is revoked.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Subject {
    /// Every window of theirs that was written down before the revocation.
    Person(Name),
    /// Every certificate for this key.
    Key(Fingerprint),
    /// The certificate with this serial.
    Serial(u64),
    /// This host, as it was enrolled before the revocation.
    Host(HostName),
}

/// The document's content.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Always 1.
    pub v: Version<1>,
    /// What kind of thing is revoked.
    pub verb: Kind,
    /// Which one: a name, a fingerprint, a number.
    pub subject: String,
    /// Towards which CA.
    pub ca: Pin,
    /// By whom.
    pub signer: Name,
    /// When.
    pub time: Time,
    /// Until when it is announced; hosts that have seen it keep it longer.
    pub expires: Time,
}

/// A revocation's exact bytes and the signature over them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRevocation {
    /// The bytes.
    pub revocation: String,
    /// By one of the signer's keys, in the namespace of the verb.
    pub signature: Signature,
}

/// A revocation by somebody who may. Only [`SignedRevocation::check`] makes one. It counts whatever its dates say and
/// whoever left the roster since.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedRevocation {
    revocation: Revocation,
    subject: Subject,
    is_by_overseer: bool,
}

/// What a login or a session stands on.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The window.
    pub window: &'a Window,
    /// The certified key.
    pub key: Fingerprint,
    /// The certificate's serial.
    pub serial: u64,
    /// The host that it is on.
    pub host: &'a HostName,
    /// When that host was enrolled.
    pub enrolled: Time,
}

/// Why a revocation does not count.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the JSON of a revocation.
    #[error("not a revocation: {0}")]
    Json(#[from] strict_json::Error),
    /// What it names is no such thing.
    #[error("\"{subject}\" is nothing that {verb} could name")]
    Subject {
        /// The kind.
        verb: Kind,
        /// What it says.
        subject: String,
    },
    /// Made for another CA.
    #[error("{signer}'s revocation is for the CA {found}, this one is {expected}")]
    OtherCa {
        /// By whom.
        signer: Name,
        /// This CA.
        expected: Pin,
        /// The one named.
        found: Pin,
    },
    /// The roster has no such person.
    #[error("{0} is not in the roster")]
    UnknownSigner(Name),
    /// The signature itself.
    #[error("{signer}'s signature under \"{verb}\" does not count: {source}")]
    Signature {
        /// By whom, as the revocation says.
        signer: Name,
        /// What it says.
        verb: Kind,
        /// What is wrong with it.
        source: sshsig::Error,
    },
    /// Signed with a key that is not the signer's.
    #[error(
        "{signer}'s revocation is signed with {key}, which the roster does not list for {signer}"
    )]
    ForeignKey {
        /// By whom, as the revocation says.
        signer: Name,
        /// The key that made the signature.
        key: Fingerprint,
    },
    /// Somebody who may not.
    #[error(
        "{signer} may not say {verb} of {subject}: approvers and admins may, and everybody of their own key"
    )]
    MayNot {
        /// Who.
        signer: Name,
        /// What.
        verb: Kind,
        /// Of whom or what.
        subject: String,
    },
    /// Dated ahead, or too long ago to be new.
    #[error("the revocation is dated {time}; check the clocks")]
    Untimely {
        /// Its date.
        time: Time,
    },
    /// It would be announced for no time at all, or for longer than any window lasts.
    #[error(
        "the revocation would be announced until {expires}; that must lie ahead, ten years at most"
    )]
    Expires {
        /// What it says.
        expires: Time,
    },
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::RevokePerson,
        Self::RevokeKey,
        Self::RevokeSerial,
        Self::RevokeHost,
    ];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RevokePerson => "revoke-person",
            Self::RevokeKey => "revoke-key",
            Self::RevokeSerial => "revoke-serial",
            Self::RevokeHost => "revoke-host",
        }
    }

    /// The SSHSIG namespace, one for each kind.
    #[must_use]
    pub fn namespace(self) -> &'static str {
        match self {
            Self::RevokePerson => "daypass-revoke-person@v1",
            Self::RevokeKey => "daypass-revoke-key@v1",
            Self::RevokeSerial => "daypass-revoke-serial@v1",
            Self::RevokeHost => "daypass-revoke-host@v1",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Subject {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Person(_) => Kind::RevokePerson,
            Self::Key(_) => Kind::RevokeKey,
            Self::Serial(_) => Kind::RevokeSerial,
            Self::Host(_) => Kind::RevokeHost,
        }
    }

    fn parse(verb: Kind, text: &str) -> Option<Self> {
        match verb {
            Kind::RevokePerson => text.parse().ok().map(Self::Person),
            Kind::RevokeKey => text.parse().ok().map(Self::Key),
            Kind::RevokeHost => text.parse().ok().map(Self::Host),
            Kind::RevokeSerial => {
                let serial: u64 = text.parse().ok()?;
                // One text for each serial, and none for what no certificate has.
                let is_plain = serial != 0 && serial >> 63 == 0 && serial.to_string() == text;
                is_plain.then_some(Self::Serial(serial))
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => name.fmt(f),
            Self::Key(key) => key.fmt(f),
            Self::Serial(serial) => serial.fmt(f),
            Self::Host(host) => host.fmt(f),
        }
    }
}

impl Revocation {
    /// What to sign, to revoke `subject`.
    #[must_use]
    pub fn of(subject: &Subject, ca: Pin, signer: Name, time: Time, expires: Time) -> Self {
        Self {
            v: Version,
            verb: subject.kind(),
            subject: subject.to_string(),
            ca,
            signer,
            time,
            expires,
        }
    }

    /// Writes the revocation down and has it signed; see [`sshsig::sign`] for the signer.
    ///
    /// # Errors
    /// The signer's.
    pub fn sign<E>(
        &self,
        signer: impl FnOnce(&str, &[u8]) -> Result<SshSig, E>,
    ) -> Result<SignedRevocation, E> {
        let text = strict_json::write(self);
        let signature = sshsig::sign(self.verb.namespace(), text.as_bytes(), signer)?;
        Ok(SignedRevocation {
            revocation: text,
            signature,
        })
    }
}

impl SignedRevocation {
    /// What it says, taken at its word.
    ///
    /// # Errors
    /// [`Error::Json`].
    pub fn read_unverified(&self) -> Result<Revocation, strict_json::Error> {
        strict_json::parse_document(&self.revocation, MAX_DOCUMENT)
    }

    /// Checks it by any roster of the chain that lets it count, the newest first: so a revocation outlives its signer's
    /// place, key and roles.
    ///
    /// # Errors
    /// See [`enum@Error`]; where it counts in no roster, what the newest says.
    pub fn check(&self, chain: &Chain) -> Result<VerifiedRevocation, Error> {
        let newest = self.check_by(chain.newest());
        if newest.is_ok() {
            return newest;
        }
        let mut older = chain.rosters().rev().skip(1);
        older
            .find_map(|roster| self.check_by(roster).ok())
            .map_or(newest, Ok)
    }

    /// Checks it by this roster alone, as what is said today.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn check_by(&self, roster: &VerifiedRoster) -> Result<VerifiedRevocation, Error> {
        let revocation = self.read_unverified()?;
        let Revocation {
            verb,
            ref signer,
            ref subject,
            ca,
            ..
        } = revocation;
        if ca != roster.pin() {
            return Err(Error::OtherCa {
                signer: signer.clone(),
                expected: roster.pin(),
                found: ca,
            });
        }
        let parsed = Subject::parse(verb, subject).ok_or_else(|| Error::Subject {
            verb,
            subject: subject.clone(),
        })?;
        let person = roster
            .person(signer)
            .ok_or_else(|| Error::UnknownSigner(signer.clone()))?;
        let key = self
            .signature
            .verify(verb.namespace(), self.revocation.as_bytes())
            .map_err(|source| Error::Signature {
                signer: signer.clone(),
                verb,
                source,
            })?;
        if !person.keys.contains(&key) {
            return Err(Error::ForeignKey {
                signer: signer.clone(),
                key: key.fingerprint(),
            });
        }
        let is_own = matches!(&parsed, Subject::Key(lost)
            if person.keys.iter().any(|key| key.fingerprint() == *lost));
        let is_by_overseer = oversees(roster, signer);
        if !is_own && !is_by_overseer {
            return Err(Error::MayNot {
                signer: signer.clone(),
                verb,
                subject: subject.clone(),
            });
        }
        Ok(VerifiedRevocation {
            revocation,
            subject: parsed,
            is_by_overseer,
        })
    }
}

impl VerifiedRevocation {
    /// What it says.
    #[must_use]
    pub fn revocation(&self) -> &Revocation {
        &self.revocation
    }

    /// What is revoked.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// By whom.
    #[must_use]
    pub fn signer(&self) -> &Name {
        &self.revocation.signer
    }

    /// Whether its signer may revoke what is anybody's, and not their own keys alone.
    #[must_use]
    pub fn is_by_overseer(&self) -> bool {
        self.is_by_overseer
    }

    /// Whether it can be taken in as new now.
    ///
    /// # Errors
    /// [`Error::Untimely`], [`Error::Expires`].
    pub fn is_new(&self, now: Time) -> Result<(), Error> {
        let Revocation { time, expires, .. } = self.revocation;
        if now < time.minus(SKEW) || time.plus(SKEW) < now {
            return Err(Error::Untimely { time });
        }
        if expires <= now || time.plus(MAX_LIFE) < expires {
            return Err(Error::Expires { expires });
        }
        Ok(())
    }

    /// Whether it stops who stands on this. A window counts as written down when its id says so: approvers signed that
    /// id, so it cannot be made younger after the fact.
    #[must_use]
    pub fn covers(&self, standing: &Standing<'_>) -> bool {
        match &self.subject {
            Subject::Person(name) => self.ends(name, standing.window),
            Subject::Key(key) => *key == standing.key,
            Subject::Serial(serial) => *serial == standing.serial,
            Subject::Host(host) => {
                host == standing.host && standing.enrolled <= self.revocation.time
            }
        }
    }

    /// Whether it stops this window, whoever comes with it.
    #[must_use]
    pub fn covers_window(&self, window: &Window) -> bool {
        matches!(&self.subject, Subject::Person(name) if self.ends(name, window))
    }

    fn ends(&self, name: &Name, window: &Window) -> bool {
        *name == window.contractor && window.id.time() <= self.revocation.time
    }
}
