//! What the CA announces afresh every minute: its keys, the newest roster, and what is revoked.

use crate::digest::{Digest, Incarnation, Pin};
use crate::key::{Fingerprint, Key};
use crate::narrowing::SignedNarrowing;
use crate::revocation::SignedRevocation;
use crate::sshsig::{self, Signature};
use crate::statement::SignedStatement;
use crate::strict_json;
use crate::succession::{self, SignedSuccession};
use crate::time::Time;
use crate::token::CaUrl;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use ssh_key::SshSig;

/// Bytes in a state, at most.
pub const MAX_DOCUMENT: usize = 1024 * 1024;
/// State older than this alarms: 15 minutes, in seconds.
pub const ALARM_AGE: u64 = 15 * 60;
/// State older than this admits no new login, where no policy says otherwise: 8 hours, in seconds.
pub const STALE_AGE: u64 = 8 * 3600;

/// The document's content.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Always 1.
    pub v: Version<1>,
    /// Which CA.
    pub ca: Pin,
    /// Which life of it: a restored CA counts anew under a new one.
    pub incarnation: Incarnation,
    /// Grows with each state of one incarnation.
    pub number: u64,
    /// When it was signed.
    pub time: Time,
    /// The newest roster.
    pub roster: RosterMark,
    /// Keys that sign user certificates.
    pub user_ca: Vec<Key>,
    /// Keys that sign host certificates.
    pub host_ca: Vec<Key>,
    /// The key that signs the next state.
    pub state_key: Key,
    /// Statements that stop windows which have not ended; see [`crate::stop`].
    pub revocations: Vec<SignedStatement>,
    /// What else is revoked: people, keys, certificates, hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<SignedRevocation>,
    /// Statements that make windows smaller which have not ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub narrowings: Vec<SignedNarrowing>,
    /// How `state_key` came to be it, the oldest first; 16 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub successions: Vec<SignedSuccession>,
    /// Where journals are to be forwarded; 8 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collectors: Vec<Collector>,
    /// The X.509 roots that are trusted, in PEM: the one that issues, and during a rotation the one after or before it. Where
    /// none is named, those that are known stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub x509: Vec<String>,
}

/// X.509 roots that a state names, at most: a rotation is from one to the next.
const MOST_ROOTS: usize = 2;
/// Bytes of one of them in PEM, at most.
const LONGEST_ROOT: usize = 8 * 1024;

/// Who takes journals in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Collector {
    /// Where it answers.
    pub url: CaUrl,
    /// The key that it cosigns with, as a C2SP vkey.
    pub witness: String,
    /// The key that comes after it, with which it cosigns too; absent unless a renewal is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heir: Option<String>,
}

impl Collector {
    /// Every key that its cosignatures may be by.
    pub fn witnesses(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.witness.as_str()).chain(self.heir.as_deref())
    }
}

/// Which roster is the newest.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RosterMark {
    /// Its number.
    pub number: u64,
    /// The hash of its bytes.
    pub hash: Digest,
}

/// A state's exact bytes and the signature over them, in namespace [`sshsig::STATE`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignedState {
    /// The bytes.
    pub state: String,
    /// By the state key.
    pub signature: Signature,
}

/// A state signed by the key that was trusted for it. Only [`SignedState::check`] makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedState(State);

/// Why a state is not taken over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the JSON of a state.
    #[error("not a state: {0}")]
    Json(#[from] strict_json::Error),
    /// The signature itself.
    #[error("the signature on the CA's state does not count: {0}")]
    Signature(#[from] sshsig::Error),
    /// By another key than the one announced before.
    #[error("the CA's state is signed with {found}, the key announced before is {expected}")]
    ForeignKey {
        /// The trusted key.
        expected: Fingerprint,
        /// The one that signed.
        found: Fingerprint,
    },
    /// Of another CA.
    #[error("the state is of the CA {found}, this is {expected}")]
    OtherCa {
        /// This CA.
        expected: Pin,
        /// The one named.
        found: Pin,
    },
    /// It names too many X.509 roots, or what is too long for one.
    #[error(
        "the state announces more than {MOST_ROOTS} X.509 roots, or one of more than {LONGEST_ROOT} bytes"
    )]
    Roots,
    /// It names no key that could sign certificates.
    #[error("the state announces no user CA key")]
    NoUserCa,
    /// Dated further ahead than clocks may differ.
    #[error(
        "the state is dated {found}, and this clock shows {now}: one of the two is wrong; compare this clock with the CA's"
    )]
    Ahead {
        /// The clock of whoever was to take it over.
        now: Time,
        /// The date of the state.
        found: Time,
    },
    /// Older than what is known.
    #[error("the state has the number {found}, {known} is known already")]
    Older {
        /// The highest number seen.
        known: u64,
        /// The one offered.
        found: u64,
    },
    /// Of another incarnation, and not newer.
    #[error(
        "the state of another incarnation is dated {found}, before the one that is known, {known}"
    )]
    OlderIncarnation {
        /// The date of the state that is known.
        known: Time,
        /// The date of the one offered.
        found: Time,
    },
}

