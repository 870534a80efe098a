//! Taking over what the CA announces: its state, the rosters, and what stops windows.
//!
//! Nothing is believed for having come from the CA. A state must be signed by the key that the
//! last one announced and must not go back; rosters must form a chain from the pin that continues
//! the one known here; a stop counts by its signer's own signature, and is kept whatever a later
//! state omits.

pub mod store;

use std::collections::BTreeSet;

use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::key::Key;
use daypass_protocol::narrowing::{SignedNarrowing, VerifiedNarrowing};
use daypass_protocol::revocation::{SignedRevocation, VerifiedRevocation};
use daypass_protocol::roster::{Authority, Chain, ChainError, SignedRoster, VerifiedRoster};
use daypass_protocol::state::{self, SignedState, State, VerifiedState};
use daypass_protocol::statement::SignedStatement;
use daypass_protocol::stop::Stop;
use daypass_protocol::time::Time;

use crate::authority::{HostNames, Snapshot};

/// A stop is dropped this long after it expires; by then no window that it names is left.
const KEPT_AFTER_EXPIRY: u64 = 365 * 86_400;
/// More stops than a CA with any history announces; the ones that expire last are kept.
const MAX_STOPS: usize = 20_000;

/// Everything taken over so far, with the signed originals.
#[derive(Clone, Debug)]
pub struct Known {
    pin: Pin,
    rosters: Vec<SignedRoster>,
    chain: Chain,
    signed: SignedState,
    signed_by: Key,
    state: VerifiedState,
    stops: Vec<Kept>,
    revoked: Vec<KeptRevocation>,
    narrowings: Vec<KeptNarrowing>,
    enrolled: Time,
}

#[derive(Clone, Debug)]
struct KeptNarrowing {
    signed: SignedNarrowing,
    verified: VerifiedNarrowing,
}

#[derive(Clone, Debug)]
struct KeptRevocation {
    signed: SignedRevocation,
    verified: VerifiedRevocation,
}

#[derive(Clone, Debug)]
struct Kept {
    signed: SignedStatement,
    stop: Stop,
    expires: Time,
}

/// What a state that was taken over changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The roster's number, if it is a new one.
    pub roster: Option<u64>,
    /// The first new roster that the recovery key signed, in the admins' stead.
    pub recovery: Option<u64>,
    /// Statements that stop windows and were not known before.
    pub stops: usize,
    /// Revocations of people, keys, certificates or hosts that were not known before.
    pub revoked: usize,
    /// Narrowings of windows that were not known before.
    pub narrowed: usize,
    /// Statements in the state that count for nothing.
    pub unusable: usize,
    /// The user-CA keys are others than before.
    pub user_ca: bool,
    /// The CA counts anew: it was restored or rebuilt.
    pub incarnation: bool,
}

impl Changes {
    /// Is there anything that a person might want to know?
    #[must_use]
    pub fn is_notable(&self) -> bool {
        *self != Self::default()
    }
}

