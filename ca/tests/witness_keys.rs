//! A collector renews its witness key: what the CA takes of that, what it names, and what it remembers.

mod house;

use daypass_ca::authority::CollectorError;
use daypass_ca::trust;
use daypass_journal::note::VerifierKey;
use daypass_journal::trust::Trust;
use daypass_journal::witness::{Witness, has_vouched};
use daypass_protocol::event::Identity;
use daypass_protocol::state::{Collector as Named, SignedState};
use daypass_protocol::version::Version;
use daypass_protocol::witness_key::{
    Reason, SignedWitnessSuccession, Step, WitnessKeys, WitnessSuccession,
};
use daypass_transport::client::Request;
use house::collector::{Collector, witness};
use house::{House, No, no, refused};

fn vkey(witness: &Witness) -> String {
    witness.vkey().to_string()
}

/// A collector, and the key that it cosigns with.
struct Scene {
    house: House,
    collector: Collector,
    key: Witness,
}

impl Scene {
    fn new() -> Self {
        let house = House::with(&[]);
        let key = witness("log");
        let collector = admitted(&house, "log", &key);
        Self {
            house,
            collector,
            key,
        }
    }

    fn said(&self, step: Step, before: &Witness, heir: &Witness) -> WitnessSuccession {
        WitnessSuccession {
            v: Version,
            ca: self.house.newborn.pin,
            url: "https://log:7444".parse().unwrap(),
            step,
            witness: vkey(before),
            heir: vkey(heir),
            reason: Reason::Request,
            time: self.house.now(),
        }
    }

    fn begins(&self, heir: &Witness) -> SignedWitnessSuccession {
        let said = self.said(Step::Begins, &self.key, heir);
        said.sign(|text| self.key.vouch(text))
    }

    fn ends(&self, heir: &Witness) -> SignedWitnessSuccession {
        let said = self.said(Step::Ends, &self.key, heir);
        said.sign(|text| heir.vouch(text))
    }

    fn tell(&self, signed: &SignedWitnessSuccession) -> Result<WitnessKeys, No> {
        told(&self.house, &self.collector, signed)
    }

    fn named(&self) -> Vec<Named> {
        let state: SignedState = self.house.get(&self.house.admin, "/v1/state").unwrap();
        state.read_unverified().unwrap().collectors
    }

    /// The witnesses that the CA's own journal declared last.
    fn declared(&self) -> Vec<String> {
        let epochs = self.house.told("journal.epoch");
        let mut lists = epochs
            .iter()
            .filter_map(|entry| entry["detail"]["witnesses"].as_array());
        let last = lists.next_back().expect("a declaration");
        last.iter()
            .map(|key| key.as_str().unwrap().to_owned())
            .collect()
    }

    /// The keys that the trust file has.
    fn trusted(&self) -> Vec<String> {
        let text = trust::trust(&self.house.layout()).unwrap();
        let trust = Trust::parse(&text).unwrap();
        trust.witnesses.iter().map(VerifierKey::to_string).collect()
    }
}

fn admitted(house: &House, name: &str, key: &Witness) -> Collector {
    let (request, tls) = house.request_with(name, key);
    Collector {
        certificate: house.admit(&request).unwrap().certificate,
        key: tls,
    }
}

fn told(
    house: &House,
    collector: &Collector,
    signed: &SignedWitnessSuccession,
) -> Result<WitnessKeys, No> {
    let body = serde_json::to_vec(signed).unwrap();
    let client = house.client_as(collector);
    refused(client.call(&Request::post("/v1/collectors/witness", &body)))
}

