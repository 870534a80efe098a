use chrono::TimeDelta;
use daypass_protocol::event::Event;
use serde_json::Value;

use super::*;
use crate::authority::HostNames;
use crate::fixture::{Ca, NOW, intake};
use crate::state::Known;

/// A keeper that manages nobody, and what it journals.
struct Host {
    keeper: Keeper,
    intake: Intake,
    entries: Receiver<Value>,
    _folder: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        let ca = Ca::new();
        let known = Known::first(ca.pin, ca.rosters.clone(), ca.state(1)).unwrap();
        let names = HostNames::new("db1".parse().unwrap(), [], []);
        let (intake, entries) = intake();
        let keeper = Keeper::new(
            layout.clone(),
            intake.clone(),
            Arc::new(Authority::new(known.snapshot(names))),
            Arc::new(managed::Store::open(&layout.managed()).unwrap()),
            Arc::new(Presence::new(&layout)),
        );
        Self {
            keeper,
            intake,
            entries,
            _folder: folder,
        }
    }

    /// Closes the journal: its entries of this action.
    fn told(self, action: &str) -> Vec<Value> {
        self.intake
            .finish(&Event::new(Action::AgentStop).outcome(Outcome::Done));
        let all = self.entries.iter();
        all.take_while(|entry| entry["action"] != "agent.stop")
            .filter(|entry| entry["action"] == action)
            .collect()
    }
}

#[test]
fn a_state_that_grows_old_is_journalled_once_and_so_is_the_first_word_after() {
    let mut host = Host::new();
    let signed = Time::from_unix(NOW).plus(60);
    for age in [0, ALARM_AGE, ALARM_AGE + 1, ALARM_AGE + 600, 5] {
        host.keeper.look_at_age(signed.plus(age));
    }
    let told = host.told("state.old");
    let told: Vec<_> = told.iter().map(|entry| &entry["outcome"]).collect();
    assert_eq!(told, ["failed", "done"]);
}

#[test]
fn a_clock_that_was_set_is_journalled_once() {
    let mut host = Host::new();
    host.keeper.steps = StepWatch::after(TimeDelta::hours(-1));
    host.keeper.round();
    host.keeper.round();
    let told = host.told("clock.step");
    let [step] = &told[..] else {
        panic!("{told:?}")
    };
    let seconds = step["detail"]["seconds"].as_i64().unwrap();
    assert!((-3601..=-3599).contains(&seconds), "{step}");
}
