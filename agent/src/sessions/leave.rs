//! Sessions that ended by themselves: what one left running lasts until its window's end at most, and of one that left
//! nothing, nothing stays.

use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::registry::Sessions;
use super::session::Session;
use super::sweep;

/// After the last session of an account closed by itself, how long its user manager and its jobs may go on: a tool that
/// logs in again and again is not to start it anew each time.
const AFTERGLOW: Duration = Duration::from_secs(15);

/// Sessions that somebody is to look at.
#[derive(Default)]
pub(super) struct Leaving {
    left: Mutex<Left>,
    news: Condvar,
}

#[derive(Default)]
struct Left {
    /// Their monitors have ended.
    closed: Vec<Arc<Session>>,
    /// They left nothing but their account's user manager and jobs, which have a moment more.
    fading: Vec<Arc<Session>>,
    /// That time is up.
    faded: Vec<Arc<Session>>,
}

impl Leaving {
    fn change(&self, change: impl FnOnce(&mut Left)) {
        change(&mut self.lock());
        self.news.notify_one();
    }

    /// Who has closed, and who has faded.
    fn take(&self) -> (Vec<Arc<Session>>, Vec<Arc<Session>>) {
        let nobody = |left: &mut Left| left.closed.is_empty() && left.faded.is_empty();
        let mut left = self
            .news
            .wait_while(self.lock(), nobody)
            .unwrap_or_else(PoisonError::into_inner);
        (mem::take(&mut left.closed), mem::take(&mut left.faded))
    }

    /// Those who fade and are meant, once.
    fn stop_fading(&self, is_meant: impl Fn(&Session) -> bool) -> Vec<Arc<Session>> {
        let mut left = self.lock();
        left.fading
            .extract_if(.., |session| is_meant(session))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
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
                let (closed, faded) = sessions.shared.leaving.take();
                sessions.leave(&closed);
                sessions.fade(&faded);
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
        self.shared.leaving.change(|left| left.closed.push(session));
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
        let leaving = &self.shared.leaving;
        leaving.change(|left| left.fading.push(Arc::clone(session)));
        let (sessions, id) = (self.clone(), session.record.id);
        let alarm = &self.shared.setup.alarm;
        alarm.at(Instant::now() + AFTERGLOW, move || {
            let leaving = &sessions.shared.leaving;
            let faded = leaving.stop_fading(|session| session.record.id == id);
            leaving.change(|left| left.faded.extend(faded));
        });
    }

    /// Somebody comes in to this account: what ran on there for those before is theirs from now on, and what it planted
    /// until now is told of those before.
    pub(super) fn take_over(&self, uid: u32) {
        let leaving = &self.shared.leaving;
        for session in leaving.stop_fading(|session| session.record.uid == uid) {
            self.is_over(&session, Vec::new());
        }
    }

    /// Ends what still runs for accounts that nobody is in any more. Until now it may have planted something.
    fn fade(&self, faded: &[Arc<Session>]) {
        for session in faded {
            if self.leaves_nobody(session) {
                sweep::programs(session.record.uid);
            }
            self.is_over(session, Vec::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::sessions::fixture::Host;

    /// An account that is managed, and in whose name nothing runs: no system gives this number away.
    const NOBODYS: u32 = 1_999_999_999;

    #[test]
    fn a_session_is_over_once_more_when_its_accounts_programs_are_ended() {
        let host = Host::with_sudo("");
        host.manage(NOBODYS);
        let (_monitor, session) = host.let_in_as(NOBODYS, 1, "carol", "/usr/bin/id");
        host.sessions.be_gone(&session);
        assert_eq!(host.sessions.count_over(), 0);
        host.sessions.fade(&[session]);
        assert_eq!(host.sessions.count_over(), 1);
    }

    #[test]
    fn who_comes_in_meanwhile_takes_those_programs_over_and_what_they_planted_is_told() {
        let host = Host::with_sudo("");
        let (_monitor, session) = host.let_in(1, "carol", "/usr/bin/id");
        host.sessions.be_gone(&session);
        let (_other, _) = host.let_in_as(NOBODYS, 2, "mallory", "/usr/bin/id");
        assert_eq!(host.sessions.count_over(), 0, "another account");
        let (_next, _) = host.let_in(3, "mallory", "/usr/bin/id");
        assert_eq!(host.sessions.count_over(), 1);
        let (_after, _) = host.let_in(4, "mallory", "/usr/bin/id");
        assert_eq!(host.sessions.count_over(), 1, "told once");
    }
}
