//! What the service does beside serving: orders, erasures that journals declare, retention, the second copy.

mod copy;
mod declared;
mod lost;
mod memory;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use daypass_journal::writer::Rotated;

use crate::archive::Archive;
use crate::clock::Now;
use crate::collector::Collector;
use crate::config::Config;
use crate::erasure::{self, Why};
use crate::layout::Layout;
use crate::lock;
use crate::orders::{self, Answer, Order};
use crate::origin::Origin;
use crate::retention;
use crate::segments::SegmentName;
use copy::Copying;
use lost::Search;
use memory::Memory;
pub(crate) use memory::remove_later;

/// Orders are looked for, and what came in is copied, this often.
const LOOK: Duration = Duration::from_millis(500);
/// What is old is looked for this often.
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Our own journal is copied this often.
const MINUTE: Duration = Duration::from_secs(60);
/// What is done with.
pub struct Housekeeping {
    config: Config,
    layout: Layout,
    memory: Memory,
    search: Search,
    /// As it stands in its file.
    remembered: Vec<u8>,
    archive: Option<Archive>,
    copying: Copying,
    /// Whether the copy could not be made, the last time.
    is_behind: bool,
    retired_at: Option<Instant>,
    files_at: Option<Instant>,
    came: Option<u64>,
    /// How often evidence had been kept when it was copied last.
    evidence: Option<u64>,
}

impl Housekeeping {
    /// Begins with what is remembered.
    pub fn new(config: Config, layout: Layout) -> Self {
        let text = std::fs::read(layout.housekeeping()).unwrap_or_default();
        Self {
            memory: Memory::read(&text),
            search: Search::default(),
            remembered: text,
            config,
            layout,
            archive: None,
            copying: Copying::default(),
            is_behind: false,
            retired_at: None,
            files_at: None,
            came: None,
            evidence: None,
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
        if self.came.replace(came) != Some(came) {
            self.look_for_erasures(collector, now);
        }
        self.follow_erasures(collector, now);
        self.look_for_lost(collector);
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
                let renewed = renewed.map(|renewed| (u64::from(renewed), 0));
                self.fulfil(&path, &answered(renewed));
            }
        }
    }

    fn carry_out(&mut self, collector: &Collector) {
        for (path, order) in self.waiting() {
            let (person, by, reason) = match order {
                Order::Erase { person, by, reason } => (person, by, reason),
                Order::RenewLogKey { by } => {
                    self.fulfil(&path, &renewed(collector.ledger().rotate_log_key(&by)));
                    continue;
                }
                // The witness keys are another thread's, which speaks to the CA.
                Order::Reindexed | Order::RenewWitnessKey | Order::FinishWitnessKey => continue,
            };
            let why = Why { by, reason };
            let mut goes = |log: &_, name: &_| self.lets_go(log, name);
            let erased = erasure::forget(collector, &person, &why, &mut goes);
            let erased = erased.map(|erased| (erased.entries, erased.waiting));
            self.fulfil(&path, &answered(erased));
        }
    }

    /// Writes down that this evidence has to go from the second copy, before it goes here.
    fn lets_go(&mut self, log: &Origin, name: &SegmentName) -> io::Result<()> {
        if self.config.archive.is_none() {
            return Ok(());
        }
        // What it became is to be copied.
        self.evidence = None;
        self.memory.lets_go(log, name);
        self.write_down()
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

    fn look_for_erasures(&mut self, collector: &Collector, now: Now) {
        let patience = self.config.follow_erasures;
        if let Err(error) = self.memory.declared.look(collector, patience, now) {
            complain(
                &error,
                "erasures that journals declare are not looked for now",
            );
            // Nothing else may come for long.
            self.came = None;
        }
        self.remember();
    }

    fn follow_erasures(&mut self, collector: &Collector, now: Now) {
        while let Some(mut turn) = self.memory.declared.turn(self.config.follow_erasures, now) {
            let outcome = turn.say(collector).and_then(|()| {
                // Said once: what fails from here on is tried again without another word.
                self.memory.declared.keep(&turn);
                self.remember();
                turn.take_out(collector)
            });
            if let Err(error) = &outcome {
                complain(
                    error,
                    "an erasure that a journal declares is not followed for now",
                );
            }
            self.memory.declared.done(turn, outcome.is_ok(), now);
            self.remember();
        }
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

    /// Writes down what changed, if anything did.
    fn remember(&mut self) {
        if let Err(error) = self.write_down() {
            complain(&error, "what was done is not remembered");
        }
    }

    fn write_down(&mut self) -> io::Result<()> {
        if let Some(text) = self.memory.write(&self.layout, &self.remembered)? {
            self.remembered = text;
        }
        Ok(())
    }
}

fn answered<E: std::error::Error + 'static>(outcome: Result<(u64, u64), E>) -> Answer {
    match outcome {
        Ok((count, waiting)) => Answer::Done { count, waiting },
        Err(error) => {
            complain(&error, "an order could not be carried out");
            Answer::Failed { why: whole(&error) }
        }
    }
}

fn renewed(outcome: Result<Rotated, daypass_journal::Error>) -> Answer {
    match outcome {
        Ok(Rotated { receipt, key }) => Answer::Renewed {
            entry: receipt.seq,
            key,
        },
        Err(error) => {
            complain(&error, "our own journal keeps its log key");
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
