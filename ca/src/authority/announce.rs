//! The signed state: made afresh every minute and at every change.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use daypass_protocol::digest::Digest;
use daypass_protocol::key::Fingerprint;
use daypass_protocol::krl::Krl;
use daypass_protocol::state::{Collector, SignedState};
use daypass_protocol::time::Time;
use daypass_protocol::token::InvalidUrl;

use tokio::sync::{OwnedSemaphorePermit, watch};

use super::{Authority, Waiter};
use crate::case;
use crate::keys::x509;
use crate::narrow::{self, DamagedNarrowing};
use crate::revoke::{Revoked, RevokedError};
use crate::state::{self, Content};
use crate::store::{AdmittedCollector, StoreError};

/// No state has this number: nobody waits while it stands in the place of one.
const LET_GO: u64 = u64::MAX;

/// The state as it was signed last.
#[derive(Debug, Clone)]
pub struct Announced {
    /// Its number.
    pub number: u64,
    /// The hash of what it and the list say.
    pub content: Digest,
    /// When it was signed.
    pub time: Time,
    /// What hosts get.
    pub signed: SignedState,
    /// What sshd gets: `docs/formats/krl.md`.
    pub krl: Arc<[u8]>,
    /// What people's `ssh` gets: the keys of that list.
    pub host_krl: Arc<[u8]>,
}