#[test]
fn the_state_names_both_keys_and_then_the_heir_alone() {
    let mut scene = Scene::new();
    let heir = witness("log");
    let (before, after) = (vkey(&scene.key), vkey(&heir));
    let state: SignedState = scene.house.get(&scene.house.admin, "/v1/state").unwrap();
    // Who renews nothing says nothing of it.
    assert!(!state.state.contains("heir"));
    let both = WitnessKeys {
        witness: before.clone(),
        heir: Some(after.clone()),
    };
    let begins = scene.begins(&heir);
    // An answer that was lost is asked for again, over a restart of the CA too.
    for _ in 0..2 {
        assert_eq!(scene.tell(&begins), Ok(both.clone()));
        let named = scene.named();
        let [named] = &named[..] else {
            panic!("one collector");
        };
        assert_eq!(named.witnesses().collect::<Vec<_>>(), [&before, &after]);
        assert_eq!(scene.trusted(), [before.clone(), after.clone()]);
        scene.house.crash();
        scene.house.start();
        assert_eq!(scene.declared(), [before.clone(), after.clone()]);
    }
    let alone = WitnessKeys {
        witness: after.clone(),
        heir: None,
    };
    let ends = scene.ends(&heir);
    for _ in 0..2 {
        assert_eq!(scene.tell(&ends), Ok(alone.clone()));
        assert_eq!(scene.named()[0].witnesses().collect::<Vec<_>>(), [&after]);
        // What the key before cosigned stays proven for ever.
        assert_eq!(scene.trusted(), [after.clone(), before.clone()]);
        scene.house.crash();
        scene.house.start();
        assert_eq!(scene.declared(), std::slice::from_ref(&after));
    }
    // Each step was journalled once, with what the keys signed.
    let told = scene.house.told("collector.witness-key");
    assert_eq!(told.len(), 2);
    for (entry, (step, signer)) in told.iter().zip([("begins", &before), ("ends", &after)]) {
        let detail = &entry["detail"];
        let text = |key: &str| detail[key].as_str().unwrap();
        assert_eq!((text("step"), text("reason")), (step, "request"));
        assert_eq!((text("witness"), text("heir")), (&before[..], &after[..]));
        let signer = signer.parse().unwrap();
        assert!(has_vouched(&signer, text("succession"), text("signature")));
    }
    assert!(scene.house.told("collector.refused").is_empty());
}

#[test]
fn what_another_key_signed_or_is_about_another_collector_is_refused() {
    let scene = Scene::new();
    let (heir, stranger, other) = (witness("log"), witness("log"), witness("log2"));
    let beside = admitted(&scene.house, "log2", &other);
    let begins = scene.said(Step::Begins, &scene.key, &heir);
    let by = |said: &WitnessSuccession, key: &Witness| said.clone().sign(|text| key.vouch(text));
    let changed = |change: &dyn Fn(&mut WitnessSuccession)| {
        let mut said = begins.clone();
        change(&mut said);
        by(&said, &scene.key)
    };
    let ends = scene.said(Step::Ends, &scene.key, &heir);
    let mut torn = scene.begins(&heir);
    torn.succession = torn.succession.replace("request", "age");
    let mut none = scene.begins(&heir);
    none.succession.push('x');
    for (signed, code) in [
        (by(&begins, &heir), "not-vouched"),
        (by(&begins, &stranger), "not-vouched"),
        (by(&begins, &other), "not-vouched"),
        (torn, "not-vouched"),
        (none, "succession-malformed"),
        // The heir's own word is wanted, and not before it was named.
        (by(&ends, &scene.key), "not-vouched"),
        (by(&ends, &heir), "other-witness"),
        (
            changed(&|said| said.url = "https://log2:7444".parse().unwrap()),
            "other-collector",
        ),
        (
            changed(&|said| {
                said.ca =
                    daypass_protocol::digest::Pin::from(daypass_protocol::digest::Digest::of("x"));
            }),
            "other-ca",
        ),
        (
            changed(&|said| said.heir = "none".to_owned()),
            "witness-key",
        ),
        (
            changed(&|said| said.heir = vkey(&witness("log3"))),
            "witness-name",
        ),
        (changed(&|said| said.heir = vkey(&scene.key)), "heir-taken"),
        // Signed by the key that it names, which is not ours.
        (
            by(&scene.said(Step::Begins, &stranger, &heir), &stranger),
            "other-witness",
        ),
    ] {
        assert_eq!(scene.tell(&signed), no(400, code), "{code}");
    }
    // Nor does it count when another collector brings it.
    let brought = told(&scene.house, &beside, &scene.begins(&heir));
    assert_eq!(brought, no(400, "other-collector"));
    assert!(scene.named().iter().all(|named| named.heir.is_none()));
    assert_eq!(scene.house.told("collector.refused").len(), 14);
    assert!(scene.house.told("collector.witness-key").is_empty());
}

