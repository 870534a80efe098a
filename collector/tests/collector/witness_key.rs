//! The witness key is renewed: both keys cosign for a month, then the next one alone, whatever stops in between.

use std::process::Command;
use std::time::{Duration, SystemTime};

use daypass_collector::clock::Now;
use daypass_collector::orders::{self, Answer, Order};
use daypass_collector::witness::Witness;
use daypass_collector::witness::renewal::Renewal;
use daypass_journal::follow::SignedCheckpoint;
use daypass_journal::witness::Witness as Key;
use daypass_protocol::state::Collector as Named;
use daypass_protocol::witness_key::{Reason, Step};
use daypass_transport::client::Client;
use serde_json::json;

use crate::ca_door::CaDoor;
use crate::host::Host;
use crate::machine::{Machine, collector};
use crate::site::Site;
use crate::witness::{add, seals, size};

/// A collector whose CA can be told of its keys.
struct Scene {
    site: Site,
    door: CaDoor,
    ca: Client,
    renewal: Renewal,
    host: Host,
    held: u64,
}

fn later(days: u64) -> Now {
    (SystemTime::now() + Duration::from_secs(days * 86_400)).into()
}

impl Scene {
    fn new() -> Self {
        let site = Site::new();
        let door = CaDoor::open(&site.ca);
        let base = format!("https://localhost:{}", door.address.port());
        let scene = Self {
            ca: Client::new(&base, site.ca.root.certificate(), None).unwrap(),
            renewal: Renewal::new(&site.layout()),
            host: site.host("db1"),
            held: 0,
            door,
            site,
        };
        scene.names(&scene.key(), None);
        scene
    }

    /// The CA's state names these keys of the collector.
    fn names(&self, witness: &str, heir: Option<&str>) {
        let named = Named {
            url: "https://collector.test:7444".parse().unwrap(),
            witness: witness.to_owned(),
            heir: heir.map(str::to_owned),
        };
        let word = self.site.ca.word_naming(vec![named]);
        let authority = self.site.server().collector().authority();
        authority.follow(&word).unwrap();
    }

    fn key(&self) -> String {
        self.site.server().collector().witness_key()
    }

    fn once(&mut self, now: Now) {
        let collector = self.site.server().collector();
        self.renewal.once(collector, &self.ca, now);
    }

    fn restart(&mut self) {
        self.site.stop();
        self.site.start();
        self.renewal = Renewal::new(&self.site.layout());
    }

    fn order(&mut self, order: &Order) -> Answer {
        let path = orders::leave(&self.site.layout().orders(), order).unwrap();
        self.once(Now::read());
        let answer = orders::answer(&path, Duration::from_secs(9)).unwrap();
        answer.expect("an answer")
    }

    /// Begins a renewal that the CA is told of; the next key.
    fn begin(&mut self) -> String {
        match self.order(&Order::RenewWitnessKey) {
            Answer::WitnessKey { key, untold: None } => key,
            other => panic!("{other:?}"),
        }
    }

    /// What was told since the last look: the step and why.
    fn told(&self) -> Vec<(Step, Reason)> {
        let mut told = self.door.told.lock().unwrap();
        told.drain(..)
            .map(|said| (said.step, said.reason))
            .collect()
    }

    /// The lines of the cosignature that a host gets for one more entry, and whether each of these keys signed one.
    fn cosigned<const N: usize>(&mut self, keys: [&str; N]) -> (usize, [bool; N]) {
        self.host.write(&[json!({"action": "x"})]);
        let standing = self.host.forward(&self.site, self.held);
        self.held = standing["size"].as_u64().unwrap();
        let note = standing["cosignature"].as_str().unwrap();
        let (_, lines) = note.rsplit_once("\n\n").unwrap();
        let checkpoint = SignedCheckpoint::parse(note).unwrap();
        let signed = keys.map(|key| checkpoint.cosigned_by(&key.parse().unwrap()).is_some());
        (lines.lines().count(), signed)
    }
}

