//! From files to a CA at work.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};

use daypass_protocol::digest::{Incarnation, InvalidHex, Pin};
use daypass_protocol::roster::{ChainError, SignedRoster};
use daypass_protocol::time::SKEW;
use daypass_protocol::token::CaUrl;

use tokio::sync::watch;

use super::{AnnounceError, Authority, Clock, OwnRecordError, own, succession};
use crate::beside::Hands;
use crate::keys::rotation::RotationError;
use crate::keys::state_key::{self, SuccessionError};
use crate::keys::x509;
use crate::keys::{Keys, KeysError, Places};
use crate::ledger::{Ledger, LedgerError};
use crate::people::Roll;
use crate::replay::{self, ReplayError};
use crate::store::{AdmittedCollector, NonceError, Nonces, Store, StoreError, StoredRoster};

/// Certificates whose records are written while they are signed; those of more are written after it.
const HANDS: usize = 8;

/// Why the CA cannot begin its work.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no CA here.
    #[error("there is no CA in {directory} yet")]
    NoCa {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// `init` was interrupted.
    #[error("the CA in {directory} was not made to its end")]
    Unfinished {
        /// Where.
        directory: PathBuf,
    },
    /// A file that must be there.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The replay cache.
    #[error(transparent)]
    Nonces(#[from] NonceError),
    /// The journal.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What the journal tells of certificates.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The signing keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The X.509 root.
    #[error("the X.509 root cannot be used")]
    X509(#[from] daypass_transport::authority::Error),
    /// Its rotation.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// Pin or incarnation in the database.
    #[error("the database holds a damaged pin or incarnation")]
    Genesis(#[from] InvalidHex),
    /// The rosters in the database.
    #[error("the database's rosters do not hold: somebody has changed them")]
    Chain(#[from] ChainError),
    /// A signature in the database.
    #[error("roster {number} in the database has a damaged signature")]
    Signature {
        /// The roster's number.
        number: u64,
        /// What is wrong with it.
        source: daypass_protocol::sshsig::Error,
    },
    /// The record of the CA's own journal.
    #[error(transparent)]
    OwnRecord(#[from] OwnRecordError),
    /// The state key's successor.
    #[error(transparent)]
    Succession(#[from] SuccessionError),
    /// The first state.
    #[error(transparent)]
    Announce(#[from] AnnounceError),
}

impl Authority {
    /// Opens the CA that `init` made, journals what a crash left unsaid, and signs the first state.
    ///
    /// # Errors
    /// When anything of it is missing, damaged, or in use.
    pub fn open(places: Places<'_>, url: CaUrl, clock: Clock) -> Result<Self, OpenError> {
        let layout = places.layout;
        let no_ca = || OpenError::NoCa {
            directory: layout.root().to_owned(),
        };
        if !layout.database().exists() {
            return Err(no_ca());
        }
        if layout.unfinished().exists() {
            return Err(OpenError::Unfinished {
                directory: layout.root().to_owned(),
            });
        }
        let store = Store::open(&layout.database())?;
        let (pin, incarnation) = store.read(|tx| tx.genesis())?.ok_or_else(no_ca)?;
        let pin: Pin = pin.parse()?;
        let incarnation: Incarnation = incarnation.parse()?;
        let chain = store.read(|tx| tx.chain())?;
        let roll = Roll::restore(
            pin,
            chain.into_iter().map(signed).collect::<Result<_, _>>()?,
        )?;
        state_key::finish(layout)?;
        if let Some(born) = succession::born(&roll)
            && state_key::is_due(layout, born, clock())?
        {
            state_key::succeed(places, pin, clock())?;
            tracing::info!("another key signs the state from now on; the one before says so");
        }
        let keys = Keys::open(places)?;
        x509::finish(layout)?;
        let x509 = daypass_transport::authority::Authority::from_pem(
            &read(layout.tls_root())?,
            &read(layout.tls_root_key())?,
        )?;
        let collectors = store.read(|tx| tx.collectors())?;
        let witnesses = collectors.iter().flat_map(AdmittedCollector::witnesses);
        let ledger = Ledger::open(layout, witnesses.map(str::to_owned).collect())?;
        for (id, event) in store.read(|tx| tx.pending())? {
            ledger.record_late(&event)?;
            store.write::<_, StoreError>(move |tx| tx.forget_pending(id))?;
        }
        make_up(&store, &layout.journal())?;
        let own_record = own::record(&store, layout, &keys, (pin, incarnation), clock())?;
        let authority = Self {
            nonces: Nonces::open(&layout.nonces())?,
            store: Arc::new(store),
            ledger: Arc::new(ledger),
            keys,
            x509,
            x509_beside: x509::beside(layout)?,
            x509_rotated: x509::is_rotated(layout),
            x509_noted: AtomicBool::new(false),
            layout: layout.clone(),
            pin,
            incarnation,
            url,
            own_record,
            clock,
            skew: SKEW,
            roll: RwLock::new(Arc::new(roll)),
            announced: RwLock::new(None),
            revoked: RwLock::default(),
            numbers: watch::Sender::new(0),
            announcing: Mutex::new(()),
            decisions: RwLock::new(()),
            waiting: super::Waiting::new(),
            revoked_uses: super::RevokedUses::default(),
            readings: super::Readings::default(),
            strangers: super::Strangers::default(),
            checked: super::Checked::default(),
            under_way: Arc::default(),
            hands: Hands::new(HANDS),
            successions: RwLock::new(state_key::told(layout)?),
        };
        authority.mark_records()?;
        authority.announce()?;
        Ok(authority)
    }
}

/// Brings into the table what the journal tells of certificates and a crash kept from it.
fn make_up(store: &Store, journal: &Path) -> Result<(), OpenError> {
    let mark = store.read(|tx| tx.journalled())?;
    replay::certificates(journal, mark, |some| {
        store.write::<_, StoreError>(move |tx| some.iter().try_for_each(|one| tx.make_up(one)))?;
        Ok::<_, OpenError>(())
    })?;
    Ok(())
}

fn read(path: PathBuf) -> Result<String, OpenError> {
    std::fs::read_to_string(&path).map_err(|source| OpenError::Unreadable { path, source })
}

fn signed(stored: StoredRoster) -> Result<SignedRoster, OpenError> {
    let number = stored.number;
    let signatures = stored
        .signatures
        .iter()
        .map(|signature| signature.parse())
        .collect::<Result<_, _>>()
        .map_err(|source| OpenError::Signature { number, source })?;
    Ok(SignedRoster {
        roster: stored.roster,
        signatures,
    })
}
