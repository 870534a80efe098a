//! What ties a process to the session that it belongs to, read once however many sessions it is held against.

use std::cell::OnceCell;

use super::process::Process;

/// A chain of parents is short; a loop cannot be, but a number bounds it whatever the kernel says.
const GENERATIONS: usize = 1024;

/// A process with its control group, its audit session and its ancestors.
#[derive(Debug)]
pub struct Kinship {
    process: Process,
    cgroup: OnceCell<Option<String>>,
    audit: OnceCell<Option<u32>>,
    line: OnceCell<Vec<Process>>,
}

impl Kinship {
    /// That of this process; each part is read when it is first asked for.
    #[must_use]
    pub fn of(process: Process) -> Self {
        Self {
            process,
            cgroup: OnceCell::new(),
            audit: OnceCell::new(),
            line: OnceCell::new(),
        }
    }

    /// Where systemd put it.
    #[must_use]
    pub fn cgroup(&self) -> Option<&str> {
        self.cgroup.get_or_init(|| self.process.cgroup()).as_deref()
    }

    /// Its audit session.
    #[must_use]
    pub fn audit(&self) -> Option<u32> {
        *self.audit.get_or_init(|| self.process.audit_session())
    }

    /// Whether it is this process or descends from it.
    #[must_use]
    pub fn descends_from(&self, ancestor: Process) -> bool {
        self.line
            .get_or_init(|| line(self.process))
            .contains(&ancestor)
    }
}

/// The process and its ancestors, nearest first, init left out.
fn line(process: Process) -> Vec<Process> {
    let mut line = Vec::new();
    let mut pid = process.pid;
    while pid > 1 && line.len() < GENERATIONS {
        let Ok((found, parent)) = Process::with_parent(pid) else {
            break;
        };
        line.push(found);
        pid = parent;
    }
    line
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_descends_from_this_process_and_not_the_other_way_round() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let this = Process::with_pid(std::process::id() as i32).unwrap();
        let cat = Process::with_pid(child.id() as i32).unwrap();
        assert!(Kinship::of(cat).descends_from(this));
        assert!(Kinship::of(cat).descends_from(cat));
        assert!(!Kinship::of(this).descends_from(cat));
        let earlier = Process {
            start: this.start - 1,
            ..this
        };
        assert!(!Kinship::of(cat).descends_from(earlier));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
