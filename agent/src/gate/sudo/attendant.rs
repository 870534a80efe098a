//! Keeps sessions' sudo as it should be: rules are withdrawn the moment the line goes by which PAM asks us about them, for
//! sudo-rs also with PAM's module, and its calls are looked at. Rules that somebody has taken away are written again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};

use crate::aside;
use crate::gate::Gates;
use crate::sudoers::identity;

/// Files may be exchanged in ways that nobody is told of; and whoever calls sudo-rs all the time holds nothing else up
/// for longer than this.
const ROUND: Duration = Duration::from_secs(10);
/// Whoever wipes a directory is to be done with it before it is made again.
const WIPE: Duration = Duration::from_millis(100);

/// What is watched, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watched {
    /// A directory of PAM's modules.
    Modules,
    /// The directory of PAM's services.
    Services,
    /// A program of sudo-rs.
    Program,
    /// The directory of sessions' rules.
    Rules,
}

impl Watched {
    fn flags(self) -> AddWatchFlags {
        match self {
            Self::Modules | Self::Services => {
                AddWatchFlags::IN_CREATE
                    | AddWatchFlags::IN_DELETE
                    | AddWatchFlags::IN_MOVE
                    | AddWatchFlags::IN_CLOSE_WRITE
                    | AddWatchFlags::IN_DELETE_SELF
                    | AddWatchFlags::IN_MOVE_SELF
            }
            Self::Program => AddWatchFlags::IN_OPEN,
            Self::Rules => AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF,
        }
    }
}

/// A thread of the agent's.
struct Attendant {
    gates: Arc<Gates>,
    inotify: Inotify,
    watches: BTreeMap<PathBuf, (WatchDescriptor, Watched)>,
    programs: BTreeSet<(u64, u64)>,
    trouble: Option<String>,
}

impl Gates {
    /// Starts it.
    ///
    /// # Errors
    /// No thread or descriptor to be had.
    pub fn attend_to_sudo(self: &Arc<Self>) -> io::Result<()> {
        let flags = InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK;
        let attendant = Attendant {
            gates: Arc::clone(self),
            inotify: Inotify::init(flags)?,
            watches: BTreeMap::new(),
            programs: BTreeSet::new(),
            trouble: None,
        };
        thread::Builder::new()
            .name("sudo".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || attendant.run())
            .map(drop)
    }
}

impl Attendant {
    fn run(mut self) {
        loop {
            self.watch();
            self.settle();
            self.gates.tell_counted();
            self.gates.look_for_unseen();
            // It may have been made only now.
            let rules = self.gates.layout.session_sudoers();
            self.add(&rules, Watched::Rules);
            rest(Instant::now() + ROUND, |patience| self.look(patience));
        }
    }

    /// Waits for news; whether they were of sudo-rs's calls alone.
    fn look(&self, patience: PollTimeout) -> bool {
        let mut wanted = [PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN)];
        if !matches!(poll(&mut wanted, patience), Ok(1..)) {
            return false;
        }
        let events = self.inotify.read_events().unwrap_or_default();
        let is_call = |event: &InotifyEvent| event.mask == AddWatchFlags::IN_OPEN;
        let (calls, others): (Vec<_>, Vec<_>) = events.into_iter().partition(is_call);
        if !calls.is_empty() {
            self.gates.look_for_calls(&self.programs);
        }
        if others.iter().any(|event| self.is_of(event, Watched::Rules)) {
            thread::sleep(WIPE);
        }
        others.is_empty()
    }

    fn is_of(&self, event: &InotifyEvent, why: Watched) -> bool {
        let mut watches = self.watches.values();
        watches.any(|watch| *watch == (event.wd, why))
    }

    /// Watches what is there now.
    fn watch(&mut self) {
        let rust = self.gates.programs.rust();
        let modules = match rust.is_empty() {
            // The original's own service requires the module.
            true => Vec::new(),
            false => self.gates.presence.module_directories(),
        };
        self.programs = rust.iter().filter_map(|path| identity(path)).collect();
        self.watches.clear();
        let wanted = rust
            .iter()
            .map(|path| (path.clone(), Watched::Program))
            .chain(modules.into_iter().map(|path| (path, Watched::Modules)))
            .chain([
                (self.gates.layout.pam(), Watched::Services),
                (self.gates.layout.session_sudoers(), Watched::Rules),
            ]);
        for (path, why) in wanted {
            self.add(&path, why);
        }
    }

    fn add(&mut self, path: &Path, why: Watched) {
        // The same descriptor comes back for what is watched already. Without it there is still the next round.
        if let Ok(watch) = self.inotify.add_watch(path, why.flags()) {
            self.watches.insert(path.to_owned(), (watch, why));
        }
    }

    /// Says once what is wrong, not at every round.
    fn settle(&mut self) {
        let sessions = &self.gates.sessions;
        let notes = sessions.keep_notes().err().map(|error| error.to_string());
        let sudo = sessions.settle_sudo().err().map(|error| error.to_string());
        let trouble = notes.or(sudo);
        if let Some(trouble) = &trouble
            && self.trouble.as_ref() != Some(trouble)
        {
            aside::tell(trouble);
        }
        self.trouble = trouble;
    }
}

/// Looks again and again, until then at most or until a look finds that there is more to do.
fn rest(until: Instant, look: impl Fn(PollTimeout) -> bool) {
    while let Some(patience) = left(until)
        && look(patience)
    {}
}

/// `None` when that time has come.
fn left(until: Instant) -> Option<PollTimeout> {
    let left = until.checked_duration_since(Instant::now())?;
    // Whole milliseconds, the last one included: less would be no waiting at all.
    Some(PollTimeout::from(
        u16::try_from(left.as_millis() + 1).unwrap_or(u16::MAX),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_ends_on_time_however_often_sudo_rs_is_called() {
        let begun = Instant::now();
        let round = Duration::from_millis(50);
        rest(begun + round, |_| true);
        assert!(begun.elapsed() >= round);
    }

    #[test]
    fn a_round_ends_when_there_is_more_to_do_and_waits_no_longer_than_it_may() {
        rest(Instant::now() + Duration::from_secs(3600), |_| false);
        let left = left(Instant::now() + ROUND).unwrap();
        assert!(PollTimeout::ZERO < left && left <= PollTimeout::from(10_001_u16));
    }
}
