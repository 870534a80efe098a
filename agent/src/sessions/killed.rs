//! Who was killed, for the journal.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::facts::{Handle, Process};

/// How many the journal names; of the others it has the number.
const NAMED: usize = 64;

/// Those who were killed, each once, with the names that they had: sixteen bytes at most, by the kernel.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Killed(BTreeMap<Process, String>);

impl Killed {
    /// Kills somebody.
    pub(super) fn kill(&mut self, handle: &Handle) {
        self.note(handle);
        handle.kill();
    }

    /// Somebody is about to be killed with others.
    pub(super) fn note(&mut self, handle: &Handle) {
        let process = handle.process();
        self.0.entry(process).or_insert_with(|| {
            let name = fs::read(format!("/proc/{}/comm", process.pid)).unwrap_or_default();
            String::from_utf8_lossy(&name).trim_end().to_owned()
        });
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first of them, as entries name them.
    pub(super) fn named(&self) -> Vec<Value> {
        let first = self.0.iter().take(NAMED);
        first
            .map(|(process, name)| json!({ "pid": process.pid, "name": name }))
            .collect()
    }
}

#[cfg(test)]
impl Killed {
    /// So many, of this name.
    pub(super) fn of(count: i32, name: &str) -> Self {
        let process = |pid| Process { pid, start: 1 };
        Self(
            (1..=count)
                .map(|pid| (process(pid), name.to_owned()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn who_is_killed_is_named_once_and_of_many_so_many() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let handle = Handle::open(i32::try_from(child.id()).unwrap()).unwrap();
        // Until it is the program that it is to be, it has the name of this thread.
        let path = format!("/proc/{}/comm", child.id());
        crate::sessions::fixture::until("its name", || {
            fs::read_to_string(&path).unwrap() == "sleep\n"
        });
        let mut killed = Killed::default();
        killed.kill(&handle);
        killed.kill(&handle);
        let expected = json!([{ "pid": child.id(), "name": "sleep" }]);
        assert_eq!(Value::from(killed.named()), expected);
        assert!(!child.wait().unwrap().success());
        let many = Killed::of(1000, "sleep");
        assert_eq!((many.count(), many.named().len()), (1000, NAMED));
    }
}
