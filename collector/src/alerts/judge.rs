//! Judges entries as they come in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use daypass_protocol::event::{Action, Event, Outcome};

use super::document;
use super::rules::Bursts;
use super::store::{Addressees, Raised, StoreError, Told};
use super::subject::Subject;
use crate::approvers::approvers;
use crate::clock::Now;
use crate::collector::{Collector, CollectorError};
use crate::feed::{Feed, FeedError, Item, Place};

/// Entries that are judged between two commits.
const BATCH: usize = 512;
/// Alerts whose quiet time is over are looked for this often, and how far judging is is kept where nothing came of it:
/// what was not kept is judged again.
const LOOK: Duration = Duration::from_secs(1);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
enum JudgeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Collector(#[from] CollectorError),
}

/// Until it is told to stop.
pub(super) fn run(collector: &Collector, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        if let Err(error) = work(collector, stop) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "entries are not judged, and alerts wait");
            pause(collector, stop, PAUSE);
        }
    }
}

fn work(collector: &Collector, stop: &AtomicBool) -> Result<(), JudgeError> {
    let alerts = collector.alerts();
    let place = match alerts.store().place()? {
        Some(place) => place,
        // The first time: what was before nobody is alerted on.
        None => Feed::end(collector)?,
    };
    let mut judge = Judge {
        feed: Feed::open(place),
        bursts: alerts.store().bursts()?,
        collector,
        kept: None,
    };
    judge.keep()?;
    let mut looked = Instant::now();
    while !stop.load(Ordering::SeqCst) {
        let seen = collector.news().count();
        let items = judge.feed.next(collector, BATCH)?;
        judge.judge(&items)?;
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            judge.bursts.expire(Now::read().micros());
            judge.keep()?;
            let of = |severity| alerts.addressees(severity);
            let told = |told: Told<'_>| Ok::<_, JudgeError>(collector.record(&event(told))?);
            let (addressees, now) = (Addressees { of: &of }, Now::read().micros());
            if alerts.store().repeat(&addressees, now, told)? > 0 {
                alerts.letters().came();
            }
        }
        if items.is_empty() {
            collector.news().wait(seen, Instant::now() + LOOK);
        }
    }
    judge.keep()
}

struct Judge<'a> {
    collector: &'a Collector,
    feed: Feed,
    bursts: Bursts,
    /// The place that was kept last.
    kept: Option<Place>,
}

impl Judge<'_> {
    fn judge(&mut self, items: &[Item]) -> Result<(), JudgeError> {
        let alerts = self.collector.alerts();
        let mut raised = Vec::new();
        let sieve = alerts.rules().sieve();
        for item in items.iter().filter(|item| sieve.holds_back(&item.line)) {
            let subject = Subject::new(&item.origin, &item.line).arrived(item.stored);
            for rule in alerts.rules().judge(&subject, &mut self.bursts) {
                let window = subject.source().text("/identity/window");
                let approved_by = window
                    .map(|window| approvers(self.collector, window))
                    .unwrap_or_default();
                raised.push(Raised {
                    alert: document::alert(
                        rule,
                        &subject,
                        approved_by,
                        alerts.link.as_deref(),
                        Now::read(),
                    ),
                    period: rule.period.micros(),
                });
            }
        }
        if raised.is_empty() {
            return Ok(());
        }
        self.commit(&raised)
    }

    /// Keeps how far judging is, and what was counted.
    fn keep(&mut self) -> Result<(), JudgeError> {
        if self.kept == Some(self.feed.place()) {
            return Ok(());
        }
        self.commit(&[])
    }

    fn commit(&mut self, raised: &[Raised]) -> Result<(), JudgeError> {
        let (alerts, collector) = (self.collector.alerts(), self.collector);
        let of = |severity| alerts.addressees(severity);
        let new = alerts.store().commit(
            raised,
            self.feed.place(),
            &mut self.bursts,
            &Addressees { of: &of },
            Now::read().micros(),
            |told| collector.record(&event(told)).map_err(JudgeError::from),
        )?;
        self.kept = Some(self.feed.place());
        if new > 0 {
            alerts.letters().came();
        }
        Ok(())
    }
}

fn event(told: Told<'_>) -> Event {
    match told {
        Told::Raised(alert) => Event::new(Action::AlertRaised)
            .outcome(Outcome::Done)
            .because(&alert.rule, &alert.title)
            .detail("alert", alert.id.clone())
            .detail("severity", alert.severity.as_str())
            .detail("log", alert.entry.origin.clone())
            .detail("seq", alert.entry.seq),
        Told::Overflown {
            destination,
            letters,
        } => Event::new(Action::AlertDead)
            .outcome(Outcome::Failed)
            .because(
                "too-many",
                format!(
                    "so many letters wait for {destination} that {letters} were given up at once"
                ),
            )
            .detail("destination", destination)
            .detail("letters", letters),
    }
}

fn pause(collector: &Collector, stop: &AtomicBool, pause: Duration) {
    let deadline = Instant::now() + pause;
    while !stop.load(Ordering::SeqCst) && Instant::now() < deadline {
        collector.news().wait(collector.news().count(), deadline);
    }
}
