//! What a session left for those who come later: start-up files, keys, jobs and setuid files that changed while it was open,
//! or before what it left running ended.
//!
//! A file tells by the time at which the kernel last saw it change (ctime), which its owner cannot set back: so nothing is
//! noted at the beginning, and a restart of the agent forgets nothing. Sessions that share an account at the same time
//! share what is found; of two that change the same file within seconds, one after the other, the later is told.

mod search;

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use daypass_protocol::event::{Action, Event, Outcome};
use serde_json::{Value, json};

use super::record::Record;
use super::registry::Sessions;
use super::session::Session;
use super::sweep::Swept;
use crate::accounts::Names;
use crate::doctor::setuid::Extent;
use crate::facts::pass_stamp;
use crate::layout::Layout;
use search::{Found, Plant, planted};

/// How many the journal names.
const NAMED: usize = 64;
/// Sessions that wait to be looked after, at most: of more it is told that nobody looks.
const MOST: usize = 4096;
/// Between two rounds: tools log in again and again, and each look goes through a home.
const PAUSE: Duration = Duration::from_secs(5);

/// Sessions that are over and that nobody has looked after yet.
#[derive(Default)]
pub(super) struct Over {
    sessions: Mutex<Vec<Ended>>,
    news: Condvar,
}

/// A session that is over.
struct Ended {
    session: Arc<Session>,
    /// Until when was told of before, if so, and when it was over, in milliseconds since 1970.
    told_until: Option<i64>,
    at: i64,
    /// What the sweep took away and ended.
    swept: Swept,
}

impl Over {
    /// Gives it back where too many wait.
    fn push(&self, ended: Ended) -> Result<(), Ended> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MOST {
            return Err(ended);
        }
        sessions.push(ended);
        drop(sessions);
        self.news.notify_one();
        Ok(())
    }

    fn take(&self) -> Vec<Ended> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sessions = self
            .news
            .wait_while(sessions, |sessions| sessions.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut *sessions)
    }
}

impl Sessions {
    /// This session is over, and its plants are to be told of, with what the sweep took away and ended. What it left running, or
    /// its account's user manager, may plant more: then it is over once more when that ends, and what was planted since
    /// is told. Waits for nobody.
    pub(super) fn is_over(&self, session: &Arc<Session>, swept: Swept) {
        let at = now();
        let ended = Ended {
            session: Arc::clone(session),
            told_until: session.tell_plants_until(at),
            at,
            swept,
        };
        if let Err(Ended { session, swept, .. }) = self.shared.over.push(ended) {
            let event = self.plants_event(&session, &[], &swept, Extent::Partial);
            self.shared.setup.intake.note(&event);
        }
    }

    /// Starts the thread that looks for what sessions planted: a home may be large, or lie on a slow network.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn look_for_plants(&self) -> io::Result<()> {
        let sessions = self.clone();
        let layout = Layout::system();
        // Its own: whoever waits here for a directory service takes no turn from those who stand at a door.
        let names = Names::of_the_system(&layout);
        let look = move || {
            loop {
                let over = sessions.shared.over.take();
                // What changes from then on is stamped later than they were over, and told of the next time.
                pass_stamp(over.iter().map(|ended| ended.at).max().unwrap_or_default());
                sessions.tell_of_plants(&layout, &names, &over);
                thread::sleep(PAUSE);
            }
        };
        thread::Builder::new()
            .name("planted".to_owned())
            .stack_size(256 * 1024)
            .spawn(look)
            .map(drop)
    }

    fn tell_of_plants(&self, layout: &Layout, names: &Names, over: &[Ended]) {
        // One look serves all sessions of an account that ended since the last.
        let mut found: BTreeMap<u32, Found> = BTreeMap::new();
        for ended in over {
            let record = &ended.session.record;
            let Found { plants, extent } = found
                .entry(record.uid)
                .or_insert_with(|| planted(layout, names, &record.account, record.uid));
            let during = ended.during(plants);
            // A look that came to no end says so once: who wants to hide something fills the places before it.
            let is_unsaid = ended.told_until.is_none() && *extent == Extent::Partial;
            if !during.is_empty() || !ended.swept.is_empty() || is_unsaid {
                let event = self.plants_event(&ended.session, &during, &ended.swept, *extent);
                // A journal that is down has the event set aside.
                let _ = self.shared.setup.intake.commit(&event);
            }
        }
    }

    fn plants_event(
        &self,
        session: &Session,
        plants: &[&Plant],
        swept: &Swept,
        extent: Extent,
    ) -> Event {
        let named: Vec<Value> = plants
            .iter()
            .take(NAMED)
            .map(|plant| json!({ "path": text(&plant.path), "kind": plant.kind.name() }))
            .collect();
        let removed = swept.files.iter().take(NAMED);
        let removed: Vec<Value> = removed.map(|path| text(path)).collect();
        let (code, reason) = if !plants.is_empty() || !swept.files.is_empty() {
            (
                "planted",
                "what changed while the session was open outlives it",
            )
        } else if !swept.killed.is_empty() {
            (
                "left-running",
                "what ran for the account outside of any session was ended",
            )
        } else {
            (
                "not-searched",
                "not all of the account's files were looked through: there are too many, or links or errors in the way",
            )
        };
        Event::new(Action::SessionPlanted)
            .outcome(Outcome::Done)
            .because(code, reason)
            .by(session.identity())
            .on(self.resource(session))
            .from(session.origin(None))
            .detail("files", named)
            .detail("files_count", plants.len())
            .detail("removed", removed)
            .detail("killed", swept.killed.named())
            .detail("killed_count", swept.killed.count())
            .detail("searched", extent.name())
    }
}

impl Ended {
    /// Those that changed in the time that is to be told of.
    fn during<'a>(&self, plants: &'a [Plant]) -> Vec<&'a Plant> {
        let since = match self.told_until {
            Some(told) if told <= self.at => told + 1,
            // The first time, or the clock was set back meanwhile.
            _ => opened(&self.session.record, now(), self.session.lived()),
        };
        let is_during = |plant: &&Plant| (since..=self.at).contains(&plant.changed);
        plants.iter().filter(is_during).collect()
    }
}

/// Milliseconds since 1970, by the system's clock.
fn now() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// No file that changed in the session is stamped earlier, in milliseconds since 1970: by what was noted then, and by how
/// long ago that is, should the clock have been set back meanwhile.
fn opened(record: &Record, now: i64, lived: Duration) -> i64 {
    // What was noted in whole seconds alone is early enough with one more.
    let noted = record.opened_stamp;
    let noted = noted.unwrap_or_else(|| (record.opened.unix() - 1) * 1000);
    let lived = i64::try_from(lived.as_millis()).unwrap_or(i64::MAX);
    // Both are in whole milliseconds.
    noted.min(now.saturating_sub(lived) - 1)
}

/// A path's exact bytes, as commands stand in the journal.
fn text(path: &Path) -> Value {
    use base64::Engine as _;
    match path.to_str() {
        Some(text) => json!(text),
        None => {
            let bytes = path.as_os_str().as_encoded_bytes();
            json!({ "base64": base64::engine::general_purpose::STANDARD.encode(bytes) })
        }
    }
}

#[cfg(test)]
impl Sessions {
    pub(super) fn count_over(&self) -> usize {
        self.shared.over.sessions.lock().unwrap().len()
    }
}

#[cfg(test)]
mod tests;
