//! Everybody who runs, by parent and by audit session: one look at all of `/proc`, shared by all who ask meanwhile. When
//! many sessions end at once, each looking for itself would keep the machine busy for minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::process::{Process, audit_session, pids};

/// Who ran at one time.
#[derive(Debug, Default)]
pub struct Census {
    audit: BTreeMap<u32, Vec<i32>>,
    children: BTreeMap<i32, Vec<i32>>,
}

/// The last census; clones share it.
#[derive(Debug, Default, Clone)]
pub struct Censuses {
    last: Arc<Mutex<Option<Last>>>,
}

#[derive(Debug)]
struct Last {
    begun: Instant,
    census: Arc<Census>,
}

impl Census {
    fn take() -> Self {
        let mut census = Self::default();
        for pid in pids() {
            if let Ok((_, parent)) = Process::with_parent(pid) {
                census.children.entry(parent).or_default().push(pid);
            }
            if let Some(session) = audit_session(pid) {
                census.audit.entry(session).or_default().push(pid);
            }
        }
        census
    }

    /// Everybody in this audit session.
    #[must_use]
    pub fn in_audit_session(&self, session: u32) -> &[i32] {
        self.audit.get(&session).map_or(&[], Vec::as_slice)
    }

    /// Everybody who descends from `root`, itself not included.
    #[must_use]
    pub fn descendants(&self, root: i32) -> Vec<i32> {
        // Parents are read one after the other, while pids are used again: a ring is not impossible.
        let mut found = BTreeSet::new();
        let mut open = vec![root];
        while let Some(parent) = open.pop() {
            for child in self.children.get(&parent).into_iter().flatten() {
                if *child != root && found.insert(*child) {
                    open.push(*child);
                }
            }
        }
        found.into_iter().collect()
    }
}

impl Censuses {
    /// One that was begun after this was called.
    #[must_use]
    pub fn now(&self) -> Arc<Census> {
        let asked = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(last) if last.begun >= asked => Arc::clone(&last.census),
            _ => {
                let begun = Instant::now();
                let census = Arc::new(Census::take());
                *last = Some(Last {
                    begun,
                    census: Arc::clone(&census),
                });
                census
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_census_has_who_ran_when_it_was_asked_for() {
        let censuses = Censuses::default();
        let this = std::process::id() as i32;
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let cat = child.id() as i32;
        assert!(censuses.now().descendants(this).contains(&cat));
        if let Some(session) = audit_session(this) {
            assert!(censuses.now().in_audit_session(session).contains(&cat));
        }
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!censuses.now().descendants(this).contains(&cat));
    }

    #[test]
    fn a_ring_of_parents_ends() {
        let ring = [(1, vec![2]), (2, vec![3]), (3, vec![2])];
        let census = Census {
            children: ring.into_iter().collect(),
            ..Census::default()
        };
        assert_eq!(census.descendants(1), [2, 3]);
    }
}
