//! What the CA says: who people are, and which key signs enrolment records. Checked from the pin up, whoever brings it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::enrolment::{self, SignedRecord, VerifiedRecord};
use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::key::{Fingerprint, Key};
use daypass_protocol::roster::{self, Chain, ChainError, SignedRoster, VerifiedRoster};
use daypass_protocol::state::{self, SignedState, VerifiedState};
use daypass_protocol::strict_json;
use serde::{Deserialize, Serialize};

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

/// Why what the CA said is not taken over.
#[derive(Debug, thiserror::Error)]
pub enum WordError {
    /// The rosters do not hold.
    #[error("the CA's rosters do not hold: {0}")]
    Chain(#[from] ChainError),
    /// The state does not hold.
    #[error(transparent)]
    State(#[from] state::Error),
    /// It cannot be read.
    #[error("what the CA said cannot be read: {0}")]
    Json(#[from] strict_json::Error),
    /// Fewer rosters than are known.
    #[error("the CA shows {found} rosters, {known} are known: it went back")]
    Fewer {
        /// How many are known.
        known: u64,
        /// How many it shows.
        found: u64,
    },
    /// Admins signed two rosters of one number.
    #[error("there are two rosters {number}: the CA's is another one than the one known here")]
    Forked {
        /// The number.
        number: u64,
        /// The one that is known here.
        held: Digest,
        /// The CA's.
        offered: Digest,
    },
    /// A new roster was signed with a key that was known to be revoked.
    #[error(
        "roster {number} is signed with {key}, which was revoked before: it is not taken over; whoever signed it has the CA and a \
         stolen key, or the admins sign it anew with others"
    )]
    ByRevokedKey {
        /// The roster's number.
        number: u64,
        /// The key.
        key: Fingerprint,
    },
    /// The file of what was taken over.
    #[error("{} cannot be read or written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl WordError {
    /// The alarm that it is worth. Two rosters of one number mean that admins' keys are in other hands, as one does that a revoked
    /// key signed, and a state that is dated ahead that the CA's key is, or that a clock is wrong.
    pub fn alarm(&self) -> Option<Event> {
        match self {
            Self::Forked {
                number,
                held,
                offered,
            } => Some(
                Event::new(Action::AlarmRosterFork)
                    .outcome(Outcome::Failed)
                    .because("roster-forked", self.to_string())
                    .detail("roster", *number)
                    .detail("held", held.to_string())
                    .detail("offered", offered.to_string()),
            ),
            Self::ByRevokedKey { number, key } => Some(
                Event::new(Action::StateTaken)
                    .outcome(Outcome::Failed)
                    .because("roster-key-revoked", self.to_string())
                    .detail("roster", *number)
                    .detail("key", key.to_string()),
            ),
            Self::State(state::Error::Ahead { now, found }) => Some(
                Event::new(Action::AlarmClock)
                    .outcome(Outcome::Failed)
                    .because("state-ahead", self.to_string())
                    .detail("seconds", found.since(*now)),
            ),
            _ => None,
        }
    }

    /// What is told once, however often it is met.
    pub(crate) fn gist(&self) -> String {
        match self {
            // How late it is plays no part.
            Self::State(state::Error::Ahead { .. }) => "state-ahead".to_owned(),
            other => other.to_string(),
        }
    }
}

/// What was taken over last.
pub struct Authority {
    pin: Pin,
    path: PathBuf,
    known: RwLock<Arc<Known>>,
}

struct Known {
    chain: Chain,
    state: VerifiedState,
    word: Word,
    revoked: RevokedKeys,
}

impl Known {
    /// Nothing is known to be revoked yet.
    fn check(pin: Pin, word: &Word, state_key: &Key) -> Result<Self, WordError> {
        Ok(Self {
            chain: Chain::verify(pin, &word.chain)?,
            state: word.state.check(pin, state_key)?,
            word: word.clone(),
            revoked: RevokedKeys::default(),
        })
    }

    /// With what was known to be revoked before, and what the state says.
    fn remembering(mut self, before: RevokedKeys) -> Self {
        self.revoked = before;
        self.revoked.hear(&self.state.state().revoked, &self.chain);
        self
    }
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

    /// Whether hosts prefer another collector to the one that cosigns with this key: the state names it first.
    pub fn prefers_another_to(&self, witness: &str) -> bool {
        let known = self.known();
        let first = known.state.state().collectors.first();
        first.is_some_and(|first| first.witness != witness)
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

impl Known {
    fn number(&self) -> u64 {
        self.chain.rosters().count() as u64
    }

    /// Whether these rosters go on from those that are known.
    fn may_be_followed_by(&self, new: &Self) -> Result<(), WordError> {
        let (before, after) = (self.number(), new.number());
        if after < before {
            return Err(WordError::Fewer {
                known: before,
                found: after,
            });
        }
        let held = self.chain.newest();
        let mut rosters = new.chain.rosters();
        let offered = rosters.find(|roster| roster.number == held.number);
        if let Some(offered) = offered.filter(|offered| offered.hash() != held.hash()) {
            return Err(WordError::Forked {
                number: held.number,
                held: held.hash(),
                offered: offered.hash(),
            });
        }
        self.takes_no_roster_of_a_thief(new)
    }

    /// Refuses rosters that came since and were signed with a key that was known to be revoked: the CA takes none of those, so they
    /// are a thief's. Of what is heard at once nobody knows which came first.
    fn takes_no_roster_of_a_thief(&self, new: &Self) -> Result<(), WordError> {
        let rosters = (1..).zip(&new.word.chain);
        for (number, roster) in rosters.filter(|(number, _)| *number > self.number()) {
            // The chain has verified them.
            for key in roster.signed_with().unwrap_or_default() {
                let key = key.fingerprint();
                if self.revoked.names(key) {
                    return Err(WordError::ByRevokedKey { number, key });
                }
            }
        }
        Ok(())
    }
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
