//! Whoever reads a time reads it by their own clock and in UTC.

use daypass_protocol::api::{Rosters, WindowState, Windows};
use daypass_protocol::statement::Verb;
use daypass_protocol::time::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::approving::{view, window};
use crate::ca::{Answers, StandIn};
use crate::hosts;
use crate::scene::{Carol, json, refusal, rolls};

const ZONE: &str = "Europe/Amsterdam";

/// What both clocks show.
fn both(time: Time) -> [String; 2] {
    let instant = Timestamp::from_second(time.unix()).expect("a time");
    let zone = TimeZone::get(ZONE).expect("a zone");
    [
        instant
            .to_zoned(zone)
            .strftime("%Y-%m-%d %H:%M:%S C")
            .to_string(),
        instant.strftime("%H:%M:%SZ").to_string(),
    ]
}

#[test]
fn every_time_is_shown_by_the_readers_clock_and_in_utc() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let roster = rolls.verified();
    let asked = window(roster.newest().pin(), 100, &["ALL"]);
    let (starts, ends) = (asked.document().starts, asked.document().ends);
    let granted = view(
        &asked,
        WindowState::Open,
        &[carol.says(Verb::Grant, &asked)],
    );
    let chain = rolls.chain.clone();
    let answers: Answers = Box::new(move |request| match request.path.as_str() {
        "/v1/roster" => json(&Rosters {
            chain: chain.clone(),
        }),
        "/v1/hosts" => json(&hosts()),
        "/v1/windows" => json(&Windows {
            windows: vec![granted.clone()],
        }),
        _ => json(&granted),
    });
    let ca = StandIn::start(answers);
    carol.set_up(ca.port, ca.root.certificate(), &rolls);
    let id = asked.document().id.to_string();
    let enrolled = hosts().hosts[0].enrolled;
    for (words, times) in [
        (&["windows"][..], &[starts, ends][..]),
        // The statement has the window's beginning as its own time.
        (&["show", &id][..], &[starts, ends, starts][..]),
        (&["roster", "show"][..], &[roster.newest().time][..]),
        (&["host", "list"][..], &[enrolled][..]),
    ] {
        let (code, said) = carol.daypass_in(ZONE, words);
        assert_eq!(code, 0, "{said}");
        let local = |line: &str| line.matches(" CE").count();
        let utc = |line: &str| line.matches("Z)").count();
        let lines: Vec<_> = said.lines().filter(|line| utc(line) > 0).collect();
        let shown: usize = lines.iter().map(|line| utc(line)).sum();
        assert_eq!(shown, times.len(), "{words:?}: {said}");
        for line in &lines {
            assert_eq!(local(line), utc(line), "{words:?}: {line}");
        }
        for time in times {
            let [local, utc] = both(*time);
            let is_shown = lines
                .iter()
                .any(|line| line.contains(&local) && line.contains(&utc));
            assert!(is_shown, "{local} and {utc} in {words:?}: {said}");
        }
    }
}

#[test]
fn a_time_that_the_ca_tells_is_told_by_the_readers_clock_too() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let answers: Answers = Box::new(|_| {
        let message = "the window opens at 2026-11-23T10:00:00Z; come back then";
        refusal("window-not-open-yet", message.to_owned())
    });
    let ca = StandIn::start(answers);
    carol.set_up(ca.port, ca.root.certificate(), &rolls);
    let (code, said) = carol.daypass_in(ZONE, &["windows"]);
    assert_eq!(code, 1, "{said}");
    let both = "at 2026-11-23T10:00:00Z (Mon 2026-11-23 11:00:00 CET); come back";
    assert!(said.contains(both), "{said}");
}
