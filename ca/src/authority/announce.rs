//! The signed state: made afresh every minute and at every change.

use std::sync::{Arc, PoisonError};

use daypass_protocol::digest::Digest;
use daypass_protocol::state::{Collector, SignedState};
use daypass_protocol::token::InvalidUrl;

use super::Authority;
use crate::case;
use crate::state::{self, Content};
use crate::store::{AdmittedCollector, StoreError};

/// The state as it was signed last.
#[derive(Debug, Clone)]
pub struct Announced {
    /// Its number.
    pub number: u64,
    /// The hash of what it says.
    pub content: Digest,
    /// What hosts get.
    pub signed: SignedState,
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
    /// A stored revocation that is none.
    #[error("a revocation of the window {window} in the database is damaged")]
    Damaged {
        /// The window's id.
        window: String,
    },
    /// A stored address that is none.
    #[error("the address of the collector {url} in the database is damaged")]
    Collector {
        /// What is there.
        url: String,
        /// What is wrong with it.
        source: InvalidUrl,
    },
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
        let (revocations, collectors) = self
            .store
            .read(|tx| Ok::<_, StoreError>((tx.revocations(now.unix())?, tx.collectors()?)))?;
        let keys = self.keys.public();
        let content = Content {
            ca: self.pin,
            incarnation: self.incarnation,
            roster: state::mark(roster),
            user_ca: keys.user_ca.clone(),
            host_ca: keys.host_ca.clone(),
            state_key: keys.state.clone(),
            revocations: revocations
                .iter()
                .map(|stored| {
                    case::signed(stored).ok_or_else(|| AnnounceError::Damaged {
                        window: stored.window.clone(),
                    })
                })
                .collect::<Result<_, _>>()?,
            collectors: named(collectors)?,
        };
        let digest = content.digest();
        let number = match self.announced() {
            Some(last) if last.content == digest => last.number,
            _ => self
                .store
                .write(move |tx| tx.state_number(&digest.to_string()))?,
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
            signed,
        }));
        Ok(())
    }
}

/// The collectors in the form that the state has them in.
fn named(stored: Vec<AdmittedCollector>) -> Result<Vec<Collector>, AnnounceError> {
    let named = stored.into_iter().map(|stored| match stored.url.parse() {
        Ok(url) => Ok(Collector {
            url,
            witness: stored.witness,
        }),
        Err(source) => Err(AnnounceError::Collector {
            url: stored.url,
            source,
        }),
    });
    named.collect()
}
