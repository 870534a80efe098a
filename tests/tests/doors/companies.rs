//! The companies at which the rows are played: several, so that while one row waits for the end of a window, others go
//! on elsewhere. None knows of another.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use daypass_tests::{BOB, Result, Site};

use crate::others;

/// Where a row is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At whichever company has nothing to do.
    Anywhere,
    /// At one of them, while nothing happens at any other: it needs all of the machine, or all of its time.
    Alone,
    /// At each of them, when all rows before are over.
    Everywhere,
}

/// All of them, busy or not.
pub(crate) struct Companies {
    idle: Mutex<Vec<Site>>,
    freed: Condvar,
    /// Held by whoever waits for companies, so that who waits for all of them is not waited out by those who need one.
    turn: Mutex<()>,
    count: usize,
}

/// Companies that somebody plays at. Dropped, whatever became of the row, they are the next one's.
struct Taken<'a> {
    sites: Vec<Site>,
    from: &'a Companies,
}

impl Companies {
    /// So many, founded at the same time.
    pub(crate) fn found(count: usize) -> Result<Self> {
        let sites: Result<Vec<Site>> = thread::scope(|scope| {
            let founding: Vec<_> = (0..count).map(|_| scope.spawn(one)).collect();
            let founded = founding.into_iter().map(|company| {
                company
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            founded.collect()
        });
        Ok(Self {
            idle: Mutex::new(sites?),
            freed: Condvar::new(),
            turn: Mutex::new(()),
            count,
        })
    }

    /// Plays a row where it belongs.
    pub(crate) fn play(&self, place: Place, row: &dyn Fn(&Site) -> Result<()>) -> Result<()> {
        let taken = match place {
            Place::Anywhere => self.take(1),
            Place::Alone | Place::Everywhere => self.take(self.count),
        };
        let played_at = match place {
            Place::Anywhere | Place::Alone => 1,
            Place::Everywhere => self.count,
        };
        taken.sites.iter().take(played_at).try_for_each(row)
    }

    fn take(&self, count: usize) -> Taken<'_> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut idle = self
            .freed
            .wait_while(self.idle(), |idle| idle.len() < count)
            .unwrap_or_else(PoisonError::into_inner);
        // Whichever has been idle for longest: what it still had to do for the row before is done.
        let sites = idle.drain(..count).collect();
        Taken { sites, from: self }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Site>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.from.idle().append(&mut self.sites);
        self.from.freed.notify_all();
    }
}

/// Two managed hosts, and people who are none of daypass's business.
fn one() -> Result<Site> {
    let site = Site::with_managed(&["db1", "db2"])?;
    others::settle(&site)?;
    site.let_people_ask_often()?;
    site.await_reader(BOB)?;
    Ok(site)
}
