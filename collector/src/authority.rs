//! What the CA says: who people are, and which key signs enrolment records. Checked from the pin up, whoever brings it.

mod error;
mod known;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use daypass_protocol::digest::Pin;
use daypass_protocol::enrolment::{self, SignedRecord, VerifiedRecord};
use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::key::Fingerprint;
use daypass_protocol::roster::{self, Chain, SignedRoster, VerifiedRoster};
use daypass_protocol::state::{self, Collector, SignedState};
use daypass_protocol::strict_json;
use serde::{Deserialize, Serialize};

pub use error::WordError;
use known::Known;

use crate::clock::Now;
use crate::durable;
use crate::revoked::RevokedKeys;

/// Bytes of what is stored, at most: a chain of a few large rosters, and a state.
const FILE_LIMIT: usize = 16 * 1024 * 1024;

/// Beside what the CA said: the keys that people revoked, whatever it says later.
pub const REVOKED: &str = "revoked.json";

/// A state is dated so many seconds ahead of this clock at most: one of years ahead could be followed by none of a CA that was
/// restored.
const AHEAD: u64 = 300;

/// What the CA said last, as it is stored and brought.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Word {
    /// From roster 1 to the newest.
    pub chain: Vec<SignedRoster>,
    /// The state.
    pub state: SignedState,
}

/// What was taken over last.
pub struct Authority {
    pin: Pin,
    path: PathBuf,
    known: RwLock<Arc<Known>>,
}

impl Authority {
    /// Takes over what the CA says for the first time: the state's key is the one inside, since whoever brings it vouches.
    ///
    /// # Errors
    /// When it does not hold from the pin up, or cannot be stored.
    pub fn begin(path: &Path, pin: Pin, word: &Word) -> Result<Self, WordError> {
        let state_key = word.state.read_unverified()?.state_key;
        let known = Known::check(pin, word, &state_key)?;
        let before = remembered(path, &known.chain)?;
        let authority = Self::of(path, pin, known.remembering(before.clone()));
        authority.keep(&authority.known(), &before)?;
        Ok(authority)
    }

    /// Reads what was taken over last.
    ///
    /// # Errors
    /// When it cannot be read, or does not hold any more.
    pub fn open(path: &Path, pin: Pin) -> Result<Self, WordError> {
        let bytes = std::fs::read(path).map_err(|source| WordError::File {
            path: path.to_owned(),
            source,
        })?;
        let word: Word = strict_json::parse(bytes, FILE_LIMIT)?;
        // What is stored was checked with the key before it; here its own key tells a damaged file.
        let signed_by = word
            .state
            .signature
            .verify(daypass_protocol::sshsig::STATE, word.state.state.as_bytes());
        let state_key = signed_by.map_err(state::Error::from)?;
        let known = Known::check(pin, &word, &state_key)?;
        let before = remembered(path, &known.chain)?;
        Ok(Self::of(path, pin, known.remembering(before)))
    }

    fn of(path: &Path, pin: Pin, known: Known) -> Self {
        Self {
            pin,
            path: path.to_owned(),
            known: RwLock::new(Arc::new(known)),
        }
    }

    /// The alarm that the CA's word is worth before it is taken over: a new roster that the recovery key signed, in the admins'
    /// stead. Told first, so that nothing keeps it from being told.
    ///
    /// # Errors
    /// When the rosters do not hold.
    pub fn alarm_before(&self, word: &Word) -> Result<Option<Event>, WordError> {
        let known = self.known().number();
        if word.chain.len() as u64 <= known {
            return Ok(None);
        }
        let chain = Chain::verify(self.pin, &word.chain)?;
        let mut new = chain.rosters().filter(|roster| roster.number > known);
        let recovered = new.find(|roster| *roster.authority() == roster::Authority::Recovery);
        Ok(recovered.map(|roster| {
            let number = roster.number;
            Event::new(Action::AlarmRecovery)
                .outcome(Outcome::Done)
                .because(
                    "recovery-key-used",
                    format!("roster {number} was signed by the recovery key, by no admin"),
                )
                .detail("roster", number)
        }))
    }

    /// Takes over what the CA says now, if it follows from what is known. Of a state that is dated ahead of this clock counts what
    /// people signed all the same: rosters, and keys that they revoked.
    ///
    /// # Errors
    /// When it does not, or cannot be stored; what was known stays.
    pub fn follow(&self, word: &Word) -> Result<(), WordError> {
        let known = self.known();
        let new = Known::check(self.pin, word, &known.state.state().state_key)?;
        new.state.may_follow(&known.state)?;
        known.may_be_followed_by(&new)?;
        let new = new.remembering(known.revoked.clone());
        if let Err(error) = new.state.is_due(Now::read().time(), AHEAD) {
            self.heed(&known, new)?;
            return Err(error.into());
        }
        self.take(&known, new)
    }

