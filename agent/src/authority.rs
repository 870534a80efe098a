//! What this host knows of the people in authority: the newest state that it took over.
//!
//! One thread takes states over and publishes them here; the gates take a cheap snapshot each
//! time they decide, and keep it while they do.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use chrono::TimeDelta;
use daypass_protocol::digest::Pin;
use daypass_protocol::key::{Fingerprint, Key};
use daypass_protocol::name::{HostName, Name};
use daypass_protocol::narrowing::{Limits, VerifiedNarrowing};
use daypass_protocol::place::Place;
use daypass_protocol::revocation::{Standing, Subject, VerifiedRevocation};
use daypass_protocol::roster::{Chain, VerifiedRoster};
use daypass_protocol::state::{SignedState, State};
use daypass_protocol::stop::Stop;
use daypass_protocol::time::Time;
use daypass_protocol::window::FrozenWindow;

use crate::clock::Clock;
use crate::config::StateConfig;

/// The names by which a window may mean this host, and the groups by which a policy may, fixed at enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostNames {
    place: Place,
}

impl HostNames {
    /// From the enrolled name, its aliases and its groups.
    #[must_use]
    pub fn new(
        name: HostName,
        aliases: impl IntoIterator<Item = HostName>,
        groups: impl IntoIterator<Item = Name>,
    ) -> Self {
        Self {
            place: Place::new(name, aliases, groups),
        }
    }

    /// This host, as a policy judges it.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The enrolled name: the host's identity.
    #[must_use]
    pub fn name(&self) -> &HostName {
        self.place.host()
    }

    /// The enrolled name and its aliases.
    #[must_use]
    pub fn all(&self) -> &[HostName] {
        self.place.names()
    }
}

/// The newest state that was taken over, checked.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The hash of roster 1, the CA's name in every statement.
    pub pin: Pin,
    /// This host's names.
    pub host: HostNames,
    /// The rosters, checked from the pin up.
    pub chain: Chain,
    /// The CA's state: its number, its time, the user-CA keys.
    pub state: State,
    /// Every statement that this host has seen stop a window, whatever later states omit.
    pub stops: Vec<Stop>,
    /// Every revocation of a person, key, certificate or host that this host has seen, likewise.
    pub revoked: Vec<VerifiedRevocation>,
    /// Every narrowing of a window that this host has seen, likewise.
    pub narrowings: Vec<VerifiedNarrowing>,
    /// When this host was enrolled.
    pub enrolled: Time,
}

impl Snapshot {
    /// The roster in force.
    #[must_use]
    pub fn roster(&self) -> &VerifiedRoster {
        self.chain.newest()
    }

    /// Keys that may sign user certificates.
    #[must_use]
    pub fn user_ca(&self) -> &[Key] {
        &self.state.user_ca
    }

    /// How old the state is at `now`; zero if it is from the future.
    #[must_use]
    pub fn age(&self, now: Time) -> Duration {
        let seconds = u64::try_from(now.since(self.state.time));
        Duration::from_secs(seconds.unwrap_or(0))
    }

    /// The statement that stops this window, if there is one.
    #[must_use]
    pub fn stop(&self, window: &FrozenWindow) -> Option<&Stop> {
        self.stops.iter().find(|stop| stop.stops(window))
    }

    /// How this window was narrowed.
    #[must_use]
    pub fn limits(&self, window: &FrozenWindow) -> Limits {
        Limits::of(&self.narrowings, window)
    }

    /// The revocation of this key, whoever's it is.
    #[must_use]
    pub fn key_revocation(&self, key: Fingerprint) -> Option<&VerifiedRevocation> {
        self.revoked
            .iter()
            .find(|revocation| *revocation.subject() == Subject::Key(key))
    }

    /// The revocation that stops whoever comes, or came, with this window, key and serial.
    #[must_use]
    pub fn revocation(
        &self,
        window: &FrozenWindow,
        key: Fingerprint,
        serial: u64,
    ) -> Option<&VerifiedRevocation> {
        let standing = Standing {
            window: window.document(),
            key,
            serial,
            host: self.host.name(),
            enrolled: self.enrolled,
        };
        self.revoked
            .iter()
            .find(|revocation| revocation.covers(&standing))
    }
}

/// A certificate names a newer state than the CA would give us in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this host knows state {have}, the certificate was issued under state {wanted}")]
pub struct Behind {
    /// The number that we have.
    pub have: u64,
    /// The number that was asked for.
    pub wanted: u64,
}

/// Holds the newest [`Snapshot`] and wakes who waits for a newer one.
pub struct Authority {
    clock: Clock,
    inner: Mutex<Inner>,
    published: Condvar,
    asked: Condvar,
}