/// Why the state could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state key.
    #[error("the state key could not sign")]
    Sign(#[from] ssh_key::Error),
    /// Revocations of people, keys, certificates, hosts.
    #[error(transparent)]
    Revoked(Box<RevokedError>),
    /// A stored revocation that is none.
    #[error("a revocation of the window {window} in the database is damaged")]
    Damaged {
        /// The window's id.
        window: String,
    },
    /// A stored narrowing that is none.
    #[error(transparent)]
    Narrowing(#[from] DamagedNarrowing),
    /// A stored address that is none.
    #[error("the address of the collector {url} in the database is damaged")]
    Collector {
        /// What is there.
        url: String,
        /// What is wrong with it.
        source: InvalidUrl,
    },
}

impl From<RevokedError> for AnnounceError {
    fn from(error: RevokedError) -> Self {
        Self::Revoked(Box::new(error))
    }
}

impl Authority {
    /// The state as it was signed last; none before activation.
    pub fn announced(&self) -> Option<Arc<Announced>> {
        self.announced
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The collectors that the state names, or will once roster 1 is signed.
    ///
    /// # Errors
    /// When the database fails, or holds what is none.
    pub fn named_collectors(&self) -> Result<Vec<Collector>, AnnounceError> {
        named(self.store.read(|tx| tx.collectors())?)
    }

    /// Signs the state afresh; its number rises when it says something new. Nothing happens before activation.
    ///
    /// # Errors
    /// When the database or the key fails; the last state stands then.
    pub fn announce(&self) -> Result<(), AnnounceError> {
        let _alone = self
            .announcing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let roll = self.roll();
        let Some(roster) = roll.newest() else {
            return Ok(());
        };
        let now = self.now();
        let (revocations, narrowings, collectors) = self.store.read(|tx| {
            Ok::<_, StoreError>((
                tx.revocations(now.unix())?,
                tx.narrowings(now.unix())?,
                tx.collectors()?,
            ))
        })?;
        let revoked = self.store.read(|tx| Revoked::read(tx, &roll, now))?;
        self.replace_revoked(revoked.clone());
        let keys = self.keys.public();
        let content = Content {
            ca: self.pin,
            incarnation: self.incarnation,
            roster: state::mark(roster),
            user_ca: keys.user_ca.clone(),
            host_ca: keys.host_ca.clone(),
            state_key: self.keys.state_key(),
            revocations: revocations
                .iter()
                .map(|stored| {
                    case::signed(stored).ok_or_else(|| AnnounceError::Damaged {
                        window: stored.window.clone(),
                    })
                })
                .collect::<Result<_, _>>()?,
            successions: self.successions(),
            collectors: named(collectors)?,
            revoked: revoked.signed().to_vec(),
            narrowings: narrow::all_telling(&narrowings)?,
            x509: self.named_roots(),
        };
        // Nobody asks for the list again before the number is another one: so it counts what the list says, too.
        let list = self.store.read(|tx| revoked.krl(tx, now))?;
        let digest = content.digest_with(&list);
        let number = match self.announced() {
            Some(last) if last.content == digest => last.number,
            _ => self
                .store
                .write(move |tx| tx.state_number(&digest.to_string()))?,
        };
        let (krl, host_krl) = match self.announced() {
            Some(last) if last.number == number => {
                (Arc::clone(&last.krl), Arc::clone(&last.host_krl))
            }
            _ => {
                let list = Krl { number, ..list };
                (
                    Arc::from(list.to_bytes()),
                    Arc::from(list.of_keys().to_bytes()),
                )
            }
        };
        let signed = content
            .numbered(number, now)
            .sign(|namespace, message| self.keys.sign_by_state_key(namespace, message))?;
        *self
            .announced
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(Announced {
            number,
            content: digest,
            time: now,
            signed,
            krl,
            host_krl,
        }));
        self.numbers.send_if_modified(|last| {
            let is_new = *last != number && *last != LET_GO;
            if is_new {
                *last = number;
            }
            is_new
        });
        self.note_root();
        Ok(())
    }

    /// Notes that a state names the X.509 root beside the one that issues, so that it may issue. The first state may be one
    /// of long after the start: there is none before roster 1 is signed.
    fn note_root(&self) {
        let Some(beside) = &self.x509_beside else {
            return;
        };
        if self.x509_noted.load(Ordering::SeqCst) {
            return;
        }
        match x509::note_announced(&self.layout, beside) {
            Ok(()) => self.x509_noted.store(true, Ordering::SeqCst),
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the next X.509 root is announced, and cannot be used before that is noted; tried again in a minute"
            ),
        }
    }

    /// What is revoked beyond single windows, as it was announced last.
    pub fn revoked(&self) -> Arc<Revoked> {
        Arc::clone(&self.revoked.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Acts on what was revoked by now, before the state says it. The caller holds [`Authority::deciding`], so that nothing is
    /// decided between the two.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub(crate) fn take_up_revocations(&self) -> Result<(), AnnounceError> {
        let (roll, now) = (self.roll(), self.now());
        let revoked = self.store.read(|tx| Revoked::read(tx, &roll, now))?;
        self.replace_revoked(revoked);
        Ok(())
    }

    /// Whether the use of this revoked key is to be journalled.
    pub(crate) fn is_news_of_revoked(&self, key: Fingerprint) -> bool {
        self.revoked_uses.is_news(key, self.now())
    }

    fn replace_revoked(&self, revoked: Revoked) {
        *self.revoked.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(revoked);
    }

    /// The state's number, for who waits until it is another one.
    pub fn numbers(&self) -> watch::Receiver<u64> {
        self.numbers.subscribe()
    }

    /// A place among those who wait for a newer state, until it is dropped; none where all are taken.
    pub(crate) fn place_to_wait(&self, waiter: Waiter) -> Option<OwnedSemaphorePermit> {
        self.waiting.place(waiter)
    }

    /// Lets everybody go who waits for a newer state, from now on: the CA stops.
    pub fn let_go(&self) {
        self.numbers.send_replace(LET_GO);
    }
}

/// The collectors in the form that the state has them in.
fn named(stored: Vec<AdmittedCollector>) -> Result<Vec<Collector>, AnnounceError> {
    let named = stored.into_iter().map(|stored| match stored.url.parse() {
        Ok(url) => Ok(Collector {
            url,
            witness: stored.witness,
            heir: stored.heir,
        }),
        Err(source) => Err(AnnounceError::Collector {
            url: stored.url,
            source,
        }),
    });
    named.collect()
}
