//! What the journal did not take, until a `gap` entry tells of it.

use chrono::{DateTime, SecondsFormat, Utc};
use daypass_protocol::event::{Action, Event, Outcome};

/// How many events went to syslog, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missed {
    count: u64,
    since: DateTime<Utc>,
}

impl Missed {
    /// One more.
    pub(super) fn add(known: Option<Self>) -> Self {
        let (count, since) = known.map_or((0, Utc::now()), |known| (known.count, known.since));
        Self {
            count: count + 1,
            since,
        }
    }

    /// What is missed now and was not told of yet.
    pub(super) fn untold(now: Option<Self>, told: Option<Self>) -> Option<Self> {
        match (now, told) {
            (Some(all), Some(told)) if all.count > told.count => Some(Self {
                count: all.count - told.count,
                since: Utc::now(),
            }),
            (later, None) => later,
            _ => None,
        }
    }

    /// The entry that tells of it.
    pub(super) fn gap(&self) -> Event {
        let since = self.since.to_rfc3339_opts(SecondsFormat::Secs, true);
        Event::new(Action::Gap)
            .outcome(Outcome::Done)
            .because(
                "journal-unavailable",
                format!(
                    "the journal took no entries; {} events went to syslog",
                    self.count
                ),
            )
            .detail("missed", self.count)
            .detail("since", since)
    }
}
