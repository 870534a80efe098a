//! Whose a name is, for those who cannot wait long. The system's own file is read here; only a name that it does not
//! have is asked of a directory service, one name at a time: one that hangs holds a single thread, whoever comes next
//! goes on without waiting, and what no directory needs to be asked for is answered as ever.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::User;

use crate::durable;
use crate::layout::Layout;

/// How long somebody waits for a directory service at a door. A login asks at two of its phases, and may be held up by a
/// fifth of a second in all.
const PATIENCE: Duration = Duration::from_millis(60);
/// The most bytes that the system's own file may have.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Whose a name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The uid.
    pub uid: u32,
    /// Where they are at home.
    pub home: PathBuf,
}

/// No directory service said in time whose a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name service does not answer")]
pub struct Unanswered;

/// Whose a name is, by whatever knows.
type Ask = dyn Fn(&str) -> Option<Named> + Send + Sync;

/// Asks for names.
#[derive(Clone)]
pub struct Names {
    passwd: PathBuf,
    ask: Arc<Ask>,
    turns: Arc<Turns>,
}

impl Names {
    /// Those of this host.
    #[must_use]
    pub fn of_the_system(layout: &Layout) -> Self {
        let ask = |name: &str| {
            let user = User::from_name(name).ok().flatten()?;
            Some(Named {
                uid: user.uid.as_raw(),
                home: user.dir,
            })
        };
        Self::new(layout.passwd(), ask)
    }

    /// Those of a file, and of what answers for all others.
    pub(crate) fn new(
        passwd: PathBuf,
        ask: impl Fn(&str) -> Option<Named> + Send + Sync + 'static,
    ) -> Self {
        Self {
            passwd,
            ask: Arc::new(ask),
            turns: Arc::default(),
        }
    }

    /// The uid of whoever has this name, for whoever stands at a door. `None` where nobody has it, or where that is not
    /// known in time.
    #[must_use]
    pub fn uid(&self, name: &str) -> Option<u32> {
        self.look_up(name, PATIENCE).ok()?.map(|named| named.uid)
    }

    /// Whoever has this name, if anybody.
    ///
    /// # Errors
    /// That is not known in time.
    pub fn look_up(&self, name: &str, patience: Duration) -> Result<Option<Named>, Unanswered> {
        match self.listed(name) {
            Some(named) => Ok(Some(named)),
            None => self.asked(name, patience).ok_or(Unanswered),
        }
    }

    /// By bytes: a stray one in a comment hides no line around it.
    fn listed(&self, name: &str) -> Option<Named> {
        let text = durable::read(&self.passwd, MAX_FILE).ok()??;
        let lines = text.split(|byte| *byte == b'\n');
        let mut lines = lines.map(|line| line.split(|byte| *byte == b':'));
        let mut fields = lines.find(|fields| fields.clone().next() == Some(name.as_bytes()))?;
        let uid = str::from_utf8(fields.nth(2)?).ok()?.parse().ok()?;
        let home = fields.nth(2).unwrap_or_default();
        Some(Named {
            uid,
            home: OsStr::from_bytes(home).into(),
        })
    }

    /// What the directory says; `None` where it does not answer in time.
    fn asked(&self, name: &str, patience: Duration) -> Option<Option<Named>> {
        let until = Instant::now() + patience;
        let turn = self.turns.take(until)?;
        let number = turn.number;
        let (ask, name) = (Arc::clone(&self.ask), name.to_owned());
        let (tell, told) = mpsc::sync_channel(1);
        let asking = move || {
            let answer = ask(&name);
            // First, so that whoever has the answer finds nobody asking.
            drop(turn);
            // Whoever has stopped waiting hears nothing.
            let _ = tell.send(answer);
        };
        thread::Builder::new()
            .name("names".to_owned())
            .stack_size(512 * 1024)
            .spawn(asking)
            .ok()?;
        let answer = told.recv_timeout(until.saturating_duration_since(Instant::now()));
        if answer.is_err() {
            self.turns.is_late(number);
        }
        answer.ok()
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names")
            .field("passwd", &self.passwd)
            .finish_non_exhaustive()
    }
}

/// Who asks the directory now.
#[derive(Debug, Default)]
struct Turns {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    taken: u64,
    /// The turn that somebody has, and whether they have waited in vain.
    asking: Option<(u64, Waited)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    NotYet,
    InVain,
}

/// The turn to ask, until it is dropped by the thread that asks.
struct Turn {
    number: u64,
    turns: Arc<Turns>,
}

impl Turns {
    /// `None` where it does not come in time, or where who asks now has waited in vain.
    fn take(self: &Arc<Self>, until: Instant) -> Option<Turn> {
        let left = until.saturating_duration_since(Instant::now());
        let is_answered_soon =
            |state: &mut State| matches!(state.asking, Some((_, Waited::NotYet)));
        let (mut state, _) = self
            .news
            .wait_timeout_while(self.lock(), left, is_answered_soon)
            .unwrap_or_else(PoisonError::into_inner);
        if state.asking.is_some() {
            return None;
        }
        state.taken += 1;
        let number = state.taken;
        state.asking = Some((number, Waited::NotYet));
        drop(state);
        Some(Turn {
            number,
            turns: Arc::clone(self),
        })
    }

    /// Nobody waits any more for who asks, nor for this turn's end.
    fn is_late(&self, number: u64) {
        let mut state = self.lock();
        if state.asking.is_some_and(|(asking, _)| asking == number) {
            state.asking = Some((number, Waited::InVain));
        }
        drop(state);
        self.news.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.lock().asking = None;
        self.turns.news.notify_all();
    }
}

#[cfg(test)]
mod tests;
