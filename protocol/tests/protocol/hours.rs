//! Schedules in a place's own time.

use crate::company::time;
use daypass_protocol::hours::Hours;
use daypass_protocol::time::Time;
use proptest::prelude::*;

fn hours(zone: &str, ranges: &[(&str, &str, &str)]) -> Hours {
    let ranges: Vec<_> = ranges
        .iter()
        .map(|(days, from, to)| {
            let days: Vec<_> = days.split(' ').collect();
            serde_json::json!({ "days": days, "from": from, "to": to })
        })
        .collect();
    serde_json::from_value(serde_json::json!({ "zone": zone, "ranges": ranges, "outside": "deny" }))
        .unwrap()
}

fn inside(hours: &Hours, at: &str) -> bool {
    hours.contains(time(at)).unwrap()
}

fn until(hours: &Hours, at: &str) -> String {
    let limit = time("2030-01-01T00:00:00Z");
    hours
        .open_until(time(at), limit)
        .unwrap()
        .map_or_else(|| "closed".to_owned(), |end| end.to_string())
}

#[test]
fn office_hours_are_the_places_own() {
    let office = hours(
        "Europe/Amsterdam",
        &[("mon tue wed thu fri", "09:00", "17:00")],
    );
    assert!(!inside(&office, "2026-11-23T07:59:59Z"));
    assert!(inside(&office, "2026-11-23T08:00:00Z"));
    assert!(inside(&office, "2026-11-23T15:59:59Z"));
    assert!(!inside(&office, "2026-11-23T16:00:00Z"));
    assert!(inside(&office, "2026-07-06T07:00:00Z"));
    assert!(!inside(&office, "2026-11-22T10:00:00Z"));
    assert_eq!(
        until(&office, "2026-11-23T08:00:00Z"),
        "2026-11-23T16:00:00Z"
    );
    assert_eq!(until(&office, "2026-11-23T16:00:00Z"), "closed");
}

#[test]
fn a_night_shift_runs_over_midnight() {
    let night = hours("Europe/Amsterdam", &[("mon", "22:00", "06:00")]);
    assert!(!inside(&night, "2026-11-23T02:00:00Z"));
    assert!(inside(&night, "2026-11-23T21:00:00Z"));
    assert!(inside(&night, "2026-11-24T04:59:59Z"));
    assert!(!inside(&night, "2026-11-24T05:00:00Z"));
    assert!(!inside(&night, "2026-11-24T21:00:00Z"));
    assert_eq!(
        until(&night, "2026-11-23T21:00:00Z"),
        "2026-11-24T05:00:00Z"
    );
}

#[test]
fn midnight_is_the_end_of_one_day_and_the_beginning_of_the_next() {
    let evening = hours("UTC", &[("mon", "18:00", "24:00")]);
    assert!(inside(&evening, "2026-11-23T23:59:59Z"));
    assert!(!inside(&evening, "2026-11-24T00:00:00Z"));
    let through = hours(
        "UTC",
        &[("mon", "18:00", "24:00"), ("tue", "00:00", "02:00")],
    );
    assert_eq!(
        until(&through, "2026-11-23T18:00:00Z"),
        "2026-11-24T02:00:00Z"
    );
    let whole = hours("UTC", &[("mon", "08:00", "08:00")]);
    assert_eq!(
        until(&whole, "2026-11-23T08:00:00Z"),
        "2026-11-24T08:00:00Z"
    );
    assert!(!inside(&whole, "2026-11-24T08:00:00Z"));
}

#[test]
fn always_is_open_until_the_limit() {
    let always = hours(
        "Europe/Amsterdam",
        &[("mon tue wed thu fri sat sun", "00:00", "24:00")],
    );
    assert_eq!(
        until(&always, "2026-11-23T00:00:00Z"),
        "2030-01-01T00:00:00Z"
    );
}

#[test]
fn when_clocks_go_forward_the_hour_left_out_is_left_out() {
    // Amsterdam, 2026-03-29: 02:00 becomes 03:00 at 01:00 UTC.
    let early = hours("Europe/Amsterdam", &[("sun", "02:30", "04:00")]);
    assert!(!inside(&early, "2026-03-29T00:59:59Z"));
    assert!(inside(&early, "2026-03-29T01:00:00Z"));
    assert_eq!(
        until(&early, "2026-03-29T01:00:00Z"),
        "2026-03-29T02:00:00Z"
    );
    let gone = hours("Europe/Amsterdam", &[("sun", "02:00", "03:00")]);
    assert!(!inside(&gone, "2026-03-29T01:00:00Z"));
    let into = hours("Europe/Amsterdam", &[("sun", "01:00", "02:30")]);
    assert_eq!(until(&into, "2026-03-29T00:30:00Z"), "2026-03-29T01:00:00Z");
}

