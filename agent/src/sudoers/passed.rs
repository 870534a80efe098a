//! Rules that sudo's tools have looked at already. What they say depends on the items and the kind of grantee alone: its
//! number is written by us. So the tools run once for each window, not for each login.

use std::collections::BTreeSet;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use daypass_protocol::sudo_item::SudoItem;

use super::grantee::Kind;
use super::tools::Tools;
use super::{Grantee, SudoersError};
use crate::file_mark::FileMark;

/// Sets of items that are remembered; one that was forgotten is looked at again when it is needed.
const MOST: usize = 1024;

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
    /// The programs that the answer depended on.
    tools: [Option<FileMark>; 3],
    passed: BTreeSet<Rules>,
    looking: BTreeSet<Rules>,
}

type Rules = (Kind, Vec<SudoItem>);

/// Rules that sudo's tools accept. Only their look makes one.
#[derive(Debug, Clone)]
pub struct Accepted {
    rules: Rules,
}

impl Accepted {
    pub(super) fn kind(&self) -> Kind {
        self.rules.0
    }

    pub(super) fn items(&self) -> &[SudoItem] {
        &self.rules.1
    }
}

impl Passed {
    /// These rules, if they passed; asks nobody.
    pub(super) fn find(
        &self,
        tools: &Tools,
        grantee: Grantee,
        items: &[SudoItem],
    ) -> Option<Accepted> {
        let rules = (grantee.kind(), items.to_vec());
        let mut state = self.lock();
        state.forget_if_changed(tools);
        state.passed.contains(&rules).then_some(Accepted { rules })
    }

    /// Has these rules looked at by `look`, unless they passed before; waits for somebody who is at it.
    pub(super) fn look(
        &self,
        tools: &Tools,
        grantee: Grantee,
        items: &[SudoItem],
        look: impl FnOnce() -> Result<(), SudoersError>,
    ) -> Result<Accepted, SudoersError> {
        let rules = (grantee.kind(), items.to_vec());
        let before = {
            let mut state = self.lock();
            state.forget_if_changed(tools);
            while state.looking.contains(&rules) {
                state = self
                    .shared
                    .looked
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if state.passed.contains(&rules) {
                return Ok(Accepted { rules });
            }
            state.looking.insert(rules.clone());
            state.tools
        };
        let _looking = Looking {
            passed: self,
            rules: rules.clone(),
        };
        look()?;
        let mut state = self.lock();
        state.forget_if_changed(tools);
        // Tools that were exchanged meanwhile may say something else the next time.
        if state.tools == before {
            if state.passed.len() >= MOST {
                state.passed.pop_first();
            }
            state.passed.insert(rules.clone());
        }
        Ok(Accepted { rules })
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
    fn forget_if_changed(&mut self, tools: &Tools) {
        let tools = tools.all().map(FileMark::of);
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
        let tools = Tools::default();
        let looks = Cell::new(0);
        let items: Vec<SudoItem> = vec!["/usr/bin/id".parse().unwrap()];
        let fails = || Err(SudoersError::Misread { rule: 1 });
        let look = |grantee, items: &[SudoItem], answer| {
            passed.look(&tools, grantee, items, || {
                looks.set(looks.get() + 1);
                answer
            })
        };
        assert!(look(Grantee::Group(1), &items, fails()).is_err());
        assert!(passed.find(&tools, Grantee::Group(1), &items).is_none());
        look(Grantee::Group(1), &items, Ok(())).unwrap();
        assert!(passed.find(&tools, Grantee::Group(2), &items).is_some());
        assert!(passed.find(&tools, Grantee::Account(1), &items).is_none());
        look(Grantee::Group(2), &items, fails()).unwrap();
        assert_eq!(looks.get(), 2);
        assert!(look(Grantee::Account(1), &items, fails()).is_err());
        look(Grantee::Group(1), &[], Ok(())).unwrap();
        assert_eq!(looks.get(), 4);
    }

    #[test]
    fn what_passed_is_forgotten_when_a_tool_is_exchanged() {
        let folder = tempfile::tempdir().unwrap();
        let tools = Tools::scripts(folder.path(), "", "");
        let (passed, one) = (Passed::default(), Grantee::Group(1));
        passed.look(&tools, one, &[], || Ok(())).unwrap();
        assert!(passed.find(&tools, one, &[]).is_some());
        let tools = Tools::scripts(folder.path(), "exit 1", "");
        assert!(passed.find(&tools, one, &[]).is_none());
        // Exchanged while it looked.
        let look = || {
            Tools::scripts(folder.path(), "exit 23", "");
            Ok(())
        };
        passed.look(&tools, one, &[], look).unwrap();
        assert!(passed.find(&tools, one, &[]).is_none());
    }
}
