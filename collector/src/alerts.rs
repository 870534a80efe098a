//! Alerts: what rules find in entries, told to people at once. `docs/formats/alerts.md`.
//!
//! One thread judges entries in the order of their coming and keeps, in one commit, what came of them and how far it is;
//! one thread for each destination delivers letters until they are taken or given up. What is killed in between goes on
//! where it was: a letter may be delivered twice, never not at all.

pub mod config;
pub mod destination;
pub mod rules;

mod deliver;
mod document;
mod judge;
mod replay;
mod store;
mod subject;

pub use daypass_protocol::invocation;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread::JoinHandle;

pub(crate) use replay::{Span, replay};
pub(crate) use store::Store;
pub use store::StoreError;

use crate::arrivals::Arrivals;
use crate::collector::Collector;
use crate::database;
use crate::layout::Layout;
use crate::origin::Origin;
use crate::outlet::OutletError;
use config::AlertsConfig;
use destination::Destination;
use rules::{Period, RuleSet, RulesError, Severity};

/// Rules, destinations, and what is kept of both.
pub struct Alerts {
    rules: RuleSet,
    destinations: Vec<Destination>,
    link: Option<String>,
    give_up_after: Period,
    store: Store,
    /// Wakes those who deliver.
    letters: Arrivals,
    /// Held while the past is played again.
    replaying: Mutex<()>,
}

/// Why there are no alerts.
#[derive(Debug, thiserror::Error)]
pub enum OpenAlertsError {
    /// The rules.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A destination.
    #[error(transparent)]
    Destination(#[from] OutletError),
    /// The database.
    #[error(transparent)]
    Database(#[from] database::OpenError),
}

impl Alerts {
    /// Reads the rules, sets the destinations up and opens the database.
    ///
    /// # Errors
    /// When something of it cannot be used.
    pub fn open(config: &AlertsConfig, layout: &Layout) -> Result<Self, OpenAlertsError> {
        let rules = RuleSet::of_site(&config.rules)?;
        for wrong in rules.wrong_examples() {
            tracing::warn!(%wrong, "a rule does not do what it says; see daypass-collector alerts check");
        }
        Ok(Self {
            rules,
            destinations: destination::all(config)?,
            link: config.link.clone(),
            give_up_after: config.give_up_after,
            store: Store::open(&layout.alerts())?,
            letters: Arrivals::default(),
            replaying: Mutex::default(),
        })
    }

    /// The turn to play the past again, which takes a processor for many seconds: one at a time; `None` while somebody has it.
    pub fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        match self.replaying.try_lock() {
            Ok(turn) => Some(turn),
            Err(TryLockError::Poisoned(turn)) => Some(turn.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(crate) fn rules(&self) -> &RuleSet {
        &self.rules
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn destinations(&self) -> &[Destination] {
        &self.destinations
    }

    /// Forgets alerts about these entries of a journal (first and last of each run), and their letters; how many alerts
    /// those were.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erase(&self, log: &Origin, runs: &[(u64, u64)]) -> Result<u64, StoreError> {
        let origin = log.to_string();
        let mut count = 0;
        for (first, last) in runs {
            count += self.store.erase(&origin, *first, *last)?;
        }
        if count > 0 {
            self.store.settle()?;
        }
        Ok(count)
    }

    /// Forgets what was counted of a person.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_person(&self, person: &str) -> Result<(), StoreError> {
        self.store.forget_person(person)?;
        self.store.settle()
    }

    /// Wakes those who deliver.
    pub(crate) fn letters(&self) -> &Arrivals {
        &self.letters
    }

    /// The destinations that want alerts of this severity.
    fn addressees(&self, severity: Severity) -> Vec<String> {
        let wanting = self
            .destinations
            .iter()
            .filter(|one| one.severity <= severity);
        wanting.map(|one| one.name.clone()).collect()
    }
}

/// The threads that judge and deliver.
pub(crate) struct Service {
    stop: Arc<AtomicBool>,
    collector: Arc<Collector>,
    threads: Vec<JoinHandle<()>>,
}

impl Service {
    /// Begins to judge and to deliver.
    pub(crate) fn start(collector: &Arc<Collector>) -> io::Result<Self> {
        let mut service = Self {
            stop: Arc::default(),
            collector: Arc::clone(collector),
            threads: Vec::new(),
        };
        service.spawn("alerts".to_owned(), judge::run)?;
        for place in 0..collector.alerts().destinations.len() {
            service.spawn(format!("letters-{place}"), move |collector, stop| {
                deliver::run(collector, &collector.alerts().destinations[place], stop);
            })?;
        }
        Ok(service)
    }

    fn spawn(
        &mut self,
        name: String,
        job: impl FnOnce(&Collector, &AtomicBool) + Send + 'static,
    ) -> io::Result<()> {
        let (collector, stop) = (Arc::clone(&self.collector), Arc::clone(&self.stop));
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || job(&collector, &stop))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Ends when what is under way is done; whether every thread ended in order.
    pub(crate) fn stop(self) -> bool {
        self.stop.store(true, Ordering::SeqCst);
        self.collector.news().end();
        self.collector.alerts().letters.end();
        self.threads.into_iter().all(|thread| thread.join().is_ok())
    }
}
