//! The front of the journal's writer: what happens to an event, also when the journal fails.
//!
//! A contractor's event is *committed*: the caller waits until it is durable, and denies when it
//! is not. Everybody else's is *noted*: nobody waits; the next commit takes it along, or else a
//! thread commits what has come together in a moment, so that the disk is asked once for many and
//! is free when somebody waits for it. A text too long for an entry comes to the disk before its entry: whoever commits
//! waits for their own, and the thread writes those of everybody else.
//!
//! When the journal fails, the writer is dropped for good, events go to syslog and are counted, and the thread tries to
//! open the journal again; once it is back, a `gap` entry says how many are missing since when.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use daypass_journal::retention::Policy;
use daypass_journal::writer::Rotated;
use daypass_protocol::event::Event;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

mod ledger;
mod missed;
mod noted;

pub use ledger::{Entry, Epoch, Ledger, LedgerFailed, Open, Receipt};
use missed::Missed;
use noted::{Item, Noted};

use crate::texts::{Lost, Text};

/// Noted events that wait for the disk; more go to syslog.
const QUEUE: usize = 1024;
/// How long noted events gather.
const MOMENT: Duration = Duration::from_millis(25);
/// How long a stop waits for the thread; a disk takes less, and systemd waits no longer.
const STOP: Duration = Duration::from_secs(10);
/// Between two attempts to open a journal that failed.
const RETRY: Duration = Duration::from_secs(5);

/// Where events go that the journal did not take.
pub type Aside = Box<dyn Fn(&str) + Send + Sync>;

/// The event is not in the journal; it went to syslog, and a `gap` entry will count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal takes no entries")]
pub struct NotCommitted;

/// The journal writer's front. Clones share it.
#[derive(Clone)]
pub struct Intake {
    shared: Arc<Shared>,
}

struct Shared {
    noted: Mutex<Noted>,
    /// Something was noted, or all is over.
    news: Condvar,
    ledger: Mutex<Option<Arc<dyn Ledger>>>,
    /// Once it is closed: what its closing seal's cosignature is kept in.
    closed: Mutex<Option<Arc<dyn Ledger>>>,
    missed: Mutex<Option<Missed>>,
    open: Open,
    aside: Aside,
}

impl Intake {
    /// Opens the journal and starts the thread that commits what is noted.
    ///
    /// # Errors
    /// The journal cannot be opened at all: then the agent does not start.
    pub fn start(open: Open, aside: Aside) -> Result<Self, LedgerFailed> {
        let shared = Arc::new(Shared {
            noted: Mutex::default(),
            news: Condvar::new(),
            ledger: Mutex::new(Some(open()?)),
            closed: Mutex::new(None),
            missed: Mutex::new(None),
            open,
            aside,
        });
        let worker = Arc::clone(&shared);
        thread::Builder::new()
            .name("intake".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || worker.work())
            .map_err(LedgerFailed::Thread)?;
        Ok(Self { shared })
    }

    /// Writes an event and returns once it is durable.
    ///
    /// # Errors
    /// [`NotCommitted`]: whoever needs this entry is to be refused.
    pub fn commit(&self, event: &impl Serialize) -> Result<Receipt, NotCommitted> {
        self.shared.commit(plain(event), Epoch::Continues)
    }

    /// As [`Intake::commit`], and the epoch whose key sealed the entry is over before this
    /// returns: before a contractor's sudo.
    ///
    /// # Errors
    /// [`NotCommitted`].
    pub fn commit_ending_epoch(&self, event: &impl Serialize) -> Result<Receipt, NotCommitted> {
        self.shared.commit(plain(event), Epoch::Ends)
    }

    /// The same of an event whose command line is longer than what its entry keeps: the whole is durable before it, or
    /// the entry says that it is not kept.
    ///
    /// # Errors
    /// [`NotCommitted`].
    pub fn commit_with_text_ending_epoch(
        &self,
        event: Event,
        text: &Text,
    ) -> Result<Receipt, NotCommitted> {
        let event = match self.shared.keep(text) {
            true => event.with_command_kept(),
            false => Lost::Failed.told(event),
        };
        self.commit_ending_epoch(&event)
    }

    /// Hands an event over and returns at once, whatever state the disk is in.
    pub fn note(&self, event: &impl Serialize) {
        self.note_item(Item::of(plain(event)));
    }

