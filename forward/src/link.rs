//! How the link fares: for those who wait for a cosignature, and those who want to know.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use daypass_journal::horizon::Horizon;

/// Who is further behind than this, in entries, is catching up: what is sealed now is sent after all that, and nobody
/// waits for it.
const NEAR: u64 = 4096;

/// The link to the collectors; clones are the same one.
#[derive(Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    horizon: Horizon,
}

struct State {
    contact: Contact,
    /// Whether waiting is worth while.
    answers: bool,
    cosigned: u64,
    time: Option<u64>,
}

/// Whether anybody is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// No collector is named.
    Nobody,
    /// Not yet, or not now.
    Away {
        /// The last failure; `None` before the first attempt ended.
        trouble: Option<String>,
    },
    /// This collector takes the journal.
    Connected {
        /// Where it answers.
        url: String,
    },
    /// Journal and collector contradict each other; nothing is forwarded.
    Stopped {
        /// What was found.
        found: String,
    },
}

/// How far the journal has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether anybody is there.
    pub contact: Contact,
    /// Sealed entries here.
    pub sealed: u64,
    /// Entries that a collector has cosigned.
    pub cosigned: u64,
    /// When, by the collector's clock, in seconds since the epoch.
    pub time: Option<u64>,
}

impl Status {
    /// Sealed entries that no collector has cosigned yet.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.sealed.saturating_sub(self.cosigned)
    }
}

/// What came of waiting for a cosignature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// It is there.
    Cosigned,
    /// Nobody answers, or the link is catching up, so nobody waited.
    Down,
    /// It did not come in time; nobody waits from now on until the collector answers again.
    Late,
}

fn is_near(sealed: u64, cosigned: u64) -> bool {
    sealed.saturating_sub(cosigned) <= NEAR
}

impl Shared {
    /// Whether a cosignature of what is sealed now would come soon.
    fn answers(&self, state: &State) -> bool {
        matches!(state.contact, Contact::Connected { .. })
            && is_near(self.horizon.sight().size, state.cosigned)
    }

    fn status(&self, state: &State) -> Status {
        Status {
            contact: state.contact.clone(),
            sealed: self.horizon.sight().size.max(state.cosigned),
            cosigned: state.cosigned,
            time: state.time,
        }
    }
}

impl Link {
    /// The link of a journal that nobody takes yet.
    #[must_use]
    pub fn new(horizon: Horizon) -> Self {
        let state = State {
            contact: Contact::Nobody,
            answers: false,
            cosigned: 0,
            time: None,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                changed: Condvar::new(),
                horizon,
            }),
        }
    }

    /// Waits until a collector has cosigned entry `seq`, at most for `patience`, and not at all while nobody answers or
    /// the link is catching up.
    #[must_use]
    pub fn await_cosigned(&self, seq: u64, patience: Duration) -> Awaited {
        let (mut state, _) = self
            .shared
            .changed
            .wait_timeout_while(self.lock(), patience, |state| {
                state.answers && state.cosigned <= seq
            })
            .unwrap_or_else(PoisonError::into_inner);
        if state.cosigned > seq {
            return Awaited::Cosigned;
        }
        match std::mem::replace(&mut state.answers, false) {
            true => Awaited::Late,
            false => Awaited::Down,
        }
    }

    /// How the link fares now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status(&self.lock())
    }

    /// Waits until the link fares so, at most for `patience`; how it fares then. Somebody who appears or is gone and
    /// every cosignature are looked at; that more is sealed here is not.
    #[must_use]
    pub fn await_status(&self, patience: Duration, fits: impl Fn(&Status) -> bool) -> Status {
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(self.lock(), patience, |state| {
                !fits(&self.shared.status(state))
            })
            .unwrap_or_else(PoisonError::into_inner);
        self.shared.status(&state)
    }

    pub(crate) fn contact(&self, contact: Contact) {
        let mut state = self.lock();
        state.contact = contact;
        state.answers = self.shared.answers(&state);
        drop(state);
        self.shared.changed.notify_all();
    }

    pub(crate) fn cosigned(&self, size: u64, time: u64) {
        let mut state = self.lock();
        // Another collector may be further behind.
        state.cosigned = state.cosigned.max(size);
        state.time = Some(time);
        state.answers = self.shared.answers(&state);
        drop(state);
        self.shared.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn connected() -> Link {
        let link = Link::new(Horizon::default());
        link.contact(Contact::Connected {
            url: "https://c".to_owned(),
        });
        link
    }

    #[test]
    fn nobody_waits_while_nobody_answers() {
        let link = Link::new(Horizon::default());
        assert_eq!(link.await_cosigned(3, LONG), Awaited::Down);
        link.contact(Contact::Away { trouble: None });
        assert_eq!(link.await_cosigned(3, LONG), Awaited::Down);
    }

    #[test]
    fn who_is_an_upload_behind_is_catching_up() {
        assert!(is_near(NEAR, 0) && is_near(3, 9) && is_near(u64::MAX, u64::MAX - NEAR));
        assert!(!is_near(NEAR + 1, 0) && !is_near(u64::MAX, 1));
    }

    #[test]
    fn whoever_waits_is_woken_by_the_cosignature() {
        let link = connected();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| link.await_cosigned(3, LONG));
            link.cosigned(3, 1);
            link.cosigned(4, 2);
            assert_eq!(waiting.join().unwrap(), Awaited::Cosigned);
        });
    }

    #[test]
    fn whoever_waits_for_a_status_gets_it_or_what_there_is_instead() {
        let link = connected();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| link.await_status(LONG, |status| status.cosigned > 3));
            link.cosigned(3, 1);
            link.cosigned(4, 2);
            assert_eq!(waiting.join().unwrap().cosigned, 4);
        });
        let never = link.await_status(Duration::ZERO, |status| status.cosigned > 4);
        assert_eq!(never.cosigned, 4);
    }

    #[test]
    fn whoever_waits_is_woken_when_the_link_goes_down() {
        let link = connected();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| link.await_cosigned(3, LONG));
            link.contact(Contact::Away { trouble: None });
            assert_eq!(waiting.join().unwrap(), Awaited::Down);
        });
    }

    #[test]
    fn after_one_who_waited_in_vain_nobody_waits_until_the_collector_answers() {
        let link = connected();
        assert_eq!(
            link.await_cosigned(3, Duration::from_millis(1)),
            Awaited::Late
        );
        assert_eq!(link.await_cosigned(3, LONG), Awaited::Down);
        link.cosigned(3, 1);
        assert_eq!(
            link.await_cosigned(3, Duration::from_millis(1)),
            Awaited::Late
        );
    }
}
