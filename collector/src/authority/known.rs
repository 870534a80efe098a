//! What is known: rosters and state as they were checked, the keys that people revoked.

use daypass_protocol::digest::Pin;
use daypass_protocol::key::Key;
use daypass_protocol::roster::Chain;
use daypass_protocol::state::VerifiedState;

use super::{Word, WordError};
use crate::revoked::RevokedKeys;

/// All of it, from one moment to the next.
pub(super) struct Known {
    pub(super) chain: Chain,
    pub(super) state: VerifiedState,
    pub(super) word: Word,
    pub(super) revoked: RevokedKeys,
}

impl Known {
    /// Nothing is known to be revoked yet.
    pub(super) fn check(pin: Pin, word: &Word, state_key: &Key) -> Result<Self, WordError> {
        Ok(Self {
            chain: Chain::verify(pin, &word.chain)?,
            state: word.state.check(pin, state_key)?,
            word: word.clone(),
            revoked: RevokedKeys::default(),
        })
    }

    /// With what was known to be revoked before, and what the state says.
    pub(super) fn remembering(mut self, before: RevokedKeys) -> Self {
        self.revoked = before;
        self.revoked.hear(&self.state.state().revoked, &self.chain);
        self
    }

    /// How many rosters there are.
    pub(super) fn number(&self) -> u64 {
        self.chain.rosters().count() as u64
    }

    /// Whether these rosters go on from those that are known.
    pub(super) fn may_be_followed_by(&self, new: &Self) -> Result<(), WordError> {
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
