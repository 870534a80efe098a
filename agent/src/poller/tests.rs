use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use daypass_protocol::digest::Digest;
use daypass_protocol::event::{Action, Event, Outcome};
use serde_json::Value;

use super::*;
use crate::fixture::{Ca, NOW, STATE, USER_CA, intake};

/// A CA that can be out of reach.
struct Wire {
    answers: Mutex<Receiver<Option<SignedState>>>,
    rosters: Vec<SignedRoster>,
}

impl Source for Wire {
    fn state(&self) -> Result<SignedState, client::Error> {
        let answer = self.answers.lock().unwrap().recv().unwrap();
        answer.ok_or_else(|| client::Error::Status {
            status: 502,
            path: "/v1/state".to_owned(),
        })
    }

    fn state_after(&self, _: u64) -> Result<SignedState, client::Error> {
        self.state()
    }

    fn krl(&self) -> Result<Vec<u8>, client::Error> {
        let list = daypass_protocol::krl::Krl {
            number: u64::MAX,
            ..Default::default()
        };
        Ok(list.to_bytes())
    }

    fn rosters(&self) -> Result<Vec<SignedRoster>, client::Error> {
        Ok(self.rosters.clone())
    }
}

/// An hour after the first state.
fn clock() -> OwnClock {
    OwnClock {
        now: Time::from_unix(NOW + 3600),
        tolerance: 300,
    }
}

struct Bench {
    poller: Poller,
    answers: Sender<Option<SignedState>>,
    entries: Receiver<Value>,
    _folder: tempfile::TempDir,
}

fn bench(ca: &Ca, first: u64) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::under(folder.path());
    durable::directory(&layout.state(), 0o700).unwrap();
    let known = Known::first(ca.pin, ca.rosters[..1].to_vec(), ca.state(first)).unwrap();
    known.store(&layout.state()).unwrap();
    let names = HostNames::new("db1".parse().unwrap(), [], []);
    let (answers, asked) = channel();
    let (intake, entries) = intake();
    let poller = Poller {
        line: Line::new(Wire {
            answers: Mutex::new(asked),
            rosters: ca.rosters.clone(),
        }),
        authority: Arc::new(Authority::new(known.snapshot(names.clone()))),
        known,
        names,
        layout,
        intake,
        renewal: None,
        forwarding: None,
        elsewhere: None,
        failing: None,
        is_stranger: false,
        failing_elsewhere: None,
        listed: None,
        clock: Box::new(clock),
    };
    Bench {
        poller,
        answers,
        entries,
        _folder: folder,
    }
}

impl Bench {
    fn turn(&mut self, answer: Option<SignedState>) {
        self.answers.send(answer).unwrap();
        self.poller.turn();
    }

    /// Everything journalled so far.
    fn entries(self) -> Vec<Value> {
        self.poller
            .intake
            .finish(&Event::new(Action::AgentStop).outcome(Outcome::Done));
        drop(self.poller);
        self.entries
            .iter()
            .take_while(|entry| entry["action"] != "agent.stop")
            .collect()
    }

    /// Everything journalled so far, as `outcome code`.
    fn journalled(self) -> Vec<String> {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.entries()
            .iter()
            .map(|entry| format!("{} {}", word(&entry["outcome"]), word(&entry["code"])))
            .collect()
    }
}

#[test]
fn a_newer_state_is_published_kept_and_its_keys_put_before_sshd() {
    let ca = Ca::new();
    let mut bench = bench(&ca, 1);
    bench.turn(Some(ca.state(2)));
    assert_eq!(bench.poller.authority.snapshot().state.number, 2);
    let kept = Known::load(&bench.poller.layout.state(), ca.pin).unwrap();
    assert_eq!(kept.number(), 2);
    assert!(bench.poller.layout.user_ca().exists());
    assert!(bench.journalled().is_empty());
}

#[test]
fn the_state_of_a_ca_that_says_nothing_new_stays_fresh() {
    let ca = Ca::new();
    let mut bench = bench(&ca, 1);
    let later = bench.poller.known.state().time.plus(60);
    bench.turn(Some(ca.state_at(1, later)));
    assert_eq!(bench.poller.authority.snapshot().state.time, later);
    let kept = Known::load(&bench.poller.layout.state(), ca.pin).unwrap();
    assert_eq!(kept.state().time, later);
    assert!(bench.journalled().is_empty());
}

