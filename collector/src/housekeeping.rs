//! What the service does beside serving: orders, erasures that journals declare, retention, the second copy.

mod declared;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use daypass_protocol::event::{Action, Event, Outcome};
use serde::{Deserialize, Serialize};

use crate::archive::{Archive, ArchiveError};
use crate::clock::Now;
use crate::collector::Collector;
use crate::config::Config;
use crate::durable;
use crate::erasure::{self, Why};
use crate::layout::Layout;
use crate::lock;
use crate::orders::{self, Answer, Order};
use crate::retention;
use crate::rewrite;
use declared::Declared;

/// Orders are looked for, and what came in is copied, this often.
const LOOK: Duration = Duration::from_millis(500);
/// What is old is looked for this often.
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Our own journal is copied this often.
const MINUTE: Duration = Duration::from_secs(60);
/// Of the file of what is remembered.
const FILE_MODE: u32 = 0o640;

/// What is remembered from one start to the next. All of it may be lost: then some work is done again, in vain.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Memory {
    retired: retention::Progress,
    declared: Declared,
}

/// What is done with.
pub struct Housekeeping {
    config: Config,
    layout: Layout,
    memory: Memory,
    archive: Option<Archive>,
    /// Whether the copy could not be made, the last time.
    is_behind: bool,
    retired_at: Option<Instant>,
    files_at: Option<Instant>,
    came: Option<u64>,
}

impl Housekeeping {
    /// Begins with what is remembered.
    pub fn new(config: Config, layout: Layout) -> Self {
        let text = std::fs::read(layout.housekeeping()).unwrap_or_default();
        Self {
            // A damaged memory is a lost one.
            memory: serde_json::from_slice(&text).unwrap_or_default(),
            config,
            layout,
            archive: None,
            is_behind: false,
            retired_at: None,
            files_at: None,
            came: None,
        }
    }

    /// Until the other end is dropped.
    pub fn run(mut self, collector: &Collector, stopped: &Receiver<()>) {
        loop {
            self.once(collector, Now::read());
            match stopped.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Does what there is to do.
    pub fn once(&mut self, collector: &Collector, now: Now) {
        self.renew_index(collector);
        // While an index is made anew from segments as they are, nothing is taken out of them.
        if let Ok(_turn) = lock::take(&self.layout.reindex_lock()) {
            self.take_out(collector, now);
        }
        self.copy(collector);
    }

    /// What takes text out of what is stored.
    fn take_out(&mut self, collector: &Collector, now: Now) {
        self.carry_out(collector);
        let came = collector.arrivals().count();
        if self.came.replace(came) != Some(came) || self.memory.declared.is_waited_for() {
            self.follow_erasures(collector, now);
        }
        let is_time = self.retired_at.is_none_or(|last| last.elapsed() >= HOUR);
        if is_time && !self.config.retention.keeps_all() {
            self.retire(collector, now);
            self.retired_at = Some(Instant::now());
        }
    }

    /// Before any erasure: it would be missing in the new index.
    fn renew_index(&self, collector: &Collector) {
        for (path, order) in self.waiting() {
            if order == Order::Reindexed {
                let renewed = collector.index().renew();
                self.fulfil(&path, &answered(renewed.map(u64::from)));
            }
        }
    }

    fn carry_out(&mut self, collector: &Collector) {
        for (path, order) in self.waiting() {
            let Order::Erase { person, by, reason } = order else {
                continue;
            };
            let why = Why { by, reason };
            let erased = erasure::erase_person(collector, &person, &why);
            self.fulfil(&path, &answered(erased));
        }
    }

    fn waiting(&self) -> Vec<(PathBuf, Order)> {
        orders::waiting(&self.layout.orders()).unwrap_or_else(|error| {
            complain(&error, "orders cannot be looked for");
            Vec::new()
        })
    }

    fn fulfil(&self, order: &Path, answer: &Answer) {
        if let Err(error) = orders::fulfil(order, answer) {
            complain(&error, "an order could not be answered");
        }
    }

    fn follow_erasures(&mut self, collector: &Collector, now: Now) {
        let patience = self.config.follow_erasures;
        if let Err(error) = self.memory.declared.follow(collector, patience, now) {
            complain(
                &error,
                "erasures that journals declare are not followed for now",
            );
        }
        self.remember();
    }

    fn retire(&mut self, collector: &Collector, now: Now) {
        let policy = &self.config.retention;
        match retention::retire(collector, policy, &mut self.memory.retired, now) {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "segments were retired"),
            Err(error) => complain(&error, "old entries could not be retired"),
        }
        self.remember();
    }

    /// Brings the second copy up to what is stored, and removes what was replaced from both.
    fn copy(&mut self, collector: &Collector) {
        let outcome = self.try_copy(collector);
        let event = Event::new(Action::ArchiveBehind);
        let event = match (&outcome, self.is_behind) {
            (Err(error), false) => {
                complain(error, "the second copy is behind");
                event.outcome(Outcome::Failed).because(
                    "archive-behind",
                    format!("the second copy cannot be made: {}", whole(error)),
                )
            }
            (Ok(()), true) => event.outcome(Outcome::Done),
            _ => return,
        };
        self.is_behind = outcome.is_err();
        if let Err(error) = collector.record(&event) {
            complain(
                &error,
                "the state of the second copy could not be journalled",
            );
        }
    }

    fn try_copy(&mut self, collector: &Collector) -> Result<(), CopyError> {
        let stores = collector.stores();
        let Some(root) = self.config.archive.clone() else {
            return Ok(rewrite::settle(stores, None)?);
        };
        let archive = match &mut self.archive {
            Some(archive) => archive,
            none => none.insert(Archive::open(&root)?),
        };
        let outcome = archive
            .follow(stores)
            .map_err(CopyError::from)
            .and_then(|count| {
                rewrite::settle(stores, Some(archive))?;
                if self.files_at.is_none_or(|last| last.elapsed() >= MINUTE) {
                    archive.follow_files(&self.layout, collector.own_incarnation())?;
                    self.files_at = Some(Instant::now());
                }
                Ok(count)
            });
        // What failed may be a disk that is gone; the next try opens it anew.
        if outcome.is_err() {
            self.archive = None;
        }
        outcome.map(drop)
    }

    fn remember(&self) {
        let text = serde_json::to_vec(&self.memory).unwrap_or_default();
        if let Err(error) = durable::replace(&self.layout.housekeeping(), FILE_MODE, &text) {
            complain(&error, "what was done is not remembered");
        }
    }
}

/// Why the second copy is not what it should be.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Rewrite(#[from] rewrite::RewriteError),
}

fn answered<E: std::error::Error + 'static>(outcome: Result<u64, E>) -> Answer {
    match outcome {
        Ok(count) => Answer::Done { count },
        Err(error) => {
            complain(&error, "an order could not be carried out");
            Answer::Failed { why: whole(&error) }
        }
    }
}

/// An error with its sources.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn complain(error: &(dyn std::error::Error + 'static), what: &'static str) {
    tracing::error!(error, "{what}");
}