    /// The same of an event whose command line is longer than what its entry keeps.
    pub fn note_with_text(&self, event: Event, text: Arc<Text>) {
        self.note_item(Item::with(event, text));
    }

    fn note_item(&self, item: Item) {
        let mut noted = self.shared.noted();
        if noted.is_over || noted.len() >= QUEUE {
            drop(noted);
            self.shared.set_aside(&item.settle(|_| false));
            return;
        }
        let wants_news = noted.wants_news();
        noted.push(item);
        drop(noted);
        // Once it knows of one, the thread lets others gather: it is not woken for each, while somebody's sudo runs, nor for
        // the first after a commit has taken along what it knows of.
        if wants_news {
            self.shared.news.notify_one();
        }
    }

    /// Keeps a collector's cosignature in the journal.
    ///
    /// # Errors
    /// It is not taken, or the journal takes nothing.
    pub fn keep_cosignature(&self, note: &str) -> Result<(), daypass_journal::Error> {
        let closed = || {
            let closed = self.shared.closed.lock();
            closed.unwrap_or_else(PoisonError::into_inner).clone()
        };
        match self.shared.ledger().clone().or_else(closed) {
            Some(ledger) => ledger.keep_cosignature(note),
            None => Err(daypass_journal::Error::Closed),
        }
    }

    /// Has the journal name these witnesses, if it takes entries; else its next start does.
    pub fn declare_witnesses(&self, keys: &[String]) {
        let Some(ledger) = self.shared.ledger().clone() else {
            return;
        };
        if let Err(why) = ledger.declare_witnesses(keys) {
            (self.shared.aside)(&format!("the witnesses are not declared: {why}"));
        }
    }

    /// Retires old segments, while others go on writing.
    ///
    /// # Errors
    /// They stay.
    pub fn retire(&self, policy: &Policy) -> Result<(), LedgerFailed> {
        let ledger = self.shared.ledger().clone();
        ledger.map_or(Ok(()), |ledger| ledger.retire(policy))
    }

    /// Erases entries; others wait meanwhile.
    ///
    /// # Errors
    /// They stay, or the journal takes nothing.
    pub fn erase(&self, entries: &[u64], by: &str, reason: &str) -> Result<Receipt, LedgerFailed> {
        match self.shared.ledger().clone() {
            Some(ledger) => ledger.erase(entries, by, reason),
            None => Err(LedgerFailed::Journal(daypass_journal::Error::Closed)),
        }
    }

    /// Hands the journal's log over to a new key, because somebody asks for it.
    ///
    /// # Errors
    /// It keeps its key, or the journal takes nothing.
    pub fn rotate_log_key(&self, by: &str) -> Result<Rotated, LedgerFailed> {
        match self.shared.ledger().clone() {
            Some(ledger) => ledger.rotate_log_key(by),
            None => Err(LedgerFailed::Journal(daypass_journal::Error::Closed)),
        }
    }

    /// Does the journal take entries? Contractors are refused while it does not.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.shared.ledger().is_some()
    }

    /// Commits what is still noted, then the last event, and closes the journal. What comes
    /// later goes to syslog.
    pub fn finish(&self, last: &impl Serialize) {
        self.shared.stop_noting();
        self.shared.commit_noted();
        // A failure here was set aside already; the next start finds the journal unclosed.
        let _ = self.commit(last);
        let Some(ledger) = self.shared.ledger().take() else {
            return;
        };
        match ledger.close() {
            Ok(()) => {
                let closed = self.shared.closed.lock();
                *closed.unwrap_or_else(PoisonError::into_inner) = Some(ledger);
            }
            Err(why) => (self.shared.aside)(&format!("not closed: {why}")),
        }
    }
}

impl Shared {
    fn work(&self) {
        let mut next_try = Instant::now() + RETRY;
        loop {
            let noted = self.noted();
            let (mut noted, _) = self
                .news
                .wait_timeout_while(noted, RETRY, |noted| noted.is_empty() && !noted.is_over)
                .unwrap_or_else(PoisonError::into_inner);
            noted.is_gathering = !noted.is_empty();
            let (mut noted, _) = self
                .news
                .wait_timeout_while(noted, MOMENT, |noted| noted.is_gathering && !noted.is_over)
                .unwrap_or_else(PoisonError::into_inner);
            noted.is_gathering = false;
            // Whoever says that it is over commits the rest.
            if noted.is_over {
                return;
            }
            drop(noted);
            self.commit_noted();
            if Instant::now() >= next_try {
                self.mend();
                next_try = Instant::now() + RETRY;
            }
        }
    }

