//! What the collector counts, in Prometheus' text form, and whether it can do its work.
//!
//! Served in the clear on a loopback address, when `collector.toml` names one: nothing in it tells of people. Hosts are not
//! named either; which one is silent is an alarm.

mod shown;

use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub(crate) use shown::Shown;

use crate::alerts::StoreError as AlertsError;
use crate::checkpoints::CheckpointError;
use crate::clock::Now;
use crate::collector::Collector;
use crate::export::StoreError as ExportsError;
use crate::index::IndexError;
use crate::origin::Owner;
use crate::watch::{self, Condition, condition};

/// Seconds; a sudo waits for its upload for a quarter of one.
const BUCKETS: [f64; 8] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.25, 1.0];
/// Segments that wait for the index and are counted one by one; more are as bad.
const LOOK: usize = 10_000;

/// One kind of request, and how it ended.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Ended {
    method: &'static str,
    route: &'static str,
    status: u16,
}

/// One kind of request.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Asked {
    method: &'static str,
    route: &'static str,
}

/// How a journal looks.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Looks {
    state: &'static str,
}

/// Letters of one destination.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Letters {
    destination: String,
    state: &'static str,
}

/// One export.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Export {
    export: String,
}

/// The counters.
#[derive(Default)]
pub(crate) struct Metrics {
    requests: Family<Ended, Counter>,
    seconds: Seconds,
}

/// How long answers took.
struct Seconds(Family<Asked, Histogram, fn() -> Histogram>);

impl Default for Seconds {
    fn default() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new(BUCKETS)))
    }
}

/// Why they cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetricsError {
    /// What is stored.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Alerts.
    #[error(transparent)]
    Alerts(#[from] AlertsError),
    /// Exports.
    #[error(transparent)]
    Exports(#[from] ExportsError),
    /// The text.
    #[error("the text could not be written")]
    Text(#[from] std::fmt::Error),
}

impl Metrics {
    /// Counts an answer.
    pub(crate) fn answered(
        &self,
        method: &'static str,
        route: &'static str,
        status: StatusCode,
        took: Duration,
    ) {
        let status = status.as_u16();
        let ended = Ended {
            method,
            route,
            status,
        };
        self.requests.get_or_create(&ended).inc();
        let asked = Asked { method, route };
        let took = took.as_secs_f64();
        self.seconds.0.get_or_create(&asked).observe(took);
    }

    /// Everything as Prometheus reads it: what was counted, and how things stand now.
    ///
    /// # Errors
    /// When a store cannot say.
    pub(crate) fn text(&self, collector: &Collector, now: Now) -> Result<String, MetricsError> {
        let mut registry = Registry::with_prefix("daypass_collector");
        registry.register(
            "requests",
            "Requests that were answered",
            self.requests.clone(),
        );
        registry.register(
            "request_seconds",
            "How long answers took",
            self.seconds.0.clone(),
        );
        journals(&mut registry, collector, now)?;
        let stored = index(&mut registry, collector)?;
        letters(&mut registry, collector)?;
        exports(&mut registry, collector, stored)?;
        let state = Gauge::<i64>::default();
        state.set(number(collector.authority().state_number()));
        registry.register(
            "state_number",
            "Number of the CA's state that is known",
            state,
        );
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// Whether the stores answer.
///
/// # Errors
/// Why not.
pub(crate) fn ready(collector: &Collector) -> Result<(), MetricsError> {
    collector.stores().checkpoints.segments_after(0, 1)?;
    collector.index().taken()?;
    collector.alerts().store().place()?;
    Ok(())
}

fn journals(
    registry: &mut Registry,
    collector: &Collector,
    now: Now,
) -> Result<(), CheckpointError> {
    let journals = Family::<Looks, Gauge>::default();
    let entries = Gauge::<i64>::default();
    // Named where there is none, too: an alert on what is absent is hard to write.
    for state in ["new", "live", "silent", "retired"] {
        journals.get_or_create(&Looks { state }).set(0);
    }
    let logs = collector.stores().checkpoints.logs()?;
    let newest = watch::newest(&logs);
    for (registration, held) in logs {
        entries.inc_by(number(held.as_ref().map_or(0, |held| held.mark.size)));
        // Nothing comes of a life that is over: it would be silent for ever.
        if !newest.contains(&registration.log) {
            continue;
        }
        let stored = held.map(|held| held.stored);
        let looks = match registration.log.owner() {
            // Whoever answers this is heard.
            Owner::Collector => Condition::Live,
            _ if collector.has_retired(&registration) => Condition::Retired,
            Owner::Ca | Owner::Host(_) => condition(stored, now, collector.silence_after()),
        };
        let state = match looks {
            Condition::New => "new",
            Condition::Live => "live",
            Condition::Silent => "silent",
            Condition::Retired => "retired",
        };
        journals.get_or_create(&Looks { state }).inc();
    }
    registry.register("journals", "Journals, by how they look", journals);
    registry.register("entries", "Entries that are stored", entries);
    Ok(())
}

/// The number of the last segment that is stored.
fn index(registry: &mut Registry, collector: &Collector) -> Result<u64, MetricsError> {
    let taken = collector.index().taken()?;
    let waiting = collector.stores().checkpoints.segments_after(taken, LOOK)?;
    let last = waiting.last().map_or(taken, |segment| segment.number);
    let (segments, behind) = (Gauge::<i64>::default(), Gauge::<i64>::default());
    segments.set(number(last));
    behind.set(number(waiting.len() as u64));
    registry.register("segments", "Segments that were stored", segments);
    let lost = Gauge::<i64>::default();
    lost.set(number(
        collector.stores().checkpoints.lost().after(0, LOOK)?.len() as u64,
    ));
    registry.register(
        "segments_lost",
        "Segments that are damaged or missing, as far as somebody met them",
        lost,
    );
    registry.register(
        "index_segments_behind",
        "Segments that cannot be searched yet",
        behind,
    );
    Ok(last)
}

fn letters(registry: &mut Registry, collector: &Collector) -> Result<(), AlertsError> {
    let letters = Family::<Letters, Gauge>::default();
    for one in collector.alerts().destinations() {
        let standing = collector.alerts().store().standing(&one.name)?;
        for (state, count) in [("waiting", standing.waiting), ("dead", standing.dead)] {
            let destination = one.name.clone();
            letters
                .get_or_create(&Letters { destination, state })
                .set(number(count));
        }
    }
    registry.register("letters", "Alerts that were not delivered", letters);
    Ok(())
}

fn exports(
    registry: &mut Registry,
    collector: &Collector,
    stored: u64,
) -> Result<(), ExportsError> {
    let behind = Family::<Export, Gauge>::default();
    for one in collector.exports().standings()? {
        let export = one.name.to_owned();
        let left = stored.saturating_sub(one.confirmed.place.segment);
        behind.get_or_create(&Export { export }).set(number(left));
    }
    registry.register(
        "export_segments_behind",
        "Segments of which the receiver has not confirmed everything",
        behind,
    );
    Ok(())
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