impl State {
    /// The X.509 roots as one PEM text, the one that issues first; none where the state names none.
    pub fn roots(&self) -> Option<String> {
        (!self.x509.is_empty()).then(|| self.x509.concat())
    }

    /// Writes the state down and has it signed; see [`sshsig::sign`] for the signer.
    pub fn sign<E>(
        &self,
        signer: impl FnOnce(&str, &[u8]) -> Result<SshSig, E>,
    ) -> Result<SignedState, E> {
        let text = strict_json::write(self);
        let signature = sshsig::sign(sshsig::STATE, text.as_bytes(), signer)?;
        Ok(SignedState {
            state: text,
            signature,
        })
    }
}

impl SignedState {
    /// Checks that `key`, or one that follows from it by the successions inside, signed this for the CA `pin`. At enrolment the key is the one inside
    /// ([`SignedState::read_unverified`]), since the connection vouches; afterwards it is the `state_key` of the last
    /// state taken over.
    pub fn check(&self, pin: Pin, key: &Key) -> Result<VerifiedState, Error> {
        let signed_by = self
            .signature
            .verify(sshsig::STATE, self.state.as_bytes())?;
        let foreign = || Error::ForeignKey {
            expected: key.fingerprint(),
            found: signed_by.fingerprint(),
        };
        let state = match self.read_unverified() {
            Ok(state) => state,
            // What a stranger signed is not worth a look at what is wrong with it.
            Err(_) if signed_by != *key => return Err(foreign()),
            Err(error) => return Err(error.into()),
        };
        if !succession::leads(key, &signed_by, &state.successions, pin) {
            return Err(foreign());
        }
        if state.ca != pin {
            return Err(Error::OtherCa {
                expected: pin,
                found: state.ca,
            });
        }
        if state.user_ca.is_empty() {
            return Err(Error::NoUserCa);
        }
        if state.x509.len() > MOST_ROOTS || state.x509.iter().any(|root| root.len() > LONGEST_ROOT)
        {
            return Err(Error::Roots);
        }
        Ok(VerifiedState(state))
    }

    /// What it says, taken at its word.
    pub fn read_unverified(&self) -> Result<State, strict_json::Error> {
        strict_json::parse_document(&self.state, MAX_DOCUMENT)
    }
}

impl VerifiedState {
    /// What it says.
    pub fn state(&self) -> &State {
        &self.0
    }

    /// The keys that signed the state before, the last one first: what they signed otherwise still counts.
    pub fn former_state_keys(&self) -> Vec<Key> {
        succession::before(&self.0.state_key, &self.0.successions, self.0.ca)
    }

    /// Refuses to go back: a lower number of the same incarnation, or another incarnation that is not dated later.
    /// The same state again passes.
    pub fn may_follow(&self, known: &Self) -> Result<(), Error> {
        let (found, known) = (&self.0, &known.0);
        if found.incarnation != known.incarnation {
            let (known, found) = (known.time, found.time);
            return if known < found {
                Ok(())
            } else {
                Err(Error::OlderIncarnation { known, found })
            };
        }
        let (known, found) = (known.number, found.number);
        if known <= found {
            Ok(())
        } else {
            Err(Error::Older { known, found })
        }
    }

    /// Refuses what is dated more than `tolerance` seconds after `now`. Such a state would never be old, and no later one of
    /// a CA that was restored could follow it.
    pub fn is_due(&self, now: Time, tolerance: u64) -> Result<(), Error> {
        let found = self.0.time;
        if now.plus(tolerance) < found {
            Err(Error::Ahead { now, found })
        } else {
            Ok(())
        }
    }

    /// Seconds since it was signed; 0 when it is dated ahead.
    pub fn age(&self, now: Time) -> u64 {
        u64::try_from(now.since(self.0.time)).unwrap_or(0)
    }
}