    fn commit_noted(&self) {
        let items = {
            let mut noted = self.noted();
            noted.is_committing = true;
            noted.take()
        };
        let settle = |item: Item| item.settle(|text| self.keep(text));
        let events: Vec<_> = items.into_iter().map(settle).collect();
        if !events.is_empty() {
            // Set aside and counted inside, where it fails.
            drop(self.append(&events, Epoch::Continues));
        }
        self.noted().is_committing = false;
        self.news.notify_all();
    }

    /// Ends the thread, and returns once it commits nothing any more.
    fn stop_noting(&self) {
        let mut noted = self.noted();
        noted.is_over = true;
        self.news.notify_all();
        let through = self
            .news
            .wait_timeout_while(noted, STOP, |noted| noted.is_committing);
        drop(through.unwrap_or_else(PoisonError::into_inner));
    }

    /// Commits what was noted before this event, and the event.
    fn commit(&self, event: Box<Entry>, epoch: Epoch) -> Result<Receipt, NotCommitted> {
        let mut events = self.noted().take_along();
        events.push(event);
        self.append(&events, epoch)
            .pop()
            .unwrap_or(Err(NotCommitted))
    }

    /// Keeps a text for the entry that follows; whether it did.
    fn keep(&self, text: &Text) -> bool {
        let Some(ledger) = self.ledger().clone() else {
            return false;
        };
        let kept = ledger.keep_text(text.bytes());
        if let Err(why) = &kept {
            (self.aside)(&format!("a long command line is not kept whole: {why}"));
        }
        kept.is_ok()
    }

    fn append(&self, events: &[Box<Entry>], epoch: Epoch) -> Vec<Result<Receipt, NotCommitted>> {
        // Cloned out of the lock: appends of several threads share one group commit.
        let Some(ledger) = self.ledger().clone() else {
            return events.iter().map(|event| self.miss(event)).collect();
        };
        let mut cause = None;
        let mut answers = Vec::with_capacity(events.len());
        for (event, answer) in events.iter().zip(ledger.append(events, epoch)) {
            answers.push(answer.or_else(|why| {
                if !matches!(why, LedgerFailed::Event(_)) {
                    self.poison(&ledger);
                }
                // A disk that fails has one cause for all.
                let why = why.to_string();
                if cause.as_ref() != Some(&why) {
                    (self.aside)(&why);
                    cause = Some(why);
                }
                self.miss(event)
            }));
        }
        answers
    }

    fn miss(&self, event: &Entry) -> Result<Receipt, NotCommitted> {
        self.set_aside(event);
        Err(NotCommitted)
    }

    /// Never writes to this ledger again: after a failed fsync nobody knows what is on the disk.
    fn poison(&self, failed: &Arc<dyn Ledger>) {
        let mut ledger = self.ledger();
        if ledger
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, failed))
        {
            *ledger = None;
        }
    }

    fn mend(&self) {
        if self.ledger().is_some() {
            return;
        }
        let Ok(ledger) = (self.open)() else { return };
        let missed = *self.missed();
        if let Some(missed) = missed
            && ledger
                .append(&[plain(&missed.gap())], Epoch::Continues)
                .iter()
                .any(Result::is_err)
        {
            return;
        }
        *self.ledger() = Some(ledger);
        // What was missed since is told the next time.
        let mut now = self.missed();
        *now = Missed::untold(*now, missed);
    }

    fn set_aside(&self, event: &Entry) {
        (self.aside)(&event.to_string());
        let mut missed = self.missed();
        *missed = Some(Missed::add(*missed));
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Option<Arc<dyn Ledger>>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn missed(&self) -> MutexGuard<'_, Option<Missed>> {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events are our own types; one that gives no JSON would be a mistake in them, and the journal
/// then refuses it as what it is.
fn plain(event: &impl Serialize) -> Box<Entry> {
    to_raw_value(event).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests;
