//! Collectors: admitted by root, told of in the state, known by their certificate, and gone when removed.

mod house;

use daypass_ca::authority::CollectorError;
use daypass_protocol::api::Rosters;
use daypass_protocol::collector::{Renewal, Renewed, Request as Asking};
use daypass_protocol::enrolment::{CA_HOST, ca_origin};
use daypass_protocol::event::Identity;
use daypass_protocol::state::{SignedState, State};
use daypass_transport::client::Request;
use daypass_transport::request::SigningRequest;
use house::collector::Collector;
use house::{House, No, no, refused};

fn state(house: &House) -> State {
    let signed: SignedState = house.get(&house.admin, "/v1/state").unwrap();
    signed.read_unverified().unwrap()
}

fn asks(house: &House, collector: &Collector) -> Result<(), No> {
    let client = house.client_as(collector);
    refused(client.call::<SignedState>(&Request::get("/v1/state")))?;
    refused(client.call::<Rosters>(&Request::get("/v1/roster"))).map(|_| ())
}

#[test]
fn an_admitted_collector_is_in_the_state_and_is_answered() {
    let house = House::with(&[]);
    let before = state(&house);
    assert!(before.collectors.is_empty());
    let (request, key) = house.collector_request("log");
    let admission = house.admit(&request).unwrap();
    assert_eq!(admission.root, house.root());
    let after = state(&house);
    assert!(after.number > before.number);
    assert_eq!(after.collectors.len(), 1);
    assert_eq!(after.collectors[0].url, request.url);
    assert_eq!(after.collectors[0].witness, request.witness);
    let collector = Collector {
        certificate: admission.certificate,
        key,
    };
    assert_eq!(asks(&house, &collector), Ok(()));
    let told = house.told("collector.added");
    assert_eq!(told[0]["detail"]["url"], "https://log:7444");
    assert_eq!(told[0]["identity"]["uid"], 0);
}

#[test]
fn a_collector_is_admitted_before_roster_1_is_signed_and_waits() {
    let house = House::unsigned();
    let collector = house.collector("log");
    assert_eq!(asks(&house, &collector), no(503, "roster-unsigned"));
    assert_eq!(house.told("collector.added").len(), 1);
}

#[test]
fn a_collector_survives_a_restart_of_the_ca() {
    let mut house = House::with(&[]);
    let collector = house.collector("log");
    let number = state(&house).number;
    house.crash();
    house.start();
    assert_eq!(asks(&house, &collector), Ok(()));
    assert_eq!(state(&house).number, number);
}

#[test]
fn a_removed_collector_is_nobody() {
    let house = House::with(&[]);
    let collector = house.collector("log");
    let authority = house.authority();
    let unknown = authority.remove_collector("https://other:7444", Identity::default());
    assert!(
        matches!(unknown, Err(CollectorError::Refused(refusal)) if refusal.code() == "unknown-collector")
    );
    authority
        .remove_collector("https://log:7444", Identity::default())
        .unwrap();
    assert!(state(&house).collectors.is_empty());
    assert_eq!(asks(&house, &collector), no(401, "certificate-unknown"));
    assert_eq!(house.told("collector.removed").len(), 1);
}

#[test]
fn a_renewed_certificate_replaces_the_old_one_at_its_first_use() {
    let house = House::with(&[]);
    let collector = house.collector("log");
    let SigningRequest { key, csr } = SigningRequest::create("x").unwrap();
    let body = serde_json::to_vec(&Renewal { csr }).unwrap();
    let renewed: Renewed = house
        .client_as(&collector)
        .call(&Request::post("/v1/collectors/renew", &body))
        .unwrap();
    assert_eq!(asks(&house, &collector), Ok(()));
    let newer = Collector {
        certificate: renewed.certificate,
        key,
    };
    assert_eq!(asks(&house, &newer), Ok(()));
    assert_eq!(asks(&house, &collector), no(401, "certificate-unknown"));
    assert_eq!(house.told("collector.added")[1]["detail"]["renewed"], true);
}

#[test]
fn the_same_collector_again_gets_a_new_certificate_and_the_old_one_ends() {
    let house = House::with(&[]);
    let (request, key) = house.collector_request("log");
    let admit = || Collector {
        certificate: house.admit(&request).unwrap().certificate,
        key: key.clone(),
    };
    let (first, second) = (admit(), admit());
    assert_eq!(asks(&house, &second), Ok(()));
    assert_eq!(asks(&house, &first), no(401, "certificate-unknown"));
    assert_eq!(state(&house).collectors.len(), 1);
}

#[test]
fn what_cannot_be_a_collector_is_refused_and_journalled() {
    let house = House::with(&[]);
    let (request, _) = house.collector_request("log");
    house.admit(&request).unwrap();
    let (other, _) = house.collector_request("log");
    let (elsewhere, _) = house.collector_request("log2");
    let changed = |change: &dyn Fn(&mut Asking)| {
        let mut changed = elsewhere.clone();
        change(&mut changed);
        changed
    };
    let log_key = house.authority().own_record().record.clone();
    let log_key: serde_json::Value = serde_json::from_str(&log_key).unwrap();
    let log_key = log_key["log_key"].as_str().unwrap();
    for (request, code) in [
        (other, "other-witness"),
        (
            changed(&|asked| asked.witness = request.witness.clone()),
            "witness-taken",
        ),
        (
            changed(&|asked| asked.witness = log_key.to_owned()),
            "witness-key",
        ),
        (
            changed(&|asked| asked.witness = "none".to_owned()),
            "witness-key",
        ),
        (changed(&|asked| asked.names.clear()), "names"),
        (
            changed(&|asked| asked.names = vec!["n".to_owned(); 17]),
            "names",
        ),
        (
            changed(&|asked| asked.names = vec!["n".to_owned()]),
            "address-not-named",
        ),
        (
            changed(&|asked| asked.csr = "none".to_owned()),
            "csr-invalid",
        ),
        (
            changed(&|asked| {
                asked.ca =
                    daypass_protocol::digest::Pin::from(daypass_protocol::digest::Digest::of("x"));
            }),
            "other-ca",
        ),
    ] {
        match house.admit(&request).map_err(|error| *error) {
            Err(CollectorError::Refused(refusal)) => assert_eq!(refusal.code(), code),
            other => panic!("{code}: {other:?}"),
        }
    }
    assert_eq!(state(&house).collectors.len(), 1);
    assert_eq!(house.told("collector.refused").len(), 9);
}

#[test]
fn there_is_room_for_eight() {
    let house = House::with(&[]);
    for number in 1..=8 {
        house.collector(&format!("log{number}"));
    }
    let (ninth, _) = house.collector_request("log9");
    assert!(
        matches!(house.admit(&ninth).map_err(|error| *error), Err(CollectorError::Refused(refusal)) if refusal.code() == "too-many-collectors")
    );
}

#[test]
fn the_cas_own_journal_has_a_record_that_stays_the_same() {
    let mut house = House::with(&[]);
    let record = house.authority().own_record().clone();
    let verified = record
        .check(house.newborn.pin, &state(&house).state_key)
        .unwrap();
    let said = verified.record();
    assert_eq!(said.host.as_str(), CA_HOST);
    assert_eq!(said.origin, ca_origin(house.newborn.pin, said.incarnation));
    house.pass(3600);
    house.crash();
    house.start();
    assert_eq!(*house.authority().own_record(), record);
}
