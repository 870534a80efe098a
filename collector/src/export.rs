//! Continuous export to a SIEM: RFC 5424 over TLS (RFC 5425), or to the local syslog. `docs/formats/export.md`.
//!
//! The segments are the queue: nothing is copied, an export is a place in them that is kept. It moves when the receiver
//! has confirmed everything before it, so what is killed on either side is sent again.

pub mod config;

mod confirm;
mod destination;
mod kept;
mod local;
mod run;
mod store;
mod tls;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

pub use kept::{Kept, KeptError, bring_back};
pub(crate) use store::{Confirmed, StoreError};

use crate::collector::Collector;
use crate::database;
use crate::layout::Layout;
use crate::outlet::OutletError;
use config::ExportConfig;
use destination::Destination;
use store::Store;

/// Exports, and how they stand.
pub struct Exports {
    destinations: Vec<Destination>,
    store: Store,
    /// What keeps each of them, in their order.
    trouble: Mutex<Vec<Option<String>>>,
}

/// Why there are no exports.
#[derive(Debug, thiserror::Error)]
pub enum OpenExportsError {
    /// A destination.
    #[error(transparent)]
    Destination(#[from] OutletError),
    /// The database.
    #[error(transparent)]
    Database(#[from] database::OpenError),
}

/// How one export stands.
pub(crate) struct Standing<'a> {
    pub(crate) name: &'a str,
    pub(crate) to: String,
    pub(crate) confirmed: Confirmed,
    pub(crate) trouble: Option<String>,
}

impl Exports {
    /// Sets destinations up and opens the database.
    ///
    /// # Errors
    /// When something of it cannot be used.
    pub fn open(config: &ExportConfig, layout: &Layout) -> Result<Self, OpenExportsError> {
        let destinations = destination::all(config)?;
        Ok(Self {
            trouble: Mutex::new(vec![None; destinations.len()]),
            destinations,
            store: Store::open(&layout.exports())?,
        })
    }

    /// How each stands, in the order of the configuration.
    pub(crate) fn standings(&self) -> Result<Vec<Standing<'_>>, StoreError> {
        let trouble = self.trouble().clone();
        let each = self.destinations.iter().zip(trouble);
        each.map(|(one, trouble)| {
            Ok(Standing {
                name: &one.name,
                to: one.carrier.to_string(),
                confirmed: self.store.confirmed(&one.name)?.unwrap_or_default(),
                trouble,
            })
        })
        .collect()
    }

    fn trouble(&self) -> MutexGuard<'_, Vec<Option<String>>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads that export.
pub(crate) struct Service {
    stop: Arc<AtomicBool>,
    collector: Arc<Collector>,
    threads: Vec<JoinHandle<()>>,
}

impl Service {
    /// Begins to export.
    pub(crate) fn start(collector: &Arc<Collector>) -> io::Result<Self> {
        let stop = Arc::<AtomicBool>::default();
        let mut threads = Vec::new();
        for place in 0..collector.exports().destinations.len() {
            let (collector, stop) = (Arc::clone(collector), Arc::clone(&stop));
            let thread = std::thread::Builder::new()
                .name(format!("export-{place}"))
                .spawn(move || run::run(&collector, place, &stop))?;
            threads.push(thread);
        }
        Ok(Self {
            stop,
            collector: Arc::clone(collector),
            threads,
        })
    }

    /// Ends when what was sent is confirmed, or cannot be; whether every thread ended in order.
    pub(crate) fn stop(self) -> bool {
        self.stop.store(true, Ordering::SeqCst);
        self.collector.news().end();
        self.threads.into_iter().all(|thread| thread.join().is_ok())
    }
}
