//! What lines that were taken in say of their host, beside being whole: its clock, who is in, whom the CA let in where.

use chrono::{DateTime, TimeDelta};
use daypass_journal::entry::Head;
use daypass_protocol::name::HostName;
use serde_json::Value;

use crate::clock::Now;
use crate::ingest::body::lines;

/// A clock that goes back by less is adjusted, not set.
const STEP: TimeDelta = TimeDelta::seconds(2);
/// A clock that is ahead of ours by more is wrong: at as much the host itself lets no contractor in.
const AHEAD: TimeDelta = TimeDelta::minutes(5);
/// Of one log each kind of wrong clock is told so often, in microseconds of ours: whoever writes a log can set its clock at
/// every entry, and each alarm is a write to the disk.
const QUIET: i64 = 60 * 1_000_000;

/// Characters of a certificate's serial.
const SERIAL: usize = 32;

/// How far a log was read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Seen {
    /// Number and time of the last entry; the text of 27 bytes that RFC 3339 orders as time does.
    last: Option<(u64, String)>,
    /// Contractors who are in.
    pub(super) sessions: u64,
    /// Whether it said last that it goes for good.
    pub(super) retires: bool,
    is_ahead: bool,
    back: Told,
    ahead: Told,
}

/// When an alarm was told last, and how many were not told since.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Told {
    at: Option<i64>,
    untold: u64,
}

/// A clock that cannot be right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Anomaly {
    /// The entry that shows it.
    pub(super) seq: u64,
    /// By so much.
    pub(super) seconds: i64,
    pub(super) kind: Clock,
    /// How many of the kind before it were not told one by one.
    pub(super) untold: u64,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Clock {
    /// It was set back since the entry before.
    Back,
    /// It is ahead of the collector's.
    Ahead,
}

/// A certificate that the CA made for a host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Issue {
    pub(super) host: HostName,
    pub(super) serial: String,
    /// The CA's entry.
    pub(super) seq: u64,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) anomalies: Vec<Anomaly>,
    pub(super) issues: Vec<Issue>,
}

impl Seen {
    /// Reads lines in their order, those that were read before passed over.
    pub(super) fn read(&mut self, bytes: &[u8], now: Now) -> Reading {
        let mut reading = Reading::default();
        for head in lines(bytes).filter_map(Head::parse) {
            if self.last.as_ref().is_some_and(|(seq, _)| head.seq <= *seq) {
                continue;
            }
            self.read_clock(&head, now, &mut reading);
            self.read_event(&head, &mut reading);
        }
        self.compare(now, &mut reading);
        reading
    }

    fn read_clock(&mut self, head: &Head<'_>, now: Now, reading: &mut Reading) {
        match &mut self.last {
            None => self.last = Some((head.seq, head.time.to_owned())),
            Some((seq, time)) => {
                // Entries of one commit have one time, and most are later than the one before.
                if head.time < time.as_str()
                    && let Some(back) = between(head.time, time).filter(|back| *back >= STEP)
                {
                    let found = (head.seq, back.num_seconds(), Clock::Back);
                    reading.anomalies.extend(self.back.anomaly(found, now));
                }
                *seq = head.seq;
                if *time != head.time {
                    head.time.clone_into(time);
                }
            }
        }
    }

    fn read_event(&mut self, head: &Head<'_>, reading: &mut Reading) {
        let Some(rest) = head.event.strip_prefix("\"action\":\"") else {
            return;
        };
        let Some((action, _)) = rest.split_once('"') else {
            return;
        };
        if !matches!(
            action,
            "agent.heartbeat"
                | "agent.start"
                | "agent.stop"
                | "session.open"
                | "session.close"
                | "session.end"
                | "certificate.issued"
        ) {
            return;
        }
        let event: Value = serde_json::from_str(&format!("{{{}", head.event)).unwrap_or_default();
        // Everybody's sessions are journalled; those of contractors are by a window.
        let is_contractors = event.pointer("/identity/window").is_some();
        match action {
            "agent.start" => self.retires = false,
            "agent.stop" => {
                self.retires = event.pointer("/detail/retires") == Some(&Value::Bool(true));
            }
            "agent.heartbeat" => {
                self.retires = false;
                self.sessions = event
                    .pointer("/detail/sessions")
                    .and_then(Value::as_u64)
                    .unwrap_or_default();
            }
            "session.open" if is_contractors => self.sessions = self.sessions.saturating_add(1),
            "session.close" | "session.end" if is_contractors => {
                self.sessions = self.sessions.saturating_sub(1);
            }
            "certificate.issued" => {
                let text = |pointer| event.pointer(pointer).and_then(Value::as_str);
                let host = text("/resource/host").and_then(|host| host.parse().ok());
                let serial = event
                    .pointer("/identity/serial")
                    .map(|serial| match serial {
                        Value::String(serial) => serial.clone(),
                        other => other.to_string(),
                    });
                reading.issues.extend(host.map(|host| Issue {
                    host,
                    // A number of twenty digits at most; whatever else stands there has to fit into an alarm.
                    serial: serial.unwrap_or_default().chars().take(SERIAL).collect(),
                    seq: head.seq,
                }));
            }
            _ => {}
        }
    }

    /// Compares the last entry's time with ours: once, until the clock is right again.
    fn compare(&mut self, now: Now, reading: &mut Reading) {
        let Some((seq, time)) = &self.last else {
            return;
        };
        let Ok(time) = DateTime::parse_from_rfc3339(time) else {
            return;
        };
        let ahead = TimeDelta::microseconds(time.timestamp_micros().saturating_sub(now.micros()));
        if ahead <= AHEAD {
            self.is_ahead = false;
        } else if !std::mem::replace(&mut self.is_ahead, true) {
            let found = (*seq, ahead.num_seconds(), Clock::Ahead);
            reading.anomalies.extend(self.ahead.anomaly(found, now));
        }
    }
}

impl Told {
    /// What is to be told, unless one of the kind was a moment ago.
    fn anomaly(&mut self, (seq, seconds, kind): (u64, i64, Clock), now: Now) -> Option<Anomaly> {
        let now = now.micros();
        // A clock of ours that went back keeps nothing quiet.
        let is_quiet = |at: i64| (0..QUIET).contains(&now.saturating_sub(at));
        if self.at.is_some_and(is_quiet) {
            self.untold = self.untold.saturating_add(1);
            return None;
        }
        self.at = Some(now);
        Some(Anomaly {
            seq,
            seconds,
            kind,
            untold: std::mem::take(&mut self.untold),
        })
    }
}

/// How long after the first the second is.
fn between(first: &str, second: &str) -> Option<TimeDelta> {
    let read = |text| DateTime::parse_from_rfc3339(text).ok();
    Some(read(second)? - read(first)?)
}

#[cfg(test)]
mod tests;
