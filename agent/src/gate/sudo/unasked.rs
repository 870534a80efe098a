//! What sudo-rs refuses by itself. It asks PAM about nothing but what its rules grant, and tells nobody of the rest, not
//! even the system log. So whenever somebody starts it, the sessions are looked through for it at once, and a call that
//! ends without having asked is journalled as refused.
//!
//! That is a look from outside: on a machine that is very busy it may come too late. Nothing is granted by that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use daypass_gate::Caller;
use daypass_protocol::event::{Action, Event, Outcome};

use super::Sudo;
use crate::facts::{Handle, Process};
use crate::gate::Gates;
use crate::gate::flood::with_untold;
use crate::sessions::{Cause, Session};

/// How long a start is looked for: the program is opened a moment before the process runs it.
const START: Duration = Duration::from_millis(4);
/// Between two looks.
const LOOK: Duration = Duration::from_micros(250);
/// Calls that have asked and are remembered: more than end within one look.
const ASKED: usize = 1024;
/// Calls that are followed at once.
const MOST: usize = 4096;

/// Calls of sudo-rs in sessions, and calls of any sudo that have asked PAM.
#[derive(Debug, Default)]
pub(in crate::gate) struct Unasked {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    calls: BTreeMap<Process, Call>,
    asked: VecDeque<Process>,
}

/// A call that has not asked yet.
#[derive(Debug)]
struct Call {
    sudo: Sudo,
    /// The session that a rule ends, if the call turns out to be refused: only as long as it runs its words are known.
    ends: Option<(Arc<Session>, Cause)>,
}

impl Unasked {
    /// This call has asked: what becomes of it is told elsewhere.
    pub(super) fn has_asked(&self, process: Process) {
        let mut inner = self.lock();
        inner.calls.remove(&process);
        if inner.asked.len() >= ASKED {
            inner.asked.pop_front();
        }
        inner.asked.push_back(process);
    }

    fn is_new(&self, process: Process) -> bool {
        let inner = self.lock();
        inner.calls.len() < MOST
            && !inner.calls.contains_key(&process)
            && !inner.asked.contains(&process)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gates {
    /// Somebody has just started one of these programs: is it somebody in a session?
    pub(in crate::gate) fn look_for_calls(self: &Arc<Self>, programs: &BTreeSet<(u64, u64)>) {
        let sessions = self.sessions.all_open();
        if sessions.is_empty() {
            return;
        }
        let until = Instant::now() + START;
        loop {
            for session in &sessions {
                for pid in session.pids() {
                    // Whoever is gone by now is nobody who can be told of.
                    let _ = self.look_at(session, pid, programs);
                }
            }
            if Instant::now() >= until {
                return;
            }
            thread::sleep(LOOK);
        }
    }

    fn look_at(
        self: &Arc<Self>,
        session: &Arc<Session>,
        pid: i32,
        programs: &BTreeSet<(u64, u64)>,
    ) -> Option<()> {
        let runs_it = |process: Process| process.program().is_some_and(|id| programs.contains(&id));
        let (process, parent) = Process::with_parent(pid).ok()?;
        // What it forks to watch over the command is no call of its own.
        let is_call = runs_it(process)
            && self.unasked.is_new(process)
            && !Process::with_pid(parent).is_ok_and(runs_it);
        if !is_call {
            return None;
        }
        let handle = Handle::open(pid).ok()?;
        let ids = process.ids().ok()?;
        let caller = Caller {
            service: "sudo".to_owned(),
            ..Caller::default()
        };
        let sudo = self.sudo(process, &ids, Some(session.as_ref()), &caller);
        // As long as it has no words it is still becoming what it is.
        if !sudo.is_legible || ids.real_uid != session.record.uid {
            return None;
        }
        let ends = self
            .cause_of(&self.refused(&sudo), Some(&sudo))
            .map(|cause| (Arc::clone(session), cause));
        let call = Call { sudo, ends };
        self.unasked.lock().calls.insert(process, call);
        let gates = Arc::clone(self);
        let watched = self
            .watch
            .on_end(&handle, move || gates.call_ended(process));
        if watched.is_err() {
            self.unasked.lock().calls.remove(&process);
        }
        Some(())
    }

    fn call_ended(&self, process: Process) {
        let ended = {
            let mut inner = self.unasked.lock();
            let call = inner.calls.remove(&process);
            call.filter(|call| !call.sudo.lists && !inner.asked.contains(&process))
        };
        let Some(Call { sudo, ends }) = ended else {
            return;
        };
        if let Some((session, cause)) = ends {
            self.sessions.end(&session, cause);
        }
        if let Some(untold) = self.flood.tell(sudo.origin.address) {
            self.note_call(&sudo, with_untold(self.refused(&sudo), untold));
        }
    }

    fn refused(&self, sudo: &Sudo) -> Event {
        let reason =
            "sudo-rs ended without asking PAM: its rules do not grant it, or it was interrupted";
        sudo.event(self, Action::SudoDenied, Outcome::Denied)
            .because("sudo-not-granted", reason)
    }
}
