//! Statements that make a window smaller: an earlier end, fewer hosts, accounts, sudo items.
//!
//! Each says what may stay at most; what is left of a window is what all of them leave ([`Limits`]). So none of them can
//! ever open anything, in whatever order they come and whoever made them.

mod limits;

pub use limits::Limits;

use serde::{Deserialize, Serialize};
use ssh_key::SshSig;

use crate::digest::{Digest, Pin};
use crate::key::Fingerprint;
use crate::name::{Account, HostName, Name};
use crate::roster::{Chain, VerifiedRoster};
use crate::sshsig::{self, Signature};
use crate::stop::oversees;
use crate::strict_json;
use crate::sudo_item::SudoItem;
use crate::time::{SKEW, Time};
use crate::version::Version;
use crate::window::FrozenWindow;

/// Bytes in a narrowing, at most: as in a window, whose lists it repeats.
pub const MAX_DOCUMENT: usize = crate::window::MAX_DOCUMENT;
/// The namespace of its signature.
pub const NAMESPACE: &str = "daypass-narrow@v1";

/// The one verb of a narrowing.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// "No more than this."
    #[default]
    Narrow,
}

/// The document's content. It has at least one of `ends`, `hosts`, `accounts` and `sudo`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Narrowing {
    /// Always 1.
    pub v: Version<1>,
    /// Always `narrow`.
    pub verb: Verb,
    /// Which document: the hash of its bytes.
    pub window: Digest,
    /// Towards which CA.
    pub ca: Pin,
    /// By whom.
    pub signer: Name,
    /// When.
    pub time: Time,
    /// Until when it is announced, the window's own end; it counts whatever this says.
    pub expires: Time,
    /// The first second after the window, at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Time>,
    /// The hosts that may stay; 1 to 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<HostName>>,
    /// The accounts that may stay; 1 to 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Vec<Account>>,
    /// What sudo may run still; 0 to 256, and none means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo: Option<Vec<SudoItem>>,
}

/// A narrowing's exact bytes and the signature over them, in [`NAMESPACE`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignedNarrowing {
    /// The bytes.
    pub narrowing: String,
    /// By one of the signer's keys.
    pub signature: Signature,
}

/// A narrowing by somebody whom a roster knows. Only [`SignedNarrowing::check`] makes one. Whether it is about a given
/// window, [`VerifiedNarrowing::narrows`] says. It counts whatever its dates say and whoever left the roster since.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedNarrowing {
    narrowing: Narrowing,
    key: Fingerprint,
    is_overseer: bool,
}

/// Why a narrowing does not count.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the JSON of a narrowing.
    #[error("not a narrowing: {0}")]
    Json(#[from] strict_json::Error),
    /// It takes nothing away.
    #[error("the narrowing names neither an end nor hosts, accounts or sudo items")]
    Nothing,
    /// A list is too short or too long.
    #[error("the narrowing leaves {found} {list}; {least} to {most} can be left")]
    Count {
        /// The key in the document.
        list: &'static str,
        /// Entries found.
        found: usize,
        /// Entries needed.
        least: usize,
        /// Entries allowed.
        most: usize,
    },
    /// Made for another CA.
    #[error("{signer}'s narrowing is for the CA {found}, this one is {expected}")]
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
    #[error("{signer}'s signature under \"narrow\" does not count: {source}")]
    Signature {
        /// By whom, as the narrowing says.
        signer: Name,
        /// What is wrong with it.
        source: sshsig::Error,
    },
    /// Signed with a key that is not the signer's.
    #[error(
        "{signer}'s narrowing is signed with {key}, which the roster does not list for {signer}"
    )]
    ForeignKey {
        /// By whom, as the narrowing says.
        signer: Name,
        /// The key that made the signature.
        key: Fingerprint,
    },
    /// Dated ahead, or too long ago to be new.
    #[error("the narrowing is dated {time}; check the clocks")]
    Untimely {
        /// Its date.
        time: Time,
    },
}

impl Error {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_) | Self::Count { .. } => "narrowing-invalid",
            Self::Nothing => "narrows-nothing",
            Self::OtherCa { .. } => "wrong-ca",
            Self::UnknownSigner(_) => "signer-unknown",
            Self::Signature { .. } => "signature-invalid",
            Self::ForeignKey { .. } => "signature-foreign-key",
            Self::Untimely { .. } => "narrowing-untimely",
        }
    }
}

impl Narrowing {
    /// Writes the narrowing down and has it signed; see [`sshsig::sign`] for the signer.
    ///
    /// # Errors
    /// The signer's.
    pub fn sign<E>(
        &self,
        signer: impl FnOnce(&str, &[u8]) -> Result<SshSig, E>,
    ) -> Result<SignedNarrowing, E> {
        let text = strict_json::write(self);
        let signature = sshsig::sign(NAMESPACE, text.as_bytes(), signer)?;
        Ok(SignedNarrowing {
            narrowing: text,
            signature,
        })
    }

