//! How many sudo calls of one session may wait for their entries at once. Each holds a thread of the door at which
//! everybody knocks: one session must not take them all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::sessions::SessionId;

/// More than tools start side by side, and few enough for many sessions at a door of 256.
pub(super) const MOST: usize = 32;

/// Calls that wait, by session.
#[derive(Debug, Clone, Default)]
pub(in crate::gate) struct Crowd {
    waiting: Arc<Mutex<BTreeMap<SessionId, usize>>>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Crowd,
    session: SessionId,
}

impl Crowd {
    /// `None` where too many of this session wait already.
    pub(super) fn come(&self, session: SessionId) -> Option<Place> {
        let mut waiting = self.lock();
        let count = waiting.entry(session).or_insert(0);
        if *count >= MOST {
            return None;
        }
        *count += 1;
        Some(Place {
            crowd: self.clone(),
            session,
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.crowd.lock();
        if let Some(count) = waiting.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sessions_calls_are_bounded_and_anothers_are_not_counted_with_them() {
        let crowd = Crowd::default();
        let [one, two] = [1, 2].map(|handle| SessionId::from_handle(handle).unwrap());
        let places: Vec<_> = (0..MOST).map(|_| crowd.come(one).unwrap()).collect();
        assert!(crowd.come(one).is_none());
        assert!(crowd.come(two).is_some());
        drop(places);
        assert!(crowd.come(one).is_some());
        assert!(crowd.lock().is_empty(), "who has gone is still counted");
    }
}
