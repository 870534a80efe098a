//! The state key of a CA that serves for longer than one signs.

use std::sync::PoisonError;

use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::roster::Roster;
use daypass_protocol::succession::SignedSuccession;
use daypass_protocol::time::Time;

use super::Authority;
use crate::keys::state_key::{self, SuccessionError};
use crate::keys::{KeysError, Places};
use crate::ledger::LedgerError;
use crate::passphrase::{Passphrase, PassphraseError};
use crate::people::Roll;

/// Why another key does not sign the state.
#[derive(Debug, thiserror::Error)]
pub enum StateKeyError {
    /// It was not made, or not named.
    #[error(transparent)]
    Succession(#[from] SuccessionError),
    /// It was named, and cannot be opened: it signs from the next start on.
    #[error("the next state key cannot be opened")]
    Keys(#[from] KeysError),
    /// The passphrase of the key files.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// The journal.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// When the CA was made, and with it its first state key.
pub(super) fn born(roll: &Roll) -> Option<Time> {
    let first = roll.signed().first()?;
    let roster: Roster = serde_json::from_str(&first.roster).ok()?;
    Some(roster.time)
}

impl Authority {
    /// What state keys said of those after them, oldest first.
    pub(super) fn successions(&self) -> Vec<SignedSuccession> {
        let told = self.successions.read();
        told.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets another key sign the state, from the next one on, where the one that does has for a year. Whether it does: where nobody
    /// has the passphrase, the next start does it.
    ///
    /// # Errors
    /// When a key cannot be made or opened; then the one of before signs on.
    pub fn renew_state_key(
        &self,
        passphrase: impl FnOnce() -> Result<Option<Passphrase>, PassphraseError>,
    ) -> Result<bool, StateKeyError> {
        // No state is signed meanwhile: it would have one key's name and another one's signature.
        let _alone = self
            .announcing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (now, born) = (self.now(), born(&self.roll()));
        let is_due = |born| state_key::is_due(&self.layout, born, now);
        if !born.map_or(Ok(false), is_due)? {
            return Ok(false);
        }
        let Some(passphrase) = passphrase()? else {
            return Ok(false);
        };
        let before = self.keys.state_key();
        let places = Places {
            layout: &self.layout,
            passphrase: &passphrase,
            agent: None,
        };
        let key = state_key::succeed(places, self.pin, now)?;
        // Hosts follow by what is told: never a state by the next key without it.
        let told = state_key::told(&self.layout)?;
        self.keys.follow_state_key(&self.layout, &passphrase)?;
        *self
            .successions
            .write()
            .unwrap_or_else(PoisonError::into_inner) = told;
        self.note(
            &Event::new(Action::CaStateKey)
                .outcome(Outcome::Done)
                .detail("key", key.fingerprint().to_string())
                .detail("before", before.fingerprint().to_string()),
        )?;
        tracing::info!("another key signs the state from now on; the one before says so");
        Ok(true)
    }
}
