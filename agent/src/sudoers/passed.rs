//! Rules that sudo's tools have looked at already. What they say depends on the items and the kind of grantee alone: its
//! number is written by us. So the tools run once for each window, not for each login.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use daypass_protocol::sudo_item::SudoItem;

use super::{Grantee, SudoersError};
use crate::file_mark::FileMark;

/// The programs that the answer depends on.
const TOOLS: [&str; 3] = [
    "/usr/sbin/visudo",
    "/usr/bin/visudo-rs",
    "/usr/bin/cvtsudoers",
];
/// Sets of items that are remembered; then all are forgotten, and looked at again when they are needed.
const MOST: usize = 256;

/// What passed, and what is being looked at. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Passed {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    looked: Condvar,
}

#[derive(Debug, Default)]
struct State {
    tools: BTreeMap<&'static str, Option<FileMark>>,
    passed: BTreeSet<Rules>,
    looking: BTreeSet<Rules>,
}

type Rules = (Kind, Vec<SudoItem>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Group,
    Account,
}

impl Passed {
    /// Has these rules looked at by `look`, unless they passed before; waits for somebody who is at it.
    pub(super) fn look(
        &self,
        grantee: Grantee,
        items: &[SudoItem],
        look: impl FnOnce() -> Result<(), SudoersError>,
    ) -> Result<(), SudoersError> {
        let kind = match grantee {
            Grantee::Group(_) => Kind::Group,
            Grantee::Account(_) => Kind::Account,
        };
        let rules = (kind, items.to_vec());
        {
            let mut state = self.lock();
            state.forget_if_tools_changed();
            while state.looking.contains(&rules) {
                state = self
                    .shared
                    .looked
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if state.passed.contains(&rules) {
                return Ok(());
            }
            state.looking.insert(rules.clone());
        }
        let _looking = Looking {
            passed: self,
            rules: rules.clone(),
        };
        look()?;
        let mut state = self.lock();
        if state.passed.len() >= MOST {
            state.passed.clear();
        }
        state.passed.insert(rules);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who looks; however that ends, those who wait go on.
struct Looking<'a> {
    passed: &'a Passed,
    rules: Rules,
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.passed.lock().looking.remove(&self.rules);
        self.passed.shared.looked.notify_all();
    }
}

impl State {
    fn forget_if_tools_changed(&mut self) {
        let tools: BTreeMap<_, _> = TOOLS
            .iter()
            .map(|tool| (*tool, FileMark::of(Path::new(tool))))
            .collect();
        if mem::replace(&mut self.tools, tools) != self.tools {
            self.passed.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_passed_is_looked_at_once_and_what_did_not_again() {
        let passed = Passed::default();
        let looks = Cell::new(0);
        let items: Vec<SudoItem> = vec!["/usr/bin/id".parse().unwrap()];
        let fails = || Err(SudoersError::Misread { rule: 1 });
        let look = |grantee, items: &[SudoItem], answer| {
            passed.look(grantee, items, || {
                looks.set(looks.get() + 1);
                answer
            })
        };
        assert!(look(Grantee::Group(1), &items, fails()).is_err());
        look(Grantee::Group(1), &items, Ok(())).unwrap();
        look(Grantee::Group(2), &items, fails()).unwrap();
        assert_eq!(looks.get(), 2);
        assert!(look(Grantee::Account(1), &items, fails()).is_err());
        look(Grantee::Group(1), &[], Ok(())).unwrap();
        assert_eq!(looks.get(), 4);
    }
}
