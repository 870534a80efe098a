//! Taking over what the CA announces: its state, the rosters, and what stops windows.
//!
//! Nothing is believed for having come from the CA. A state must be signed by the key that the
//! last one announced and must not go back; rosters must form a chain from the pin that continues
//! the one known here; a stop counts by its signer's own signature, and is kept whatever a later
//! state omits.

mod changes;
mod error;
mod memory;
pub mod store;

pub use changes::Changes;
pub use error::Error;

use daypass_protocol::digest::Pin;
use daypass_protocol::key::Key;
use daypass_protocol::narrowing::VerifiedNarrowing;
use daypass_protocol::revocation::{Subject, VerifiedRevocation};
use daypass_protocol::roster::{Authority, Chain, SignedRoster, VerifiedRoster};
use daypass_protocol::state::{self, SignedState, State, VerifiedState};
use daypass_protocol::stop::Stop;
use daypass_protocol::time::Time;

use crate::authority::{HostNames, Snapshot};
use memory::{Memory, ROOM};

/// Everything taken over so far, with the signed originals.
#[derive(Clone, Debug)]
pub struct Known {
    pin: Pin,
    rosters: Vec<SignedRoster>,
    chain: Chain,
    signed: SignedState,
    signed_by: Key,
    state: VerifiedState,
    stops: Memory<Stop>,
    revoked: Memory<VerifiedRevocation>,
    narrowings: Memory<VerifiedNarrowing>,
    /// How many statements in the state count for nothing.
    unusable: usize,
    enrolled: Time,
}

/// This host's clock, and by how many seconds the CA's may be ahead of it.
#[derive(Clone, Copy, Debug)]
pub struct OwnClock {
    /// What it shows.
    pub now: Time,
    /// Seconds.
    pub tolerance: u64,
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
            stops: Memory::with(ROOM),
            revoked: Memory::with(ROOM),
            narrowings: Memory::with(ROOM),
            unusable: 0,
            enrolled: Time::from_unix(0),
        };
        known.unusable = known.hear();
        Ok(known)
    }

    /// Takes a newer state over; the rosters are fetched when it names a newer one.
    ///
    /// # Errors
    /// See [`enum@Error`]; then everything is as it was.
    pub fn take_over<E>(
        &self,
        signed: SignedState,
        clock: OwnClock,
        fetch: impl FnOnce() -> Result<Vec<SignedRoster>, E>,
    ) -> Result<(Self, Changes), Error<E>> {
        let key = self.state.state().state_key.clone();
        let state = signed.check(self.pin, &key)?;
        state.may_follow(&self.state)?;
        state.is_due(clock.now, clock.tolerance)?;
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
        next.unusable = next.hear();
        next.forget(clock.now);
        let changes = self.changes(&next);
        Ok((next, changes))
    }

    /// Takes no more from a state than what people signed: rosters, and what takes something away. That counts whoever brings it,
    /// so a host whose clock is behind, and to which states are dated ahead, hears of revocations all the same. `None` where the
    /// CA's signature or a roster does not hold, or there is nothing new.
    #[must_use]
    pub fn heed<E>(
        &self,
        signed: &SignedState,
        fetch: impl FnOnce() -> Result<Vec<SignedRoster>, E>,
    ) -> Option<(Self, Changes)> {
        let state = signed.check(self.pin, &self.state.state().state_key).ok()?;
        let mut next = self.clone();
        // With the rosters of its time: those after it must not be signed with a key that it says was revoked.
        if state.state().roster.number > self.chain.newest().number {
            next.extend::<E>(fetch().ok()?).ok()?;
        }
        agrees::<E>(&next.chain, &state).ok()?;
        next.hear_of(state.state());
        let changes = self.changes(&next);
        changes.is_notable().then_some((next, changes))
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
            stops: self.stops.all().cloned().collect(),
            revoked: self.revoked.all().cloned().collect(),
            narrowings: self.narrowings.all().cloned().collect(),
            enrolled: self.enrolled,
        }
    }

    /// Takes rosters over that continue those that are known.
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
        self.signed_soundly(&rosters, known.number)?;
        self.rosters = rosters;
        self.chain = chain;
        Ok(())
    }

    /// Refuses rosters after number `known` that were signed with a key of which this host knew that it was revoked: the CA takes
    /// none of those, so they are a thief's.
    fn signed_soundly<E>(&self, rosters: &[SignedRoster], known: u64) -> Result<(), Error<E>> {
        for (number, roster) in (1..).zip(rosters).filter(|(number, _)| *number > known) {
            // The chain has verified them.
            for key in roster.signed_with().unwrap_or_default() {
                let key = key.fingerprint();
                let is_revoked = |it: &VerifiedRevocation| *it.subject() == Subject::Key(key);
                if self.revoked.all().any(is_revoked) {
                    return Err(Error::RosterByRevokedKey { number, key });
                }
            }
        }
        Ok(())
    }

    /// Takes in what the current state says; tells how many statements count for nothing.
    fn hear(&mut self) -> usize {
        let state = self.state.state().clone();
        self.hear_of(&state)
    }

    fn hear_of(&mut self, state: &State) -> usize {
        self.stops.hear(&state.revocations, &self.chain)
            + self.revoked.hear(&state.revoked, &self.chain)
            + self.narrowings.hear(&state.narrowings, &self.chain)
    }

    /// Forgets what expired long ago, by the state's date and by this host's clock: whoever dates states, or sets the clock,
    /// alone makes nothing forgotten.
    fn forget(&mut self, now: Time) {
        let now = now.min(self.state.state().time);
        self.stops.forget(now);
        self.revoked.forget(now);
        self.narrowings.forget(now);
    }

    fn without_place(&self) -> usize {
        self.stops.without_place() + self.revoked.without_place() + self.narrowings.without_place()
    }

    fn changes(&self, next: &Self) -> Changes {
        let (before, after) = (self.state.state(), next.state.state());
        let roster = next.chain.newest().number;
        let without_place = next.without_place();
        Changes {
            roster: (roster != self.chain.newest().number).then_some(roster),
            recovery: next
                .chain
                .rosters()
                .filter(|roster| roster.number > self.chain.newest().number)
                .find(|roster| *roster.authority() == Authority::Recovery)
                .map(|roster| roster.number),
            stops: next.stops.news_since(&self.stops),
            revoked: next.revoked.news_since(&self.revoked),
            narrowed: next.narrowings.news_since(&self.narrowings),
            without_place: (without_place != self.without_place()).then_some(without_place),
            unusable: match next.unusable == self.unusable {
                // Told once, not with each state that says the same.
                true => 0,
                false => next.unusable,
            },
            user_ca: before.user_ca != after.user_ca,
            incarnation: before.incarnation != after.incarnation,
        }
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
