//! Sessions that ended by themselves: what one left running lasts until its window's end at most, and of one that left
//! nothing, nothing stays.

use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::registry::Sessions;
use super::session::Session;
use super::sweep;

/// After the last session of an account closed by itself, how long its user manager may go on: a tool that logs in
/// again and again is not to start it anew each time.
const AFTERGLOW: Duration = Duration::from_secs(15);

/// Sessions whose monitors have ended and that nobody has looked at since.
#[derive(Default)]
pub(super) struct Leaving {
    sessions: Mutex<Vec<Arc<Session>>>,
    news: Condvar,
}

impl Leaving {
    fn push(&self, session: Arc<Session>) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.push(session);
        drop(sessions);
        self.news.notify_one();
    }

    fn take(&self) -> Vec<Arc<Session>> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sessions = self
            .news
            .wait_while(sessions, |sessions| sessions.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut *sessions)
    }
}

impl Sessions {
    /// Starts the thread that looks after those who leave: looking at all that runs takes longer than whoever tells of
    /// an end may wait.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn attend_to_leavers(&self) -> io::Result<()> {
        let sessions = self.clone();
        let attend = move || {
            loop {
                // Those who left together are looked at together.
                sessions.leave(&sessions.shared.leaving.take());
            }
        };
        thread::Builder::new()
            .name("leave".to_owned())
            .stack_size(256 * 1024)
            .spawn(attend)
            .map(drop)
    }

    /// The monitor of this closed session has ended.
    pub(super) fn leaves(&self, session: Arc<Session>) {
        self.is_over(&session, Vec::new());
        self.shared.leaving.push(session);
    }

    pub(super) fn leave(&self, leaving: &[Arc<Session>]) {
        let census = self.shared.censuses.now();
        for session in leaving {
            if session.members(&census).is_empty() {
                self.be_gone(session);
            }
        }
    }

    fn be_gone(&self, session: &Arc<Session>) {
        self.drop_session(session);
        let (sessions, session) = (self.clone(), Arc::clone(session));
        let alarm = &self.shared.setup.alarm;
        alarm.at(Instant::now() + AFTERGLOW, move || {
            if sessions.leaves_nobody(&session) {
                sweep::user_manager(session.record.uid);
            }
        });
    }
}
