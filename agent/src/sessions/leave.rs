//! Sessions that ended by themselves: what one left running lasts until its window's end at most, and of one that left
//! nothing, nothing stays.

use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::registry::Sessions;
use super::session::{Phase, Session};
use super::sweep::{self, Swept};

/// After the last session of an account closed by itself, how long its user manager and its jobs may go on: a tool that
/// logs in again and again is not to start it anew each time.
const AFTERGLOW: Duration = Duration::from_secs(15);
/// Between two looks at what those who left have left running.
pub const AGAIN: Duration = Duration::from_secs(10);

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
        self.is_over(&session, Swept::default());
        self.shared.leaving.change(|left| left.closed.push(session));
    }

    /// Whoever left nothing is gone; after what others left is looked again, until it ends or is ended.
    pub(super) fn leave(&self, leaving: &[Arc<Session>]) {
        let census = self.shared.censuses.now();
        let is_here = |session: &&Arc<Session>| {
            session.phase() == Phase::Closed && self.by_id(session.record.id).is_some()
        };
        let leaving = leaving.iter().filter(is_here).cloned();
        let (gone, staying): (Vec<_>, Vec<_>) =
            leaving.partition(|session| session.members(&census).is_empty());
        for session in gone {
            self.be_gone(&session);
        }
        if !staying.is_empty() {
            let sessions = self.clone();
            let setup = &self.shared.setup;
            setup.alarm.at(Instant::now() + setup.again, move || {
                let leaving = &sessions.shared.leaving;
                leaving.change(|left| left.closed.extend(staying));
            });
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
            self.is_over(&session, Swept::default());
        }
    }

    /// Ends what still runs for accounts that nobody is in any more. Until now it may have planted something.
    fn fade(&self, faded: &[Arc<Session>]) {
        for session in faded {
            let mut swept = Swept::default();
            if self.leaves_nobody(session) {
                swept.killed = sweep::programs(session.record.uid);
            }
            self.is_over(session, swept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::fixture::{Host, SOON, until};

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
    fn what_a_session_left_running_is_looked_after_until_it_ends() {
        let host = Host::with_sudo("");
        let (monitor, session) = host.let_in(1, "carol", "/usr/bin/id");
        session.go_on_to(Phase::Closed);
        let is_fading = || {
            let left = host.sessions.shared.leaving.lock();
            left.fading
                .iter()
                .any(|one| one.record.id == session.record.id)
        };
        host.sessions.leave(&[Arc::clone(&session)]);
        // The monitor lives, and tells of nothing.
        let (closed, _) = host.sessions.shared.leaving.take();
        host.sessions.leave(&closed);
        assert!(!is_fading() && host.sessions.by_id(session.record.id).is_some());
        monitor.child.kill();
        assert!(monitor.child.ends_within(SOON));
        until("the end of what it left", || {
            let (closed, _) = host.sessions.shared.leaving.take();
            host.sessions.leave(&closed);
            is_fading()
        });
        assert!(host.sessions.by_id(session.record.id).is_none());
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
