use daypass_protocol::event::Event;

use super::*;
use crate::authority::HostNames;
use crate::fixture::{Ca, NOW, intake};
use crate::state::Known;

#[test]
fn a_state_that_grows_old_is_journalled_once_and_so_is_the_first_word_after() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::under(folder.path());
    let ca = Ca::new();
    let known = Known::first(ca.pin, ca.rosters.clone(), ca.state(1)).unwrap();
    let names = HostNames::new("db1".parse().unwrap(), [], []);
    let (intake, entries) = intake();
    let mut keeper = Keeper::new(
        layout.clone(),
        intake.clone(),
        Arc::new(Authority::new(known.snapshot(names))),
        Arc::new(managed::Store::open(&layout.managed()).unwrap()),
        Arc::new(Presence::new(&layout)),
    );
    let signed = Time::from_unix(NOW).plus(60);
    for age in [0, ALARM_AGE, ALARM_AGE + 1, ALARM_AGE + 600, 5] {
        keeper.look_at_age(signed.plus(age));
    }
    intake.finish(&Event::new(Action::AgentStop).outcome(Outcome::Done));
    drop((intake, keeper));
    let told: Vec<String> = entries
        .iter()
        .take_while(|entry| entry["action"] != "agent.stop")
        .filter(|entry| entry["action"] == "state.old")
        .map(|entry| entry["outcome"].to_string())
        .collect();
    assert_eq!(told, ["\"failed\"", "\"done\""]);
}