/// Why nothing was taken over.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    /// The state itself.
    #[error(transparent)]
    State(#[from] state::Error),
    /// The rosters do not lead from the pin to a roster.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The rosters could not be fetched.
    #[error("the rosters could not be fetched: {0}")]
    Fetch(#[source] E),
    /// There are two rosters of one number.
    #[error("there are two rosters {number}: the CA's is another one than this host's")]
    RosterFork {
        /// The number.
        number: u64,
        /// The one that is known here.
        held: Digest,
        /// The CA's.
        offered: Digest,
    },
    /// The rosters that came do not reach the number that the state names.
    #[error("the state names roster {wanted}, the CA sends none beyond {found}")]
    RosterMissing {
        /// The number that the state names.
        wanted: u64,
        /// The newest that came.
        found: u64,
    },
}

impl Known {
    /// What a host learns at its enrolment. The connection, pinned by the token, vouches for the
    /// first state key; the rosters vouch for themselves.
    ///
    /// # Errors
    /// See [`enum@Error`]; nothing is fetched.
    pub fn first(
        pin: Pin,
        rosters: Vec<SignedRoster>,
        signed: SignedState,
    ) -> Result<Self, Error<std::convert::Infallible>> {
        let key = signed
            .read_unverified()
            .map_err(state::Error::from)?
            .state_key;
        let state = signed.check(pin, &key)?;
        let chain = Chain::verify(pin, &rosters)?;
        agrees(&chain, &state)?;
        let mut known = Self {
            pin,
            rosters,
            chain,
            signed,
            signed_by: key,
            state,
            stops: Vec::new(),
            revoked: Vec::new(),
            narrowings: Vec::new(),
            enrolled: Time::from_unix(0),
        };
        known.keep_stops();
        known.keep_revoked();
        known.keep_narrowings();
        Ok(known)
    }

    /// Takes a newer state over; the rosters are fetched when it names a newer one.
    ///
    /// # Errors
    /// See [`enum@Error`]; then everything is as it was.
    pub fn take_over<E>(
        &self,
        signed: SignedState,
        fetch: impl FnOnce() -> Result<Vec<SignedRoster>, E>,
    ) -> Result<(Self, Changes), Error<E>> {
        let key = self.state.state().state_key.clone();
        let state = signed.check(self.pin, &key)?;
        state.may_follow(&self.state)?;
        let mut next = Self {
            signed,
            signed_by: key,
            state,
            ..self.clone()
        };
        let mark = next.state.state().roster;
        if mark.number > self.chain.newest().number {
            next.extend(fetch().map_err(Error::Fetch)?)?;
        }
        agrees(&next.chain, &next.state)?;
        let unusable = next.keep_stops() + next.keep_revoked() + next.keep_narrowings();
        let changes = self.changes(&next, unusable);
        Ok((next, changes))
    }

    /// On a host that was enrolled then: a revocation of the host before that is not about it. Until this is said, every
    /// one is.
    #[must_use]
    pub fn on_host_enrolled(self, enrolled: Time) -> Self {
        Self { enrolled, ..self }
    }

    /// The state's number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.state.state().number
    }

    /// What the CA announced last.
    #[must_use]
    pub fn state(&self) -> &State {
        self.state.state()
    }

    /// What the gates decide by.
    #[must_use]
    pub fn snapshot(&self, host: HostNames) -> Snapshot {
        Snapshot {
            pin: self.pin,
            host,
            chain: self.chain.clone(),
            state: self.state.state().clone(),
            stops: self.stops.iter().map(|kept| kept.stop.clone()).collect(),
            revoked: self
                .revoked
                .iter()
                .map(|kept| kept.verified.clone())
                .collect(),
            narrowings: self
                .narrowings
                .iter()
                .map(|kept| kept.verified.clone())
                .collect(),
            enrolled: self.enrolled,
        }
    }

    fn extend<E>(&mut self, rosters: Vec<SignedRoster>) -> Result<(), Error<E>> {
        let chain = Chain::verify(self.pin, &rosters)?;
        let known = self.chain.newest();
        let offered = chain.rosters().find(|roster| roster.number == known.number);
        match offered.map(VerifiedRoster::hash) {
            Some(offered) if offered == known.hash() => {}
            Some(offered) => {
                return Err(Error::RosterFork {
                    number: known.number,
                    held: known.hash(),
                    offered,
                });
            }
            None => {
                return Err(Error::RosterMissing {
                    wanted: self.state.state().roster.number,
                    found: chain.newest().number,
                });
            }
        }
        self.rosters = rosters;
        self.chain = chain;
        Ok(())
    }

    /// Adds the stops of the current state to those kept before; tells how many count for nothing.
    fn keep_stops(&mut self) -> usize {
        let mut unusable = 0;
        let mut seen: BTreeSet<String> = self
            .stops
            .iter()
            .map(|kept| kept.signed.statement.clone())
            .collect();
        for signed in &self.state.state().revocations {
            if seen.contains(&signed.statement) {
                continue;
            }
            match Kept::check(signed, &self.chain) {
                Some(kept) => {
                    seen.insert(kept.signed.statement.clone());
                    self.stops.push(kept);
                }
                None => unusable += 1,
            }
        }
        let now = self.state.state().time;
        self.stops
            .retain(|kept| now < kept.expires.plus(KEPT_AFTER_EXPIRY));
        self.stops
            .sort_by_key(|kept| std::cmp::Reverse(kept.expires));
        self.stops.truncate(MAX_STOPS);
        unusable
    }

    /// Adds the revocations of the current state to those kept before; tells how many count for nothing.
    fn keep_revoked(&mut self) -> usize {
        let mut unusable = 0;
        let mut seen: BTreeSet<String> = self
            .revoked
            .iter()
            .map(|kept| kept.signed.revocation.clone())
            .collect();
        for signed in &self.state.state().revoked {
            if !seen.insert(signed.revocation.clone()) {
                continue;
            }
            match KeptRevocation::check(signed, &self.chain) {
                Some(kept) => self.revoked.push(kept),
                None => unusable += 1,
            }
        }
        let now = self.state.state().time;
        let ends = |kept: &KeptRevocation| kept.verified.revocation().expires;
        self.revoked
            .retain(|kept| now < ends(kept).plus(KEPT_AFTER_EXPIRY));
        self.revoked
            .sort_by_key(|kept| std::cmp::Reverse(ends(kept)));
        self.revoked.truncate(MAX_STOPS);
        unusable
    }

    /// Adds the narrowings of the current state to those kept before; tells how many count for nothing.
    fn keep_narrowings(&mut self) -> usize {
        let mut unusable = 0;
        let mut seen: BTreeSet<String> = self
            .narrowings
            .iter()
            .map(|kept| kept.signed.narrowing.clone())
            .collect();
        for signed in &self.state.state().narrowings {
            if !seen.insert(signed.narrowing.clone()) {
                continue;
            }
            match KeptNarrowing::check(signed, &self.chain) {
                Some(kept) => self.narrowings.push(kept),
                None => unusable += 1,
            }
        }
        let now = self.state.state().time;
        let ends = |kept: &KeptNarrowing| kept.verified.narrowing().expires;
        self.narrowings
            .retain(|kept| now < ends(kept).plus(KEPT_AFTER_EXPIRY));
        self.narrowings
            .sort_by_key(|kept| std::cmp::Reverse(ends(kept)));
        self.narrowings.truncate(MAX_STOPS);
        unusable
    }

    fn changes(&self, next: &Self, unusable: usize) -> Changes {
        let (before, after) = (self.state.state(), next.state.state());
        let roster = next.chain.newest().number;
        let known: BTreeSet<_> = self
            .stops
            .iter()
            .map(|kept| &kept.signed.statement)
            .collect();
        Changes {
            roster: (roster != self.chain.newest().number).then_some(roster),
            recovery: next
                .chain
                .rosters()
                .filter(|roster| roster.number > self.chain.newest().number)
                .find(|roster| *roster.authority() == Authority::Recovery)
                .map(|roster| roster.number),
            stops: next
                .stops
                .iter()
                .filter(|kept| !known.contains(&kept.signed.statement))
                .count(),
            revoked: next
                .revoked
                .iter()
                .filter(|kept| !self.knows(&kept.signed))
                .count(),
            narrowed: next
                .narrowings
                .iter()
                .filter(|kept| !self.knows_narrowing(&kept.signed))
                .count(),
            unusable,
            user_ca: before.user_ca != after.user_ca,
            incarnation: before.incarnation != after.incarnation,
        }
    }
}

