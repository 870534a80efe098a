//! What this host knows of the people in authority: the newest state that it took over.
//!
//! One thread takes states over and publishes them here; the gates take a cheap snapshot each
//! time they decide, and keep it while they do.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use ssh_key::PublicKey;

/// The names by which a window may mean this host, fixed at enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostNames {
    /// The enrolled name: the host's identity.
    pub name: String,
    /// Other names for it.
    pub aliases: Vec<String>,
}

impl HostNames {
    /// Does this name mean this host?
    #[must_use]
    pub fn includes(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }
}

/// The newest state that was taken over, checked.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The hash of roster 1, the CA's name in every statement: 64 hex digits.
    pub pin: String,
    /// This host's names.
    pub host: HostNames,
    /// Keys that may sign user certificates.
    pub user_ca: Vec<PublicKey>,
    /// The CA's incarnation: 16 hex digits.
    pub incarnation: String,
    /// The state's number within that incarnation.
    pub number: u64,
    /// When the CA signed it.
    pub signed: DateTime<Utc>,
}

impl Snapshot {
    /// How old the state is at `now`; zero if it is from the future.
    #[must_use]
    pub fn age(&self, now: DateTime<Utc>) -> Duration {
        (now - self.signed).to_std().unwrap_or_default()
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
    inner: Mutex<Inner>,
    published: Condvar,
    asked: Condvar,
}

struct Inner {
    snapshot: Arc<Snapshot>,
    /// A question was asked and not yet answered by a poll that began after it.
    asked: bool,
    stopping: bool,
}

/// What the polling thread does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Ask the CA now.
    Poll,
    /// The agent stops.
    Stop,
}

impl Authority {
    /// Starts with what was loaded from disk.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            inner: Mutex::new(Inner {
                snapshot: Arc::new(snapshot),
                asked: false,
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
        while inner.snapshot.number < number {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || inner.stopping {
                return Err(Behind {
                    have: inner.snapshot.number,
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

    /// Waits until it is time to ask the CA: after `interval`, or at once when
    /// [`Authority::catch_up`] asks. For the polling thread.
    pub fn next_turn(&self, interval: Duration) -> Turn {
        let until = Instant::now() + interval;
        let mut inner = self.lock();
        loop {
            if inner.stopping {
                return Turn::Stop;
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
mod tests {
    use std::thread;

    use super::*;

    fn numbered(number: u64) -> Snapshot {
        Snapshot {
            pin: "0".repeat(64),
            host: HostNames {
                name: "db1".to_owned(),
                aliases: vec!["db1.example.org".to_owned()],
            },
            user_ca: Vec::new(),
            incarnation: "0".repeat(16),
            number,
            signed: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        }
    }

    #[test]
    fn a_host_answers_to_its_name_and_aliases_only() {
        let host = numbered(1).host;
        assert!(host.includes("db1"));
        assert!(host.includes("db1.example.org"));
        assert!(!host.includes("db2"));
    }

    #[test]
    fn whoever_asks_for_a_known_state_does_not_wait() {
        let authority = Authority::new(numbered(7));
        assert_eq!(authority.catch_up(7, Instant::now()).unwrap().number, 7);
    }

    #[test]
    fn whoever_asks_for_a_newer_state_wakes_the_poller_and_gets_it() {
        let authority = Authority::new(numbered(7));
        thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(authority.next_turn(Duration::from_secs(3600)), Turn::Poll);
                authority.publish(numbered(8));
            });
            let deadline = Instant::now() + Duration::from_secs(60);
            assert_eq!(authority.catch_up(8, deadline).unwrap().number, 8);
        });
    }

    #[test]
    fn a_state_that_does_not_come_is_behind() {
        let authority = Authority::new(numbered(7));
        let behind = authority.catch_up(9, Instant::now()).unwrap_err();
        assert_eq!(behind, Behind { have: 7, wanted: 9 });
    }

    #[test]
    fn stopping_ends_all_waiting() {
        let authority = Authority::new(numbered(7));
        authority.stop();
        assert_eq!(authority.next_turn(Duration::from_secs(3600)), Turn::Stop);
        let deadline = Instant::now() + Duration::from_secs(3600);
        assert!(authority.catch_up(8, deadline).is_err());
    }

    #[test]
    fn age_is_counted_from_the_signature() {
        let snapshot = numbered(1);
        let now = snapshot.signed + TimeDelta::seconds(90);
        assert_eq!(snapshot.age(now), Duration::from_secs(90));
        assert_eq!(
            snapshot.age(snapshot.signed - TimeDelta::seconds(1)),
            Duration::ZERO
        );
    }
}
