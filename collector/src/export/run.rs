//! One export: reads, sends, has it confirmed, keeps the place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::export::Source;

use super::config::Begin;
use super::destination::{Connection, Destination, Trouble};
use super::store::{Confirmed, StoreError};
use crate::backoff;
use crate::clock::Now;
use crate::collector::Collector;
use crate::feed::{Feed, FeedError};

/// Entries that are read at once.
const BATCH: usize = 256;
/// Entries that may be under way without being confirmed: so many are sent again after a failure.
const UNCONFIRMED: u64 = 4096;
/// Nobody waits longer than this without a look.
const LOOK: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

/// Until it is told to stop.
pub(super) fn run(collector: &Collector, number: usize, stop: &AtomicBool) {
    let mut failures = 0;
    let mut told = Told::Nothing;
    while !stop.load(Ordering::SeqCst) {
        let mut export = Export {
            collector,
            destination: &collector.exports().destinations[number],
            number,
            told: &mut told,
            failures: &mut failures,
        };
        if let Err(error) = export.work(stop) {
            export.fell(&error);
            let pause = backoff::delay(failures);
            failures = failures.saturating_add(1);
            wait(collector, stop, pause);
        }
    }
}

/// What our journal says of it.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Told {
    Nothing,
    Up,
    Down,
}

struct Export<'a> {
    collector: &'a Collector,
    destination: &'a Destination,
    number: usize,
    told: &'a mut Told,
    failures: &'a mut u32,
}

/// What was sent, and is not confirmed yet.
struct UnderWay {
    connection: Box<dyn Connection>,
    count: u64,
    since: Instant,
}

impl Export<'_> {
    fn work(&mut self, stop: &AtomicBool) -> Result<(), RunError> {
        let exports = self.collector.exports();
        let mut confirmed = match exports.store.confirmed(&self.destination.name)? {
            Some(confirmed) => confirmed,
            None => self.begin()?,
        };
        let mut feed = Feed::open(confirmed.place);
        let mut under_way: Option<UnderWay> = None;
        loop {
            let seen = self.collector.news().count();
            let is_over = stop.load(Ordering::SeqCst);
            // What is there when we stop goes out the next time.
            let items = if is_over {
                Vec::new()
            } else {
                feed.next(self.collector, BATCH)?
            };
            if !items.is_empty() {
                let mut way = match under_way.take() {
                    Some(way) => way,
                    None => UnderWay {
                        connection: self.destination.carrier.open()?,
                        count: 0,
                        since: Instant::now(),
                    },
                };
                for item in &items {
                    way.connection
                        .send(&Source::new(Some(&item.origin), &item.line))?;
                }
                way.connection.flush()?;
                way.count += items.len() as u64;
                under_way = Some(way);
            }
            let is_due = under_way.as_ref().is_some_and(|way| {
                is_over
                    || way.count >= UNCONFIRMED
                    || way.since.elapsed() >= self.destination.confirm_after
            });
            if is_due && let Some(way) = under_way.take() {
                way.connection.finish()?;
                confirmed = Confirmed {
                    place: feed.place(),
                    entries: confirmed.entries.saturating_add(way.count),
                    changed: Now::read().micros(),
                };
                exports.store.keep(&self.destination.name, &confirmed)?;
                self.rose();
            }
            if is_over {
                return Ok(());
            }
            if items.is_empty() {
                let due = under_way
                    .as_ref()
                    .map(|way| way.since + self.destination.confirm_after);
                let until = due.unwrap_or_else(|| Instant::now() + LOOK);
                self.collector
                    .news()
                    .wait(seen, until.min(Instant::now() + LOOK));
            }
        }
    }

    fn begin(&self) -> Result<Confirmed, RunError> {
        let exports = self.collector.exports();
        let confirmed = Confirmed {
            place: match self.destination.from {
                Begin::Now => Feed::end(self.collector)?,
                Begin::Beginning => crate::feed::Place::default(),
            },
            entries: 0,
            changed: Now::read().micros(),
        };
        exports.store.keep(&self.destination.name, &confirmed)?;
        Ok(confirmed)
    }

    /// It works: said once, after it did not.
    fn rose(&mut self) {
        *self.failures = 0;
        self.collector.exports().trouble()[self.number] = None;
        if *self.told == Told::Down {
            self.tell(&Event::new(Action::ExportUp).outcome(Outcome::Done));
        }
        *self.told = Told::Up;
    }

    /// It does not: said once.
    fn fell(&mut self, error: &RunError) {
        let why = crate::diagnostic::sentence(error);
        tracing::warn!(
            export = self.destination.name,
            why,
            "entries do not get through; they wait where they are"
        );
        self.collector.exports().trouble()[self.number] = Some(why.clone());
        if *self.told != Told::Down {
            self.tell(
                &Event::new(Action::ExportDown)
                    .outcome(Outcome::Failed)
                    .because("not-exported", why),
            );
        }
        *self.told = Told::Down;
    }

    fn tell(&self, event: &Event) {
        let event = event
            .clone()
            .detail("export", self.destination.name.clone());
        if let Err(error) = self.collector.record(&event) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the state of an export could not be journalled");
        }
    }
}

fn wait(collector: &Collector, stop: &AtomicBool, pause: Duration) {
    let deadline = Instant::now() + pause;
    while !stop.load(Ordering::SeqCst) && Instant::now() < deadline {
        collector.news().wait(collector.news().count(), deadline);
    }
}