#[test]
fn while_the_witness_key_is_renewed_both_cosign_and_then_the_next_one_alone() {
    let mut scene = Scene::new();
    let old = scene.key();
    assert_eq!(scene.cosigned([&old]), (1, [true]));
    let heir = scene.begin();
    assert_ne!(heir, old);
    assert_eq!(heir.split('+').next(), old.split('+').next());
    assert_eq!(scene.told(), [(Step::Begins, Reason::Request)]);
    scene.names(&old, Some(&heir));
    for _ in 0..2 {
        assert_eq!(scene.cosigned([&old, &heir]), (2, [true, true]));
        let note = seals(&scene.host).pop().unwrap();
        let answer = add(&scene.site, &format!("old {}\n\n{note}", size(&note))).unwrap();
        assert_eq!(answer.lines().count(), 2, "{answer}");
        // Nothing more is to be told for a month, and no other renewal begins.
        scene.once(later(29));
        assert_eq!(scene.told(), []);
        let again = scene.order(&Order::RenewWitnessKey);
        assert!(
            matches!(&again, Answer::Failed { why } if why.contains("already")),
            "{again:?}"
        );
        scene.restart();
    }
    scene.once(later(31));
    assert_eq!(scene.told(), [(Step::Ends, Reason::Age)]);
    scene.names(&heir, None);
    for _ in 0..2 {
        assert_eq!(scene.key(), heir);
        assert_eq!(scene.cosigned([&old, &heir]), (1, [false, true]));
        scene.once(later(31));
        assert_eq!(scene.told(), []);
        scene.restart();
    }
    let journalled = scene.site.journalled("collector.witness-key");
    let steps: Vec<_> = journalled
        .iter()
        .map(|entry| entry["detail"]["step"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["begins", "ends"]);
    assert_eq!(journalled[1]["detail"]["heir"], heir.as_str());
}

#[test]
fn status_says_which_keys_cosign_while_one_is_renewed_since_when_and_until_when() {
    let mut scene = Scene::new();
    let config = scene.site.layout().root().join("collector.toml");
    std::fs::write(&config, scene.site.config_text()).unwrap();
    let status = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daypass-collector"));
        let output = command.args(["status", "--config"]).arg(&config).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let said = status();
    assert!(!said.contains("witness key"), "{said}");
    let (old, heir) = (scene.key(), scene.begin());
    let since = scene.site.server().collector().witness().named().unwrap();
    let since = since.said.time;
    let said = status();
    for words in [
        format!("witness key  {old}\n"),
        format!("{heir} cosigns as well since {since}"),
        format!("alone from {} on", since.plus(30 * 86_400)),
    ] {
        assert!(said.contains(&words), "{words} is missing in: {said}");
    }
    scene.names(&old, Some(&heir));
    let done = scene.order(&Order::FinishWitnessKey);
    assert!(matches!(done, Answer::WitnessKey { .. }), "{done:?}");
    let said = status();
    assert!(!said.contains("witness key"), "{said}");
}

#[test]
fn a_witness_key_is_renewed_by_itself_every_two_years() {
    let mut scene = Scene::new();
    scene.once(later(729));
    assert_eq!(scene.told(), []);
    scene.once(later(731));
    assert_eq!(scene.told(), [(Step::Begins, Reason::Age)]);
    let (old, keys) = (
        scene.key(),
        scene.site.server().collector().witness().vkeys(),
    );
    scene.names(&old, Some(&keys[1]));
    scene.restart();
    scene.once(later(760));
    assert_eq!(scene.told(), []);
    scene.once(later(762));
    assert_eq!(scene.told(), [(Step::Ends, Reason::Age)]);
    scene.names(&keys[1], None);
    scene.restart();
    scene.once(later(1460));
    assert_eq!(scene.told(), []);
    scene.once(later(1462));
    assert_eq!(scene.told(), [(Step::Begins, Reason::Age)]);
}

#[test]
fn root_ends_a_renewal_at_once() {
    let mut scene = Scene::new();
    let none = scene.order(&Order::FinishWitnessKey);
    assert!(
        matches!(&none, Answer::Failed { why } if why.contains("not being renewed")),
        "{none:?}"
    );
    let (old, heir) = (scene.key(), scene.begin());
    // The state that names both has not been heard yet.
    let done = scene.order(&Order::FinishWitnessKey);
    assert_eq!(
        done,
        Answer::WitnessKey {
            key: heir.clone(),
            untold: None
        }
    );
    let told = scene.told();
    assert_eq!(told.first(), Some(&(Step::Begins, Reason::Request)));
    assert_eq!(told.last(), Some(&(Step::Ends, Reason::Request)));
    assert_eq!(scene.key(), heir);
    assert_eq!(scene.cosigned([&old, &heir]), (1, [false, true]));
}

#[test]
fn a_next_key_that_was_never_named_is_dropped_at_the_start() {
    let mut scene = Scene::new();
    let old = scene.key();
    let next = scene.site.layout().witness_key().with_extension("key.next");
    Key::create(&next, "collector.test").unwrap();
    scene.restart();
    assert!(!next.exists());
    assert_eq!(scene.cosigned([&old]), (1, [true]));
    // Nor does one count that somebody else's key named, or that is left from an earlier time.
    let heir = scene.begin();
    Key::create(&next, "collector.test").unwrap();
    scene.restart();
    assert!(!next.exists());
    assert_eq!(scene.cosigned([&old, &heir]), (1, [true, false]));
}

#[test]
fn what_the_ca_did_not_take_is_told_again_after_a_restart() {
    let mut scene = Scene::new();
    let old = scene.key();
    scene.door.refuse(true);
    let answer = scene.order(&Order::RenewWitnessKey);
    let Answer::WitnessKey {
        key: heir,
        untold: Some(why),
    } = answer
    else {
        panic!("{answer:?}");
    };
    assert!(why.contains("not now"), "{why}");
    let finish = scene.order(&Order::FinishWitnessKey);
    assert!(matches!(finish, Answer::Failed { .. }), "{finish:?}");
    assert_eq!(scene.cosigned([&old, &heir]), (2, [true, true]));
    scene.restart();
    scene.door.refuse(false);
    scene.once(Now::read());
    assert_eq!(scene.told(), [(Step::Begins, Reason::Request)]);
    // At the end likewise: until the CA takes it, both go on.
    scene.names(&old, Some(&heir));
    scene.door.refuse(true);
    scene.once(later(31));
    assert_eq!(scene.cosigned([&old, &heir]), (2, [true, true]));
    scene.restart();
    scene.door.refuse(false);
    scene.once(later(31));
    assert_eq!(scene.told(), [(Step::Ends, Reason::Age)]);
    assert_eq!(scene.cosigned([&old, &heir]), (1, [false, true]));
}

#[test]
fn what_the_state_says_decides_where_answers_were_lost() {
    let mut scene = Scene::new();
    let (old, heir) = (scene.key(), scene.begin());
    assert_eq!(scene.told().len(), 1);
    // The CA took the end, and its answer did not arrive.
    scene.restart();
    scene.names(&heir, None);
    scene.once(Now::read());
    assert_eq!(scene.told(), []);
    assert_eq!(scene.cosigned([&old, &heir]), (1, [false, true]));
    // A CA that was restored from a backup has forgotten it, or all of it.
    scene.names(&old, Some(&heir));
    scene.once(Now::read());
    assert_eq!(scene.told(), [(Step::Ends, Reason::Request)]);
    scene.names(&old, None);
    scene.restart();
    scene.once(Now::read());
    assert_eq!(scene.told(), [(Step::Begins, Reason::Request)]);
    scene.names(&old, Some(&heir));
    scene.once(Now::read());
    assert_eq!(scene.told(), [(Step::Ends, Reason::Request)]);
}

#[test]
fn keys_of_another_time_than_the_cas_renew_nothing() {
    let mut scene = Scene::new();
    let old = scene.key();
    let dir = tempfile::tempdir().unwrap();
    let other = Witness::create(&dir.path().join("w"), "collector.test").unwrap();
    for (witness, heir, why) in [
        (&old, Some(other.vkey()), "of before a renewal"),
        (&other.vkey(), None, "names no collector"),
    ] {
        scene.names(witness, heir.as_deref());
        for order in [Order::RenewWitnessKey, Order::FinishWitnessKey] {
            let answer = scene.order(&order);
            assert!(matches!(&answer, Answer::Failed { .. }), "{answer:?}");
            if order == Order::RenewWitnessKey {
                assert!(format!("{answer:?}").contains(why), "{answer:?}");
            }
        }
        scene.once(later(731));
        assert_eq!(scene.told(), []);
        assert_eq!(scene.cosigned([&old]), (1, [true]));
    }
}

#[test]
fn a_hosts_journal_is_cosigned_all_the_way_through_a_renewal() {
    let mut scene = Scene::new();
    let old = scene.key();
    let port = scene.site.server().address().port();
    let machine = Machine::boot(
        &scene.site,
        scene.site.stranger("db2"),
        &[collector(port, &old)],
    );
    let cosigned = || {
        machine.write(3);
        machine.settle();
    };
    let follow = |named: Named| {
        let keys: Vec<String> = named.witnesses().map(str::to_owned).collect();
        machine.writer.declare_witnesses(&keys).unwrap();
        machine.forwarder().collectors(&[named]);
    };
    cosigned();
    let heir = scene.begin();
    // It has not heard of the next key yet; then it has; then it has not heard of the end.
    cosigned();
    follow(Named {
        heir: Some(heir.clone()),
        ..collector(port, &old)
    });
    cosigned();
    let done = scene.order(&Order::FinishWitnessKey);
    assert!(matches!(done, Answer::WitnessKey { .. }), "{done:?}");
    cosigned();
    follow(collector(port, &heir));
    cosigned();
    let told = machine.told();
    assert!(told.iter().all(|told| told == "connected"), "{told:?}");
    machine.shut_down();
}
