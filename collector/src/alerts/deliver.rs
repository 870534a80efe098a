//! Delivers the letters of one destination, until they are taken or given up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use daypass_protocol::event::{Action, Event, Outcome};

use super::destination::{Destination, Undelivered};
use super::store::{Letter, StoreError};
use crate::backoff;
use crate::clock::Now;
use crate::collector::Collector;
use daypass_protocol::alert::Alert;

/// Nobody waits longer than this without a look.
const LOOK: Duration = Duration::from_secs(60);
/// After a failure of our own.
const PAUSE: Duration = Duration::from_secs(5);
/// Characters of a reason that are kept.
const LONGEST: usize = 500;

/// Until it is told to stop.
pub(super) fn run(collector: &Collector, destination: &Destination, stop: &AtomicBool) {
    let mut failures = 0;
    while !stop.load(Ordering::SeqCst) {
        let rest = match step(collector, destination, &mut failures) {
            Ok(rest) => rest,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    error,
                    destination = destination.name,
                    "letters are not delivered"
                );
                Some(Rest::Until(PAUSE))
            }
        };
        match rest {
            None => {}
            Some(Rest::Woken { seen, at_most }) => {
                collector
                    .alerts()
                    .letters()
                    .wait(seen, Instant::now() + at_most);
            }
            Some(Rest::Until(pause)) => wait(collector, stop, pause),
        }
    }
}

/// What to do before the next letter.
enum Rest {
    /// Wait for something to come, or for so long.
    Woken { seen: u64, at_most: Duration },
    /// Wait for so long, whatever comes.
    Until(Duration),
}

fn step(
    collector: &Collector,
    destination: &Destination,
    failures: &mut u32,
) -> Result<Option<Rest>, StoreError> {
    let alerts = collector.alerts();
    let seen = alerts.letters().count();
    let now = Now::read().micros();
    let letter = match alerts.store().due(&destination.name, now)? {
        Ok(letter) => letter,
        Err(next) => {
            let until = next.map_or(LOOK, |next| micros(next.saturating_sub(now)));
            return Ok(Some(Rest::Woken {
                seen,
                at_most: until.min(LOOK),
            }));
        }
    };
    let outcome = match serde_json::from_str::<Alert>(&letter.body) {
        Ok(alert) => destination.carrier.deliver(&alert, &letter.body),
        Err(error) => Err(Undelivered::Refused(format!(
            "the letter cannot be read: {error}"
        ))),
    };
    match outcome {
        Ok(()) => {
            *failures = 0;
            alerts
                .store()
                .delivered(letter.number, Now::read().micros())?;
            Ok(None)
        }
        Err(Undelivered::Refused(why)) => {
            failed(collector, destination, &letter, &why)?;
            Ok(None)
        }
        Err(Undelivered::Away(why, asked)) => {
            failed(collector, destination, &letter, &why)?;
            let pause = asked.unwrap_or_else(|| backoff::delay(*failures));
            *failures = failures.saturating_add(1);
            Ok(Some(Rest::Until(pause)))
        }
    }
}

fn failed(
    collector: &Collector,
    destination: &Destination,
    letter: &Letter,
    why: &str,
) -> Result<(), StoreError> {
    let (alerts, now) = (collector.alerts(), Now::read().micros());
    let why: String = why.chars().take(LONGEST).collect();
    tracing::warn!(
        destination = destination.name,
        letter = letter.number,
        why,
        "a letter was not delivered"
    );
    if now.saturating_sub(letter.queued) < alerts.give_up_after.micros() {
        let delay = i64::try_from(backoff::delay(letter.attempts).as_micros()).unwrap_or(i64::MAX);
        return alerts
            .store()
            .postpone(letter.number, now.saturating_add(delay), now, &why);
    }
    alerts.store().give_up(letter.number, now, &why)?;
    let event = Event::new(Action::AlertDead)
        .outcome(Outcome::Failed)
        .because("not-delivered", why)
        .detail("destination", destination.name.clone())
        .detail("letter", letter.number);
    if let Err(error) = collector.record(&event) {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "a dead letter could not be journalled");
    }
    Ok(())
}

fn wait(collector: &Collector, stop: &AtomicBool, pause: Duration) {
    let (letters, deadline) = (collector.alerts().letters(), Instant::now() + pause);
    while !stop.load(Ordering::SeqCst) && Instant::now() < deadline {
        letters.wait(letters.count(), deadline);
    }
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}
