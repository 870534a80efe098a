//! What is read of clocks, sessions and certificates.

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
        untold: 0,
    };
    assert_eq!(found, [expected]);
    // The same lines again, and those behind them.
    let text = text + &heartbeat(7, "08:00:04") + &heartbeat(8, "08:00:10");
    assert_eq!(seen.read(text.as_bytes(), ten()).anomalies, []);
}

#[test]
fn a_clock_that_is_ahead_is_told_until_it_is_right() {
    let mut seen = Seen::default();
    let mut read = |seq, time, minutes: i64| {
        let text = heartbeat(seq, time);
        let now = Now::of_micros(ten().micros() + minutes * 60_000_000);
        seen.read(text.as_bytes(), now).anomalies
    };
    assert_eq!(read(0, "10:04:00", 0), []);
    let ahead = Anomaly {
        seq: 1,
        seconds: 600,
        kind: Clock::Ahead,
        untold: 0,
    };
    assert_eq!(read(1, "10:10:00", 0), [ahead]);
    assert_eq!(read(2, "10:10:01", 0), []);
    let back = read(3, "10:00:00", 0);
    assert_eq!(back.len(), 1, "{back:?}");
    assert_eq!(read(4, "10:11:00", 1).len(), 1);
}

#[test]
fn a_clock_that_jumps_at_every_entry_is_told_once_a_minute_and_counted() {
    let mut seen = Seen::default();
    let mut seq = 0;
    let mut read = |seconds: i64| {
        let mut text = String::new();
        for _ in 0..50 {
            text += &heartbeat(seq, "10:30:00");
            text += &heartbeat(seq + 1, "09:00:00");
            seq += 2;
        }
        text += &heartbeat(seq, "10:30:00");
        seq += 1;
        let now = Now::of_micros(ten().micros() + seconds * 1_000_000);
        let found = seen.read(text.as_bytes(), now).anomalies;
        found
            .iter()
            .map(|one| (one.kind, one.untold))
            .collect::<Vec<_>>()
    };
    assert_eq!(read(0), [(Clock::Back, 0), (Clock::Ahead, 0)]);
    assert_eq!(read(59), []);
    assert_eq!(read(61), [(Clock::Back, 99)]);
}

#[test]
fn who_is_in_is_known_from_sessions_and_heartbeats() {
    let mut seen = Seen::default();
    let mut after = |seq, event: &str| {
        seen.read(line(seq, "09:00:00", event).as_bytes(), ten());
        seen.sessions
    };
    let of = |action: &str| format!("\"action\":\"{action}\",\"identity\":{{\"window\":\"w-1\"}}");
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
fn a_serial_that_is_none_fits_into_an_alarm() {
    let serial = "7".repeat(50_000);
    let event = format!(
        "\"action\":\"certificate.issued\",\"identity\":{{\"serial\":\"{serial}\"}},\"resource\":{{\"host\":\"db1\"}}"
    );
    let text = line(9, "09:00:00", &event);
    let found = Seen::default().read(text.as_bytes(), ten()).issues;
    assert_eq!(found[0].serial, "7".repeat(32));
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