#[test]
fn a_fork_of_the_roster_is_an_alarm_and_the_roster_known_first_stands() {
    let mut ca = Ca::new();
    let mut bench = bench(&ca, 1);
    let held = bench.poller.known.state().roster.hash;
    ca.template.roster.hash = Digest::of("another roster 1");
    bench.turn(Some(ca.state(2)));
    // Once, however often the CA repeats it.
    bench.turn(Some(ca.state(3)));
    assert_eq!(bench.poller.authority.snapshot().state.number, 1);
    let told = bench.entries();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["action"], "alarm.roster-fork");
    assert_eq!(told[0]["detail"]["roster"], 1);
    assert_eq!(told[0]["detail"]["held"], held.to_string());
    assert_eq!(
        told[0]["detail"]["offered"],
        Digest::of("another roster 1").to_string()
    );
}

#[test]
fn a_new_roster_and_a_stop_are_journalled() {
    let mut ca = Ca::new();
    ca.next_roster();
    let mut bench = bench_before_roster_two(&ca);
    ca.template.revocations = vec![ca.revocation(Digest::of("a window"))];
    bench.turn(Some(ca.state(2)));
    assert_eq!(bench.poller.authority.snapshot().roster().number, 2);
    assert_eq!(bench.poller.authority.snapshot().stops.len(), 1);
    assert_eq!(bench.journalled(), ["done "]);
}

#[test]
fn a_roster_by_the_recovery_key_is_taken_over_and_is_an_alarm() {
    let mut ca = Ca::new();
    ca.next_roster_by_recovery();
    let mut bench = bench_before_roster_two(&ca);
    bench.turn(Some(ca.state(2)));
    bench.turn(Some(ca.state(3)));
    assert_eq!(bench.poller.authority.snapshot().roster().number, 2);
    let told = bench.entries();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1]["action"], "alarm.recovery-key");
    assert_eq!(told[1]["detail"]["roster"], 2);
}

/// Whoever stole the CA has all of its keys, and none of the admins'.
#[test]
fn a_roster_of_the_cas_own_making_is_refused_and_journalled_and_what_is_known_stands() {
    for own in [STATE, USER_CA] {
        let mut ca = Ca::new();
        ca.next_roster_by(own);
        let mut bench = bench_before_roster_two(&ca);
        bench.turn(Some(ca.state(2)));
        let snapshot = bench.poller.authority.snapshot();
        assert_eq!((snapshot.state.number, snapshot.roster().number), (1, 1));
        let kept = Known::load(&bench.poller.layout.state(), ca.pin).unwrap();
        assert_eq!(kept.number(), 1);
        let told = bench.entries();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0]["action"], "state.taken");
        assert_eq!(told[0]["outcome"], "failed");
        assert_eq!(told[0]["code"], "state-refused");
    }
}

fn bench_before_roster_two(ca: &Ca) -> Bench {
    let before = Ca::new();
    let mut bench = bench(&before, 1);
    let (answers, asked) = channel();
    bench.poller.line.replace(Wire {
        answers: Mutex::new(asked),
        rosters: ca.rosters.clone(),
    });
    bench.answers = answers;
    bench
}

#[test]
fn an_outage_is_journalled_once_and_so_is_its_end() {
    let ca = Ca::new();
    let mut bench = bench(&ca, 1);
    bench.turn(None);
    bench.turn(None);
    bench.turn(Some(ca.state(2)));
    bench.turn(Some(ca.state(3)));
    assert_eq!(bench.journalled(), ["failed ca-refused", "done "]);
}

#[test]
fn a_state_from_the_past_is_journalled_and_changes_nothing() {
    let ca = Ca::new();
    let mut bench = bench(&ca, 5);
    bench.turn(Some(ca.state(4)));
    assert_eq!(bench.poller.authority.snapshot().state.number, 5);
    assert_eq!(bench.journalled(), ["failed state-refused"]);
}

#[test]
fn a_state_that_was_signed_afresh_is_young_again_though_it_says_nothing_new() {
    let ca = Ca::new();
    let mut bench = bench(&ca, 1);
    let mut afresh = ca.state(1).read_unverified().unwrap();
    afresh.time = afresh.time.plus(3600);
    let signed = afresh
        .sign(daypass_protocol::sshsig::with_key(
            &crate::fixture::private(STATE),
        ))
        .unwrap();
    bench.turn(Some(signed));
    assert_eq!(bench.poller.authority.snapshot().state.time, afresh.time);
    assert!(bench.journalled().is_empty());
}