#[test]
fn a_renewal_goes_one_step_after_the_other_and_nothing_is_replayed() {
    let mut scene = Scene::new();
    let (second, third) = (witness("log"), witness("log"));
    let (begins, ends) = (scene.begins(&second), scene.ends(&second));
    scene.tell(&begins).unwrap();
    let another = scene.begins(&third);
    assert_eq!(scene.tell(&another), no(400, "renewal-under-way"));
    scene.tell(&ends).unwrap();
    // By a key that is none any more; the end of it changes nothing.
    for old in [&begins, &another] {
        assert_eq!(scene.tell(old), no(400, "other-witness"));
    }
    let now = scene.tell(&ends).unwrap();
    assert_eq!(now.witness, vkey(&second));
    // Back to a key of before there is no way.
    let first = std::mem::replace(&mut scene.key, second);
    assert_eq!(scene.tell(&scene.begins(&first)), no(400, "heir-taken"));
    scene.tell(&scene.begins(&third)).unwrap();
    // That the renewal before is over, is past as well.
    assert_eq!(
        scene.tell(&ends).map(|now| now.heir),
        Ok(Some(vkey(&third)))
    );
    scene.tell(&scene.ends(&third)).unwrap();
    assert_eq!(scene.tell(&ends), no(400, "other-witness"));
    assert_eq!(scene.named()[0].witness, vkey(&third));
    assert_eq!(scene.house.told("collector.witness-key").len(), 4);
}

#[test]
fn a_key_that_another_collector_has_is_nobodys_heir() {
    let scene = Scene::new();
    // Two collectors that go by one name.
    let (other, heir) = (witness("log"), witness("log"));
    let beside = admitted(&scene.house, "log2", &other);
    assert_eq!(scene.tell(&scene.begins(&other)), no(400, "heir-taken"));
    scene.tell(&scene.begins(&heir)).unwrap();
    let said = WitnessSuccession {
        url: "https://log2:7444".parse().unwrap(),
        ..scene.said(Step::Begins, &other, &heir)
    };
    let signed = said.sign(|text| other.vouch(text));
    assert_eq!(told(&scene.house, &beside, &signed), no(400, "heir-taken"));
}

#[test]
fn a_collector_that_is_admitted_again_keeps_the_keys_that_are_named() {
    let scene = Scene::new();
    let heir = witness("log");
    scene.tell(&scene.begins(&heir)).unwrap();
    admitted(&scene.house, "log", &scene.key);
    let both = [vkey(&scene.key), vkey(&heir)];
    assert_eq!(scene.named()[0].witnesses().collect::<Vec<_>>(), both);
    // The one that asked is another machine now, by its certificate.
    let again = admitted(&scene.house, "log", &heir);
    told(&scene.house, &again, &scene.ends(&heir)).unwrap();
    // It has not heard that this is over, or was brought back from before.
    admitted(&scene.house, "log", &scene.key);
    assert_eq!(scene.named()[0].witness, vkey(&heir));
    let (request, _) = scene.house.request_with("log", &witness("log"));
    let stranger = scene.house.admit(&request).map_err(|error| *error);
    assert!(
        matches!(&stranger, Err(CollectorError::Refused(refusal)) if refusal.code() == "other-witness"),
        "{stranger:?}"
    );
}

#[test]
fn the_keys_of_a_removed_collector_stay_in_the_trust_file() {
    let scene = Scene::new();
    let heir = witness("log");
    scene.tell(&scene.begins(&heir)).unwrap();
    let authority = scene.house.authority();
    authority
        .remove_collector("https://log:7444", Identity::default())
        .unwrap();
    let mut both = [vkey(&scene.key), vkey(&heir)];
    both.sort();
    assert_eq!(scene.trusted(), both);
    assert!(scene.named().is_empty());
    // It comes back with the key that it had: named once more, and trusted once.
    admitted(&scene.house, "log", &scene.key);
    let mut trusted = scene.trusted();
    assert_eq!(trusted[0], vkey(&scene.key));
    trusted.sort();
    assert_eq!(trusted, both);
}