#[test]
fn when_clocks_go_back_the_hour_shown_twice_counts_twice() {
    // Amsterdam, 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC.
    let twice = hours("Europe/Amsterdam", &[("sun", "02:00", "02:30")]);
    assert!(inside(&twice, "2026-10-25T00:00:00Z"));
    assert_eq!(
        until(&twice, "2026-10-25T00:00:00Z"),
        "2026-10-25T00:30:00Z"
    );
    assert!(!inside(&twice, "2026-10-25T00:30:00Z"));
    assert!(inside(&twice, "2026-10-25T01:00:00Z"));
    assert_eq!(
        until(&twice, "2026-10-25T01:00:00Z"),
        "2026-10-25T01:30:00Z"
    );
    let over = hours("Europe/Amsterdam", &[("sat", "22:00", "06:00")]);
    assert_eq!(until(&over, "2026-10-24T20:00:00Z"), "2026-10-25T05:00:00Z");
}

#[test]
fn a_zone_that_skips_a_whole_day_skips_its_ranges() {
    // Apia left out Friday, 30 December 2011.
    let friday = hours("Pacific/Apia", &[("fri", "00:00", "24:00")]);
    assert!(!inside(&friday, "2011-12-30T09:59:59Z"));
    assert!(!inside(&friday, "2011-12-30T10:00:00Z"));
}

#[test]
fn an_unknown_zone_is_an_error_and_never_open() {
    let nowhere = hours("Europe/Atlantis", &[("mon", "00:00", "24:00")]);
    assert!(nowhere.contains(time("2026-11-23T10:00:00Z")).is_err());
    assert!(
        nowhere
            .open_until(time("2026-11-23T10:00:00Z"), time("2026-11-24T10:00:00Z"))
            .is_err()
    );
}

#[test]
fn schedules_that_make_no_sense_are_refused() {
    let parse = |text: &str| serde_json::from_str::<Hours>(text).is_ok();
    let with = |zone: &str, ranges: &str| {
        parse(&format!(
            r#"{{"zone":"{zone}","ranges":{ranges},"outside":"deny"}}"#
        ))
    };
    let range = r#"[{"days":["mon"],"from":"09:00","to":"17:00"}]"#;
    assert!(with("UTC", range));
    for zone in [
        "",
        "/etc/passwd",
        "../UTC",
        "Europe/../UTC",
        "Europe//Amsterdam",
        "UTC\0",
        "Europe/",
    ] {
        assert!(!with(zone, range), "{zone:?}");
    }
    for ranges in [
        "[]",
        r#"[{"days":[],"from":"09:00","to":"17:00"}]"#,
        r#"[{"days":["mon","mon"],"from":"09:00","to":"17:00"}]"#,
        r#"[{"days":["Mon"],"from":"09:00","to":"17:00"}]"#,
        r#"[{"days":["mon"],"from":"24:00","to":"17:00"}]"#,
        r#"[{"days":["mon"],"from":"9:00","to":"17:00"}]"#,
        r#"[{"days":["mon"],"from":"09:60","to":"17:00"}]"#,
        r#"[{"days":["mon"],"from":"09:00","to":"24:01"}]"#,
        r#"[{"days":["mon"],"from":"09:00","to":"17:00","x":1}]"#,
    ] {
        assert!(!with("UTC", ranges), "{ranges}");
    }
    assert!(!parse(&format!(
        r#"{{"zone":"UTC","ranges":{range},"outside":"allow"}}"#
    )));
}

/// The obvious model: ask about each minute.
fn model_open_until(hours: &Hours, from: Time, limit: Time) -> Option<Time> {
    let minute = |at: Time| hours.contains(at).unwrap();
    minute(from).then(|| {
        let mut at = from;
        while at < limit && minute(at) {
            at = at.plus(60);
        }
        at.min(limit)
    })
}

fn clock() -> impl Strategy<Value = String> {
    (0..24u32, 0..4u32).prop_map(|(hour, quarter)| format!("{hour:02}:{:02}", quarter * 15))
}

fn ranges() -> impl Strategy<Value = Vec<(String, String, String)>> {
    let days =
        proptest::sample::subsequence(vec!["mon", "tue", "wed", "thu", "fri", "sat", "sun"], 1..=7);
    let range = (
        days,
        clock(),
        prop_oneof![9 => clock(), 1 => Just("24:00".to_owned())],
    );
    proptest::collection::vec(
        range.prop_map(|(days, from, to)| (days.join(" "), from, to)),
        1..4,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_end_of_the_hours_is_where_asking_each_minute_finds_it(
        zone in proptest::sample::select(vec!["UTC", "Europe/Amsterdam", "America/St_Johns", "Australia/Lord_Howe"]),
        ranges in ranges(),
        // Around both changes of 2026 in Amsterdam and Lord Howe.
        day in proptest::sample::select(vec!["2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-03-08"]),
        minutes in 0u64..2880,
    ) {
        let ranges: Vec<_> = ranges.iter().map(|(days, from, to)| (days.as_str(), from.as_str(), to.as_str())).collect();
        let hours = hours(zone, &ranges);
        let from = time(&format!("{day}T00:00:00Z")).plus(60 * minutes);
        let limit = from.plus(36 * 3600);
        prop_assert_eq!(hours.open_until(from, limit).unwrap(), model_open_until(&hours, from, limit));
    }
}
