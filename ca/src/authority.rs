//! The CA at work: its keys, its memory, its journal, and the one order in which they are used.
//!
//! A decision is committed to the database together with its journal entry's text, then the entry is made durable,
//! then it is answered. What a crash leaves between the two is journalled at the next start. Certificates go the other way:
//! see [`records`].

mod announce;
mod checked;
mod collectors;
mod invitations;
mod open;
mod own;
mod readings;
mod records;
mod revoked_uses;
mod room;
mod strangers;
mod succession;
mod tokens;
mod waiting;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use daypass_protocol::digest::{Digest, Incarnation, Pin};
use daypass_protocol::enrolment::{SignedRecord, ca_origin};
use daypass_protocol::event::Event;
use daypass_protocol::succession::SignedSuccession;
use daypass_protocol::time::Time;
use daypass_protocol::token::{CaUrl, SetupLine};

use tokio::sync::watch;

use crate::beside::Hands;
use crate::keys::Keys;
use crate::layout::Layout;
use crate::ledger::{Ledger, LedgerError};
use crate::people::Roll;
use crate::revoke::Revoked;
use crate::store::{Nonces, Store, StoreError, Tx};

pub use announce::{AnnounceError, Announced};
pub(crate) use checked::Checked;
pub use collectors::CollectorError;
pub use invitations::InvitationError;
pub use open::OpenError;
pub use own::OwnRecordError;
use readings::Readings;
pub use records::RetireError;
use records::UnderWay;
use revoked_uses::RevokedUses;
pub use room::RoomError;
use strangers::Strangers;
pub use succession::StateKeyError;
pub use tokens::TokenError;
use tokens::mark_of;
pub(crate) use tokens::{are_free, mark};
pub(crate) use waiting::Waiter;
use waiting::Waiting;

/// What time it is; tests have their own.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// The certificate authority.
pub struct Authority {
    store: Arc<Store>,
    nonces: Nonces,
    ledger: Arc<Ledger>,
    keys: Keys,
    x509: daypass_transport::authority::Authority,
    /// The root after or before that one, during a rotation, in PEM.
    x509_beside: Option<String>,
    /// Whether its rotation ever began.
    x509_rotated: bool,
    /// Whether a state has named that one, and its file says so.
    x509_noted: AtomicBool,
    layout: Layout,
    pin: Pin,
    incarnation: Incarnation,
    url: CaUrl,
    own_record: SignedRecord,
    clock: Clock,
    /// How far back certificates are dated, in seconds.
    skew: u64,
    roll: RwLock<Arc<Roll>>,
    announced: RwLock<Option<Arc<Announced>>>,
    revoked: RwLock<Arc<Revoked>>,
    numbers: watch::Sender<u64>,
    announcing: Mutex<()>,
    decisions: RwLock<()>,
    waiting: Waiting,
    revoked_uses: RevokedUses,
    readings: Readings,
    strangers: Strangers,
    checked: Checked,
    under_way: Arc<UnderWay>,
    hands: Hands,
    successions: RwLock<Vec<SignedSuccession>>,
}

impl Authority {
    /// The system's clock.
    pub fn system_clock() -> Clock {
        Arc::new(|| Time::from(std::time::SystemTime::now()))
    }

    /// What time it is.
    pub fn now(&self) -> Time {
        (self.clock)()
    }

    /// Dates certificates back by so many seconds, instead of [`SKEW`](daypass_protocol::time::SKEW).
    #[must_use]
    pub fn dating_back(mut self, skew: u64) -> Self {
        self.skew = skew;
        self
    }

    /// How far back certificates are dated, in seconds.
    pub fn skew(&self) -> u64 {
        self.skew
    }

    /// The CA's name.
    pub fn pin(&self) -> Pin {
        self.pin
    }

    /// The name of the CA's own journal.
    pub fn origin(&self) -> String {
        ca_origin(self.pin, self.incarnation)
    }

    /// Where clients and hosts reach it.
    pub fn url(&self) -> &CaUrl {
        &self.url
    }

    /// What the CA shows collectors of its own journal.
    pub fn own_record(&self) -> &SignedRecord {
        &self.own_record
    }

    /// The line for `daypass setup`.
    pub fn setup_line(&self) -> SetupLine {
        SetupLine {
            url: self.url.clone(),
            root: self.x509_root(),
            ca: self.pin,
        }
    }

    /// The hash that clients pin.
    pub fn x509_root(&self) -> Digest {
        Digest::from_bytes(self.x509.hash())
    }

    /// The X.509 root.
    pub fn x509(&self) -> &daypass_transport::authority::Authority {
        &self.x509
    }

    /// The X.509 roots that are trusted, in PEM, the one that issues first.
    pub fn x509_roots(&self) -> Vec<String> {
        let first = self.x509.certificate().to_owned();
        std::iter::once(first)
            .chain(self.x509_beside.clone())
            .collect()
    }

    /// Those that documents name: none until the first rotation begins. Everybody knows the only one there was, and who is of
    /// a version that knows no roots in documents refuses one that has them.
    pub fn named_roots(&self) -> Vec<String> {
        if self.x509_rotated {
            self.x509_roots()
        } else {
            Vec::new()
        }
    }

    /// The signing keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Threads for what is done while the disk is waited for.
    pub(crate) fn hands(&self) -> &Hands {
        &self.hands
    }

    /// Statements that were checked before.
    pub(crate) fn checked(&self) -> &Checked {
        &self.checked
    }

    /// The replay cache.
    pub fn nonces(&self) -> &Nonces {
        &self.nonces
    }

    /// The journal.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The rosters as they are now.
    pub fn roll(&self) -> Arc<Roll> {
        Arc::clone(&self.roll.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the rosters; the caller holds [`Authority::deciding`] and has made them durable.
    pub(crate) fn replace_roll(&self, roll: Roll) {
        *self.roll.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(roll);
    }

    /// Held while a window, a host or the roster changes: the journal then has decisions in the order in which they
    /// build on one another.
    pub(crate) fn deciding(&self) -> RwLockWriteGuard<'_, ()> {
        self.decisions
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Held while something is done on the strength of decisions: all of them are in the journal already.
    pub(crate) fn relying(&self) -> RwLockReadGuard<'_, ()> {
        self.decisions
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits what `job` changes with the entry that tells of it, and returns when both are durable.
    ///
    /// # Errors
    /// The job's own, the database's or the journal's.
    pub(crate) fn decide<T, E>(
        &self,
        job: impl FnOnce(&Tx<'_>) -> Result<(T, Event), E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + From<LedgerError> + Send + 'static,
    {
        let (value, id, event) = self.store.write(move |tx| {
            let (value, event) = job(tx)?;
            let event = serde_json::to_value(event).map_err(LedgerError::Event)?;
            let id = tx.add_pending(&event.to_string())?;
            Ok::<_, E>((value, id, event))
        })?;
        self.ledger.record(&event)?;
        // Losing this to a crash only repeats the entry, marked as recovered.
        self.store.write_later(move |tx| tx.forget_pending(id));
        Ok(value)
    }

    /// Makes the entry of something that changes nothing: a refusal, a start, a stop.
    ///
    /// # Errors
    /// When it does not become durable.
    pub fn note(&self, event: &Event) -> Result<(), LedgerError> {
        self.ledger.record(&serde_json::to_value(event)?)
    }
}
