//! How many requests of one owner are under way: each holds a body in memory and, for a while, a thread.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::origin::Owner;

/// Of one owner at once. A host has one connection, and the CA two; who has more keeps the others from being heard.
const MOST: usize = 8;

/// The requests of all.
#[derive(Clone, Default)]
pub(super) struct UnderWay {
    counts: Arc<Mutex<HashMap<Owner, usize>>>,
}

/// One of them, until it is dropped.
pub(super) struct Place {
    under_way: UnderWay,
    owner: Owner,
}

impl UnderWay {
    /// Takes one more in of an owner; `None` where there are enough.
    pub(super) fn enter(&self, owner: &Owner) -> Option<Place> {
        let mut counts = self.lock();
        let count = counts.entry(owner.clone()).or_default();
        if *count >= MOST {
            return None;
        }
        *count += 1;
        Some(Place {
            under_way: self.clone(),
            owner: owner.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Owner, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.under_way.lock();
        if let Some(count) = counts.get_mut(&self.owner) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_owner_has_its_own_places_and_gives_them_back() {
        let under_way = UnderWay::default();
        let host = |name: &str| Owner::Host(name.parse().unwrap());
        let mut places: Vec<_> = (0..MOST).map(|_| under_way.enter(&host("db1"))).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(under_way.enter(&host("db1")).is_none());
        assert!(under_way.enter(&host("db2")).is_some());
        places.pop();
        assert!(under_way.enter(&host("db1")).is_some());
        drop(places);
        assert!(under_way.lock().is_empty(), "nobody is remembered");
    }
}
