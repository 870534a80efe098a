//! What alarms say.

use daypass_protocol::event::{Action, Event, Outcome, Resource};

use super::Contradiction;
use super::reading::{Anomaly, Clock};
use crate::checkpoints::losses::Loss;
use crate::origin::Origin;
use crate::segments::{SegmentError, SegmentName};

/// Of a contradiction; what tells it from others at its place, and the event.
pub(super) fn contradiction(
    log: &Origin,
    found: &Contradiction,
    evidence: Option<&SegmentName>,
) -> (String, Event) {
    let (seq, owner) = (found.seq(), log.owner());
    let forked = format!(
        "{owner}'s journal has two pasts from entry {seq} on, both signed: it was cloned, restored or rewritten"
    );
    let (kind, event) = match found {
            Contradiction::Entries(fork) => (
                fork.offered.to_string(),
                alarm(Action::AlarmFork, log)
                    .detail("held", fork.held.to_string())
                    .detail("offered", fork.offered.to_string())
                    .because("fork", forked),
            ),
            Contradiction::Checkpoint { size, .. } => (
                size.to_string(),
                alarm(Action::AlarmFork, log).detail("size", *size).because("fork", forked),
            ),
            Contradiction::Lines { reason, .. } => (
                reason.clone(),
                alarm(Action::AlarmTampered, log).detail("found", reason.clone()).because(
                    "tampered",
                    format!(
                        "from entry {seq} on, {owner}'s journal is not what was sealed, or does not follow from what is \
                         stored: it was rewritten, cloned or restored"
                    ),
                ),
            ),
        };
    let event = event.detail("seq", seq);
    let event = match evidence {
        Some(name) => event.detail("evidence", name.to_string()),
        None => event,
    };
    (kind, event)
}

/// Of another CA's log with two pasts.
pub(super) fn stranger(log: &str, held: u64, size: u64) -> Event {
    Event::new(Action::AlarmFork)
        .outcome(Outcome::Failed)
        .detail("log", log)
        .detail("seq", held.min(size))
        .detail("size", size)
        .because(
            "fork",
            format!("{log} has two pasts of {size} entries, both signed by it"),
        )
}

/// Of a log that ends before what is held.
pub(super) fn rollback(log: &Origin, size: u64, held: u64) -> Event {
    alarm(Action::AlarmRollback, log)
            .detail("seq", size)
            .detail("size", size)
            .detail("held", held)
            .because(
                "rollback",
                format!(
                    "{}'s journal ends after {size} entries, {held} are stored here: its end was cut off or an old copy put back",
                    log.owner()
                ),
            )
}

/// Of a segment whose bytes are gone or are others.
pub(super) fn lost(log: &Origin, loss: &Loss, error: &SegmentError) -> Event {
    let Loss { name, how, .. } = loss;
    alarm(Action::AlarmStore, log)
        .detail("seq", name.first)
        .detail("size", name.size)
        .detail("segment", name.to_string())
        .because(
            how.code(),
            format!("{error}, then make the index anew: daypass-collector reindex"),
        )
}

/// Of a clock.
pub(super) fn clock(log: &Origin, found: &Anomaly) -> Event {
    let Anomaly {
        seq,
        seconds,
        kind,
        untold,
    } = *found;
    let owner = log.owner();
    let (code, reason) = match kind {
        Clock::Back => (
            "clock-back",
            format!("{owner}'s clock was set back by {seconds} s before entry {seq}"),
        ),
        Clock::Ahead => (
            "clock-ahead",
            format!("{owner}'s clock was {seconds} s ahead of this one at entry {seq}"),
        ),
    };
    let event = alarm(Action::AlarmClock, log)
        .detail("seq", seq)
        .detail("seconds", seconds)
        .because(code, reason);
    match untold {
        0 => event,
        untold => event.detail("untold", untold),
    }
}

/// Of this kind, about this log.
pub(super) fn alarm(action: Action, log: &Origin) -> Event {
    Event::new(action)
        .outcome(Outcome::Failed)
        .on(Resource {
            host: log.owner().host().cloned(),
            ..Resource::default()
        })
        .detail("log", log.to_string())
}
