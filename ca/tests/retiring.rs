//! Ephemeral hosts go for good, and no others.

mod house;

use daypass_protocol::api::{Hosts, Retired};
use daypass_protocol::enrolment::Record;
use daypass_protocol::krl::Krl;
use daypass_protocol::state::SignedState;
use daypass_transport::client::{ClientIdentity, Request};
use house::machine::{Machine, application_as};
use house::{House, No, no, refused};
use serde_json::Value;

fn retire(house: &House, machine: &Machine) -> Result<Retired, No> {
    let body = br#"{"entries":17}"#;
    refused(
        house
            .client_of(machine)
            .call(&Request::post("/v1/hosts/retire", body)),
    )
}

fn hosts(house: &House) -> Vec<String> {
    let hosts: Hosts = house.get(&house.admin, "/v1/hosts").unwrap();
    let names = hosts.hosts.iter().map(|host| host.name.to_string());
    names.collect()
}

#[test]
fn an_ephemeral_host_leaves_its_name_and_nothing_else_to_the_next() {
    let house = House::with(&[]);
    let token = house.group_token("web", 2);
    let (mut asked, key) = application_as(&token, "web1");
    asked.ephemeral = true;
    let enrolled = house.post_bare("/v1/hosts/enroll", &asked).unwrap();
    let machine = Machine { enrolled, key };
    let record: Record = serde_json::from_str(&machine.enrolled.enrolment.record).unwrap();
    assert!(record.ephemeral);
    assert_eq!(house.told("host.enrolled")[0]["detail"]["ephemeral"], true);

    assert_eq!(retire(&house, &machine).unwrap().host.as_str(), "web1");
    assert!(hosts(&house).is_empty());
    let told = house.told("host.retired");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["resource"]["host"], "web1");
    assert_eq!(told[0]["detail"]["entries"], 17);
    assert_eq!(told[0]["detail"]["origin"], record.origin);
    // Its certificates count no more: towards the CA at once, towards people by the list.
    let client = house.client(Some(ClientIdentity {
        certificate: &machine.enrolled.client_certificate,
        key: &machine.key,
    }));
    assert_eq!(
        refused(client.call::<SignedState>(&Request::get("/v1/state"))).map(drop),
        no(401, "certificate-unknown")
    );
    house.change_roster(|roster| roster.policy = roster.policy.clone());
    let krl = Krl::parse(&house.authority().announced().unwrap().krl).unwrap();
    assert_eq!(
        krl.keys,
        [*asked.host_keys[0].fingerprint().as_bytes()].into()
    );
    house.enroll_as(&token, "web1").unwrap();
}

#[test]
fn who_was_not_enrolled_to_go_stays_and_its_attempt_is_told() {
    let house = House::with(&[]);
    let machine = house.host("db1");
    assert_eq!(retire(&house, &machine).map(drop), no(403, "not-ephemeral"));
    assert_eq!(hosts(&house), ["db1"]);
    let told: Vec<Value> = house.told("host.refused");
    assert_eq!(told[0]["code"], "not-ephemeral");
    assert!(house.told("host.retired").is_empty());
}