    fn check_form(&self) -> Result<(), Error> {
        let lists = [
            ("hosts", self.hosts.as_ref().map(Vec::len), 1, 256),
            ("accounts", self.accounts.as_ref().map(Vec::len), 1, 16),
            ("sudo", self.sudo.as_ref().map(Vec::len), 0, 256),
        ];
        if self.ends.is_none() && lists.iter().all(|(_, found, ..)| found.is_none()) {
            return Err(Error::Nothing);
        }
        for (list, found, least, most) in lists {
            if let Some(found) = found.filter(|found| !(least..=most).contains(found)) {
                return Err(Error::Count {
                    list,
                    found,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }
}

impl SignedNarrowing {
    /// What it says, taken at its word.
    ///
    /// # Errors
    /// [`Error::Json`], [`Error::Nothing`], [`Error::Count`].
    pub fn read_unverified(&self) -> Result<Narrowing, Error> {
        let narrowing: Narrowing = strict_json::parse_document(&self.narrowing, MAX_DOCUMENT)?;
        narrowing.check_form()?;
        Ok(narrowing)
    }

    /// Checks it by any roster of the chain that lets it count, the newest first: what takes something away outlives its
    /// signer's place, key and roles.
    ///
    /// # Errors
    /// See [`enum@Error`]; where it counts in no roster, what the newest says.
    pub fn check(&self, chain: &Chain) -> Result<VerifiedNarrowing, Error> {
        let newest = self.check_by(chain.newest());
        if matches!(&newest, Ok(verified) if verified.is_overseer) {
            return newest;
        }
        // Who oversaw windows once may be somebody without a say now.
        let signer = self.read_unverified().map(|read| read.signer);
        let is_unknown = newest.is_err();
        let older = chain.rosters().rev().skip(1).filter(|roster| {
            is_unknown || signer.as_ref().is_ok_and(|signer| oversees(roster, signer))
        });
        let mut best = newest;
        for verified in older.filter_map(|roster| self.check_by(roster).ok()) {
            if verified.is_overseer {
                return Ok(verified);
            }
            best = best.or(Ok(verified));
        }
        best
    }

    /// Checks it by this roster alone, as what is said today.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn check_by(&self, roster: &VerifiedRoster) -> Result<VerifiedNarrowing, Error> {
        let narrowing = self.read_unverified()?;
        let signer = &narrowing.signer;
        if narrowing.ca != roster.pin() {
            return Err(Error::OtherCa {
                signer: signer.clone(),
                expected: roster.pin(),
                found: narrowing.ca,
            });
        }
        let person = roster
            .person(signer)
            .ok_or_else(|| Error::UnknownSigner(signer.clone()))?;
        let key = self
            .signature
            .verify(NAMESPACE, self.narrowing.as_bytes())
            .map_err(|source| Error::Signature {
                signer: signer.clone(),
                source,
            })?;
        if !person.keys.contains(&key) {
            return Err(Error::ForeignKey {
                signer: signer.clone(),
                key: key.fingerprint(),
            });
        }
        Ok(VerifiedNarrowing {
            key: key.fingerprint(),
            is_overseer: oversees(roster, signer),
            narrowing,
        })
    }
}

impl VerifiedNarrowing {
    /// What it says.
    #[must_use]
    pub fn narrowing(&self) -> &Narrowing {
        &self.narrowing
    }

    /// By whom.
    #[must_use]
    pub fn signer(&self) -> &Name {
        &self.narrowing.signer
    }

    /// The key that signed it.
    #[must_use]
    pub fn key(&self) -> Fingerprint {
        self.key
    }

    /// Whether its signer may narrow anybody's windows, and not their own alone.
    #[must_use]
    pub fn is_by_overseer(&self) -> bool {
        self.is_overseer
    }

    /// Whether it can be taken in as new now.
    ///
    /// # Errors
    /// [`Error::Untimely`].
    pub fn is_new(&self, now: Time) -> Result<(), Error> {
        let time = self.narrowing.time;
        if now < time.minus(SKEW) || time.plus(SKEW) < now {
            Err(Error::Untimely { time })
        } else {
            Ok(())
        }
    }

    /// Whether it is about this window, and its signer may narrow it: its contractor, an approver or an admin.
    #[must_use]
    pub fn narrows(&self, window: &FrozenWindow) -> bool {
        self.narrowing.window == window.hash()
            && (self.is_overseer || self.narrowing.signer == window.document().contractor)
    }
}