    /// Takes no more than what people signed.
    fn heed(&self, known: &Known, new: Known) -> Result<(), WordError> {
        if new.number() == known.number() && new.revoked.remembers_as(&known.revoked) {
            return Ok(());
        }
        let word = Word {
            chain: new.word.chain.clone(),
            state: known.word.state.clone(),
        };
        let state = known.state.clone();
        self.take(known, Known { state, word, ..new })
    }

    fn take(&self, known: &Known, new: Known) -> Result<(), WordError> {
        self.keep(&new, &known.revoked)?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(())
    }

    /// Writes down what is new. What is revoked first: what else the CA says may be asked for again.
    fn keep(&self, new: &Known, before: &RevokedKeys) -> Result<(), WordError> {
        let path = self.path.with_file_name(REVOKED);
        if !path.exists() || !new.revoked.remembers_as(before) {
            let written = new.revoked.write(&path);
            written.map_err(|source| WordError::File { path, source })?;
        }
        write(&self.path, &new.word)
    }

    /// Whether nobody may speak with this key: somebody who may revoked it.
    pub fn has_revoked(&self, key: Fingerprint) -> bool {
        self.known().revoked.names(key)
    }

    /// The CA's name.
    pub fn pin(&self) -> Pin {
        self.pin
    }

    /// The state as the CA signed it, for those who cannot reach the CA.
    pub fn state(&self) -> SignedState {
        self.known().word.state.clone()
    }

    /// The X.509 roots that the state names, as one PEM text, the one that issues first; none where it names none.
    pub fn roots(&self) -> Option<String> {
        self.known().state.state().roots()
    }

    /// The state's number.
    pub fn state_number(&self) -> u64 {
        self.known().state.state().number
    }

    /// The rosters as people signed them, likewise.
    pub fn chain(&self) -> Vec<SignedRoster> {
        self.known().word.chain.clone()
    }

    /// Does something with the newest roster.
    pub fn with_roster<T>(&self, job: impl FnOnce(&VerifiedRoster) -> T) -> T {
        job(self.known().chain.newest())
    }

    /// Whether hosts prefer another collector to the one that cosigns with these keys: the state names it first.
    pub fn prefers_another_to(&self, witnesses: &[String]) -> bool {
        let known = self.known();
        let first = known.state.state().collectors.first();
        first.is_some_and(|first| !cosigns_with(first, witnesses))
    }

    /// How the state names the collector that cosigns with one of these keys; `None` where it does not.
    pub fn named_by(&self, witnesses: &[String]) -> Option<Collector> {
        let known = self.known();
        let mut named = known.state.state().collectors.iter();
        named.find(|one| cosigns_with(one, witnesses)).cloned()
    }

    /// Checks that the CA signed an enrolment record, with the key of today or with one that it had before.
    ///
    /// # Errors
    /// When it did not.
    pub fn check(&self, record: &SignedRecord) -> Result<VerifiedRecord, enrolment::Error> {
        let known = self.known();
        let judged = record.check(self.pin, &known.state.state().state_key);
        if !matches!(judged, Err(enrolment::Error::ForeignKey { .. })) {
            return judged;
        }
        let former = known.state.former_state_keys();
        let mut counting = former
            .iter()
            .filter_map(|key| record.check(self.pin, key).ok());
        counting.next().map_or(judged, Ok)
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn cosigns_with(collector: &Collector, witnesses: &[String]) -> bool {
    collector
        .witnesses()
        .any(|key| witnesses.iter().any(|ours| ours == key))
}

/// What was known to be revoked, beside what the CA said at `path`.
fn remembered(path: &Path, chain: &Chain) -> Result<RevokedKeys, WordError> {
    let path = path.with_file_name(REVOKED);
    RevokedKeys::read(&path, chain).map_err(|source| WordError::File { path, source })
}

fn write(path: &Path, word: &Word) -> Result<(), WordError> {
    let bytes = serde_json::to_vec(word).map_err(strict_json::Error::Syntax)?;
    durable::replace(path, 0o640, &bytes).map_err(|source| WordError::File {
        path: path.to_owned(),
        source,
    })
}