struct Inner {
    snapshot: Arc<Snapshot>,
    /// A question was asked and not yet answered by a poll that began after it.
    asked: bool,
    /// Brought by the CA, for the poller to take over.
    pushed: Option<SignedState>,
    stopping: bool,
}

/// What the polling thread does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Ask the CA now.
    Poll,
    /// Take this state over, if it holds.
    Take(Box<SignedState>),
    /// The agent stops.
    Stop,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onward {
    /// Yes.
    Go,
    /// The agent stops.
    Stop,
}

impl Authority {
    /// Starts with what was loaded from disk.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            clock: Clock::default(),
            inner: Mutex::new(Inner {
                snapshot: Arc::new(snapshot),
                asked: false,
                pushed: None,
                stopping: false,
            }),
            published: Condvar::new(),
            asked: Condvar::new(),
        }
    }

    /// The newest state; cheap, never waits for the network.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.lock().snapshot)
    }

    /// Waits until a state with at least this number was taken over.
    ///
    /// # Errors
    /// [`Behind`] when the deadline passes first.
    pub fn catch_up(&self, number: u64, deadline: Instant) -> Result<Arc<Snapshot>, Behind> {
        let mut inner = self.lock();
        while inner.snapshot.state.number < number {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || inner.stopping {
                return Err(Behind {
                    have: inner.snapshot.state.number,
                    wanted: number,
                });
            }
            inner.asked = true;
            self.asked.notify_all();
            inner = self
                .published
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        Ok(Arc::clone(&inner.snapshot))
    }

    /// Puts a newer state in force. For the polling thread, which has checked it.
    pub fn publish(&self, snapshot: Snapshot) {
        self.lock().snapshot = Arc::new(snapshot);
        self.published.notify_all();
    }

    /// Hands a state to the polling thread, which checks it: however it came here, nothing but its signature
    /// vouches for it.
    pub fn push(&self, signed: SignedState) {
        self.lock().pushed = Some(signed);
        self.asked.notify_all();
    }

    /// Waits until another state than number `known` is in force, `at_most` so long. For who brings states.
    pub fn rest(&self, known: u64, at_most: Duration) -> Onward {
        let until = Instant::now() + at_most;
        let mut inner = self.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if inner.stopping {
                return Onward::Stop;
            }
            if inner.snapshot.state.number != known || left.is_zero() {
                return Onward::Go;
            }
            inner = self
                .published
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits until there is something to do: after `interval`, or at once when [`Authority::catch_up`] asks or a state
    /// was brought. For the polling thread.
    pub fn next_turn(&self, interval: Duration) -> Turn {
        let until = Instant::now() + interval;
        let mut inner = self.lock();
        loop {
            if inner.stopping {
                return Turn::Stop;
            }
            if let Some(signed) = inner.pushed.take() {
                return Turn::Take(Box::new(signed));
            }
            let left = until.saturating_duration_since(Instant::now());
            if inner.asked || left.is_zero() {
                inner.asked = false;
                return Turn::Poll;
            }
            inner = self
                .asked
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Ends the waiting of everybody.
    pub fn stop(&self) {
        self.lock().stopping = true;
        self.asked.notify_all();
        self.published.notify_all();
    }

    /// This host's clock, held against the CA's.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The newest state, if contractors may log in on the strength of it at `now`.
    ///
    /// # Errors
    /// [`Unfit`]: nothing was heard from the CA for too long, or the clocks contradict.
    pub fn fit_for_logins(&self, limits: &StateConfig, now: Time) -> Result<Arc<Snapshot>, Unfit> {
        let snapshot = self.snapshot();
        let age = snapshot.age(now);
        if age > limits.max_age() {
            return Err(Unfit::TooOld { age });
        }
        // What the CA signed lies behind; where it does not, a clock is wrong, though nobody told how late it is.
        let behind = TimeDelta::seconds(now.since(snapshot.state.time));
        if behind < -limits.max_clock_offset() {
            return Err(Unfit::ClockOff { by: behind });
        }
        match self.clock.offset(SystemTime::from(now).into()) {
            Some(by) if by.abs() > limits.max_clock_offset() => Err(Unfit::ClockOff { by }),
            _ => Ok(snapshot),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The lock guards plain values that no panic leaves half-written.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why no contractor may log in, whatever their window says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The state is too old.
    #[error("nothing was heard from the CA for {} minutes", age.as_secs() / 60)]
    TooOld {
        /// Since the CA signed the newest state that we have.
        age: Duration,
    },
    /// The clock contradicts the CA's.
    #[error("this host's clock is {} seconds off the CA's", by.num_seconds())]
    ClockOff {
        /// Ours minus theirs.
        by: TimeDelta,
    },
}

#[cfg(test)]
mod tests;