/// A collector that has this state, and these rosters.
struct Shelf {
    state: SignedState,
    rosters: Vec<SignedRoster>,
}

impl Elsewhere for Shelf {
    fn sources(&self, _: &[daypass_protocol::state::Collector]) -> Vec<(CaUrl, Box<dyn Source>)> {
        let (answers, asked) = channel();
        answers.send(Some(self.state.clone())).unwrap();
        let wire = Wire {
            answers: Mutex::new(asked),
            rosters: self.rosters.clone(),
        };
        let url = "https://collector.example:7444".parse().unwrap();
        vec![(url, Box::new(wire))]
    }
}

#[test]
fn while_the_ca_is_away_the_state_comes_from_a_collector_with_its_rosters() {
    let mut ca = Ca::new();
    let mut bench = bench(&ca, 1);
    ca.next_roster();
    ca.template.revocations = vec![ca.revocation(Digest::of("a window"))];
    bench.poller.elsewhere = Some(Box::new(Shelf {
        state: ca.state(2),
        rosters: ca.rosters.clone(),
    }));
    bench.turn(None);
    bench.turn(None);
    let snapshot = bench.poller.authority.snapshot();
    assert_eq!((snapshot.state.number, snapshot.stops.len()), (2, 1));
    assert_eq!(snapshot.roster().number, 2);
    // How old it is nobody knows, so it tells nothing of the clock.
    let now = SystemTime::now().into();
    assert!(bench.poller.authority.clock().offset(now).is_none());
    let kept = Known::load(&bench.poller.layout.state(), ca.pin).unwrap();
    assert_eq!(kept.number(), 2);
    let told = bench.entries();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0]["outcome"], "failed");
    assert_eq!(told[1]["action"], "state.taken");
    assert_eq!(told[1]["detail"]["via"], "https://collector.example:7444");
}

#[test]
fn a_collector_is_believed_nothing_that_the_ca_did_not_sign_and_nothing_older() {
    let ca = Ca::new();
    let mut bench = bench(&ca, 5);
    let mut forged = ca.state(9);
    forged.signature = ca.state(8).signature;
    for state in [ca.state(4), forged.clone(), forged] {
        bench.poller.elsewhere = Some(Box::new(Shelf {
            state,
            rosters: ca.rosters.clone(),
        }));
        bench.turn(None);
        assert_eq!(bench.poller.authority.snapshot().state.number, 5);
    }
    // That the CA is away, and once that a collector shows what does not hold.
    let told = bench.entries();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1]["code"], "state-refused");
}

#[test]
fn a_state_that_is_dated_ahead_is_refused_whoever_brings_it_and_its_stops_count() {
    let mut ca = Ca::new();
    let mut bench = bench(&ca, 1);
    ca.template.revocations = vec![ca.revocation(Digest::of("a window"))];
    let ahead = ca.state_at(2, clock().now.plus(3600));
    bench.poller.elsewhere = Some(Box::new(Shelf {
        state: ahead.clone(),
        rosters: ca.rosters.clone(),
    }));
    bench.turn(None);
    let snapshot = bench.poller.authority.snapshot();
    assert_eq!((snapshot.state.number, snapshot.stops.len()), (1, 1));
    // A collector's word says nothing of the clocks, the CA's does: until it is put right nobody is let in.
    let offset = |bench: &Bench| {
        let now = SystemTime::from(clock().now).into();
        bench.poller.authority.clock().offset(now)
    };
    assert!(offset(&bench).is_none());
    bench.turn(Some(ahead));
    assert_eq!(bench.poller.authority.snapshot().state.number, 1);
    assert!(offset(&bench).is_some_and(|by| by.num_seconds().abs() > 3000));
    let kept = Known::load(&bench.poller.layout.state(), ca.pin).unwrap();
    let names = bench.poller.names.clone();
    assert_eq!(kept.snapshot(names).stops.len(), 1);
    // That the CA is away; the stop and the refusal of what the collector has; the refusal of the CA's.
    assert_eq!(
        bench.journalled(),
        [
            "failed ca-refused",
            "done ",
            "failed state-ahead",
            "failed state-ahead"
        ]
    );
}