impl Known {
    fn knows(&self, signed: &SignedRevocation) -> bool {
        self.revoked
            .iter()
            .any(|kept| kept.signed.revocation == signed.revocation)
    }
}

impl Known {
    fn knows_narrowing(&self, signed: &SignedNarrowing) -> bool {
        self.narrowings
            .iter()
            .any(|kept| kept.signed.narrowing == signed.narrowing)
    }
}

impl KeptNarrowing {
    fn check(signed: &SignedNarrowing, chain: &Chain) -> Option<Self> {
        Some(Self {
            verified: signed.check(chain).ok()?,
            signed: signed.clone(),
        })
    }
}

impl KeptRevocation {
    fn check(signed: &SignedRevocation, chain: &Chain) -> Option<Self> {
        Some(Self {
            verified: signed.check(chain).ok()?,
            signed: signed.clone(),
        })
    }
}

impl Kept {
    fn check(signed: &SignedStatement, chain: &Chain) -> Option<Self> {
        let stop = Stop::check(signed, chain).ok()?;
        Some(Self {
            expires: signed.read_unverified().ok()?.expires,
            signed: signed.clone(),
            stop,
        })
    }
}

/// Does the state name a roster of this chain? The chain may be newer than a state that was signed
/// a moment before, and never becomes shorter.
fn agrees<E>(chain: &Chain, state: &VerifiedState) -> Result<(), Error<E>> {
    let mark = state.state().roster;
    let newest = chain.newest().number;
    if mark.number > newest {
        return Err(Error::RosterMissing {
            wanted: mark.number,
            found: newest,
        });
    }
    let named = chain.rosters().find(|roster| roster.number == mark.number);
    match named {
        Some(roster) if roster.hash() == mark.hash => Ok(()),
        Some(roster) => Err(Error::RosterFork {
            number: mark.number,
            held: roster.hash(),
            offered: mark.hash,
        }),
        None => Err(Error::RosterMissing {
            wanted: mark.number,
            found: newest,
        }),
    }
}

#[cfg(test)]
mod tests;
