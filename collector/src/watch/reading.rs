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
}

/// A clock that cannot be right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Anomaly {
    /// The entry that shows it.
    pub(super) seq: u64,
    /// By so much.
    pub(super) seconds: i64,
    pub(super) kind: Clock,
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
            self.read_clock(&head, &mut reading);
            self.read_event(&head, &mut reading);
        }
        self.compare(now, &mut reading);
        reading
    }

    fn read_clock(&mut self, head: &Head<'_>, reading: &mut Reading) {
        match &mut self.last {
            None => self.last = Some((head.seq, head.time.to_owned())),
            Some((seq, time)) => {
                // Entries of one commit have one time, and most are later than the one before.
                if head.time < time.as_str()
                    && let Some(back) = between(head.time, time).filter(|back| *back >= STEP)
                {
                    reading.anomalies.push(Anomaly {
                        seq: head.seq,
                        seconds: back.num_seconds(),
                        kind: Clock::Back,
                    });
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
                    serial: serial.unwrap_or_default(),
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
            reading.anomalies.push(Anomaly {
                seq: *seq,
                seconds: ahead.num_seconds(),
                kind: Clock::Ahead,
            });
        }
    }
}

/// How long after the first the second is.
fn between(first: &str, second: &str) -> Option<TimeDelta> {
    let read = |text| DateTime::parse_from_rfc3339(text).ok();
    Some(read(second)? - read(first)?)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;

    fn line(seq: u64, time: &str, event: &str) -> String {
        let (boot, salt) = ("a".repeat(32), "b".repeat(32));
        format!(
            "{{\"seq\":{seq},\"time\":\"2026-11-23T{time}.000000Z\",\"boot\":\"{boot}\",\"mono\":1,\"salt\":\"{salt}\",{event}}}\n"
        )
    }

    /// 10:00 on that day.
    fn ten() -> Now {
        SystemTime::into(UNIX_EPOCH + Duration::from_secs(1_795_428_000))
    }

    fn heartbeat(seq: u64, time: &str) -> String {
        line(
            seq,
            time,
            "\"action\":\"agent.heartbeat\",\"detail\":{\"sessions\":2}",
        )
    }

    #[test]
    fn a_clock_that_is_set_back_is_told_with_its_entry_and_once() {
        let mut seen = Seen::default();
        let text = heartbeat(4, "09:00:00") + &heartbeat(5, "09:00:05") + &heartbeat(6, "08:00:05");
        let found = seen.read(text.as_bytes(), ten()).anomalies;
        let expected = Anomaly {
            seq: 6,
            seconds: 3600,
            kind: Clock::Back,
        };
        assert_eq!(found, [expected]);
        // The same lines again, and those behind them.
        let text = text + &heartbeat(7, "08:00:04") + &heartbeat(8, "08:00:10");
        assert_eq!(seen.read(text.as_bytes(), ten()).anomalies, []);
    }

    #[test]
    fn a_clock_that_is_ahead_is_told_until_it_is_right() {
        let mut seen = Seen::default();
        let mut read = |seq, time| {
            let text = heartbeat(seq, time);
            seen.read(text.as_bytes(), ten()).anomalies
        };
        assert_eq!(read(0, "10:04:00"), []);
        let ahead = Anomaly {
            seq: 1,
            seconds: 600,
            kind: Clock::Ahead,
        };
        assert_eq!(read(1, "10:10:00"), [ahead]);
        assert_eq!(read(2, "10:10:01"), []);
        let back = read(3, "10:00:00");
        assert_eq!(back.len(), 1, "{back:?}");
        assert_eq!(read(4, "10:10:00").len(), 1);
    }

    #[test]
    fn who_is_in_is_known_from_sessions_and_heartbeats() {
        let mut seen = Seen::default();
        let mut after = |seq, event: &str| {
            seen.read(line(seq, "09:00:00", event).as_bytes(), ten());
            seen.sessions
        };
        let of =
            |action: &str| format!("\"action\":\"{action}\",\"identity\":{{\"window\":\"w-1\"}}");
        assert_eq!(after(0, &of("session.open")), 1);
        assert_eq!(
            after(
                1,
                "\"action\":\"session.open\",\"identity\":{\"account\":\"root\"}"
            ),
            1
        );
        assert_eq!(after(2, &of("session.open")), 2);
        assert_eq!(after(3, &of("session.end")), 1);
        assert_eq!(after(4, &of("session.close")), 0);
        assert_eq!(after(5, &of("session.close")), 0);
        assert_eq!(
            after(
                6,
                "\"action\":\"agent.heartbeat\",\"detail\":{\"sessions\":3}"
            ),
            3
        );
        assert_eq!(
            after(
                7,
                "\"action\":\"agent.heartbeat\",\"detail\":{\"sessions\":\"x\"}"
            ),
            0
        );
    }

    #[test]
    fn certificates_are_known_by_host_and_entry() {
        let event = "\"action\":\"certificate.issued\",\"identity\":{\"serial\":\"77\"},\"resource\":{\"host\":\"db1\"}";
        let text = line(9, "09:00:00", event);
        let found = Seen::default().read(text.as_bytes(), ten()).issues;
        let expected = Issue {
            host: "db1".parse().unwrap(),
            serial: "77".to_owned(),
            seq: 9,
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn who_goes_for_good_says_so_until_it_is_back() {
        let mut seen = Seen::default();
        let mut after = |seq, event: &str| {
            seen.read(line(seq, "09:00:00", event).as_bytes(), ten());
            seen.retires
        };
        let stop = "\"action\":\"agent.stop\",\"outcome\":\"done\"";
        assert!(!after(0, stop));
        assert!(!after(
            1,
            &format!("{stop},\"detail\":{{\"retires\":\"yes\"}}")
        ));
        assert!(after(2, &format!("{stop},\"detail\":{{\"retires\":true}}")));
        assert!(after(
            3,
            "\"action\":\"journal.close\",\"detail\":{\"epoch\":1}"
        ));
        assert!(!after(4, "\"action\":\"agent.start\""));
    }
}
