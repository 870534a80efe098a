//! One contractor, one window, one host, over the API.

#[path = "../../protocol/tests/protocol/schema/checker.rs"]
mod checker;
mod house;

use daypass_protocol::api::{CertificateWish, Issued, WindowState, Windows};
use daypass_protocol::certificate::{self, Profile};
use daypass_protocol::place::Place;
use daypass_protocol::roster::Role;
use daypass_protocol::state::SignedState;
use daypass_protocol::statement::Verb;
use daypass_protocol::stop::Stop;
use daypass_protocol::time::Time;
use daypass_transport::client::Request;
use house::{House, Someone, no, refused};
use std::process::Command;

fn certificate_wish(who: &Someone, host: &str, account: &str) -> CertificateWish {
    CertificateWish {
        host: host.parse().unwrap(),
        account: account.parse().unwrap(),
        key: who.public(),
        window: None,
    }
}

fn login(house: &House, who: &Someone, host: &str) -> Result<Issued, (u16, String)> {
    house.post(
        who,
        "/v1/certificates",
        &certificate_wish(who, host, "deploy"),
    )
}

#[test]
fn a_window_is_requested_approved_and_used_and_every_step_is_in_the_journal() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    let machine = house.host("db1");
    let window = house.request(&cody, &house.wish("@db-prod"));
    assert_eq!(
        login(&house, &cody, "db1").map(|_| ()),
        no(403, "not-approved")
    );
    let view = house.say(&bob, Verb::Approve, &window).unwrap();
    assert_eq!(view.state, WindowState::Open);
    let issued = login(&house, &cody, "db1.example.org").unwrap();
    assert_eq!(issued.host.as_str(), "db1");
    assert_eq!(issued.window, window.document().id);
    assert_eq!(issued.valid_before, window.document().ends);

    // A host judges it as hosts do.
    let certificate = certificate::parse(&issued.certificate).unwrap();
    let state: SignedState = house
        .client_of(&machine)
        .call(&Request::get("/v1/state"))
        .unwrap();
    let known = machine.enrolled.state.read_unverified().unwrap();
    let state = state.check(house.newborn.pin, &known.state_key).unwrap();
    let profile = Profile::check(&certificate, &state.state().user_ca, house.now()).unwrap();
    let roll = house.authority().roll();
    let places = [Place::new("db1".parse().unwrap(), [], [])];
    let approved = profile
        .approve(roll.newest().unwrap(), &places, house.now())
        .unwrap();
    assert_eq!(approved.opener(), &cody.name);
    assert!(approved.approvers().contains(&bob.name));
    assert_eq!(profile.state(), state.state().number);

    let actions: Vec<String> = house
        .entries()
        .iter()
        .filter_map(|entry| entry["action"].as_str().map(str::to_owned))
        .filter(|action| !action.starts_with("journal."))
        .collect();
    assert_eq!(
        actions,
        [
            "roster.signed",
            "roster.signed",
            "host.token",
            "host.enrolled",
            "window.requested",
            "certificate.refused",
            "window.approved",
            "certificate.issued",
        ]
    );
    assert!(checker::check_journal(&house.journal()) > actions.len());
    let blobs = std::fs::read_dir(house.journal().join("blobs")).unwrap();
    assert_eq!(blobs.count(), 2, "each roster is kept beside its entry");
    let entry = &house.told("certificate.issued")[0];
    assert_eq!(
        entry["identity"]["serial"],
        certificate.serial().to_string()
    );
    assert_eq!(entry["identity"]["person"], "cody");
    assert_eq!(entry["resource"]["account"], "deploy");
}

#[test]
fn ssh_keygen_reads_the_certificate() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let mut wish = house.wish("db1");
    wish.contractor = Some(cody.name.clone());
    wish.sources = Some(vec!["192.0.2.0/24".parse().unwrap()]);
    wish.force_command = Some("/usr/bin/uptime".parse().unwrap());
    let window = house.draft(&bob, &wish).unwrap();
    house.submit(&bob, Verb::Grant, &window).unwrap();
    let issued = login(&house, &cody, "db1").unwrap();
    let path = house.directory.path().join("id-cert.pub");
    std::fs::write(&path, format!("{}\n", issued.certificate)).unwrap();
    let listing = Command::new("ssh-keygen")
        .arg("-Lf")
        .arg(&path)
        .output()
        .unwrap();
    assert!(listing.status.success());
    let listing = String::from_utf8(listing.stdout).unwrap();
    let serial = certificate::parse(&issued.certificate).unwrap().serial();
    let id = window.document().id;
    for line in [
        "ssh-ed25519-cert-v01@openssh.com user certificate".to_owned(),
        format!("Key ID: \"daypass/{id}/cody\""),
        format!("Serial: {serial}"),
        format!("Principals: \n                {id}\n"),
        "source-address 192.0.2.0/24".to_owned(),
        "force-command /usr/bin/uptime".to_owned(),
        "permit-pty".to_owned(),
        "window@daypass UNKNOWN OPTION".to_owned(),
        "state@daypass UNKNOWN OPTION".to_owned(),
    ] {
        assert!(
            listing.contains(&line),
            "{line:?} is missing from\n{listing}"
        );
    }
    assert!(!listing.contains("user-rc"));
}

#[test]
fn ssh_keygen_verifies_the_approval() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    let view = house.say(&bob, Verb::Approve, &window).unwrap();
    let approval = &view.statements[1];
    let file = |name: &str, text: &str| {
        let path = house.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let signature = file("approval.sig", &approval.signature.to_string());
    let signers = file("allowed_signers", &format!("bob {}\n", bob.public()));
    let statement = file("approval.json", &approval.statement);
    let judged = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-I", "bob", "-n", "daypass-approve@v1"])
        .arg("-f")
        .arg(signers)
        .arg("-s")
        .arg(signature)
        .stdin(std::fs::File::open(statement).unwrap())
        .output()
        .unwrap();
    assert!(judged.status.success());
}

#[test]
fn a_revoked_window_gives_no_certificate_and_hosts_learn_of_it_at_once() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    let machine = house.host("db1");
    let client = house.client_of(&machine);
    let window = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    login(&house, &cody, "db1").unwrap();
    let before: SignedState = client.call(&Request::get("/v1/state")).unwrap();
    assert_eq!(
        house.say(&bob, Verb::Revoke, &window).unwrap().state,
        WindowState::Revoked
    );
    let after: SignedState = client.call(&Request::get("/v1/state")).unwrap();
    let (before, after) = (
        before.read_unverified().unwrap(),
        after.read_unverified().unwrap(),
    );
    assert_eq!(after.number, before.number + 1);
    let chain =
        daypass_protocol::roster::Chain::verify(house.newborn.pin, &house.chain().chain).unwrap();
    assert!(
        Stop::check(&after.revocations[0], &chain)
            .unwrap()
            .stops(&window)
    );
    assert_eq!(
        login(&house, &cody, "db1").map(|_| ()),
        no(403, "window-revoked")
    );
}

#[test]
fn a_contractor_ends_their_own_window() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    assert_eq!(
        house.say(&cody, Verb::End, &window).unwrap().state,
        WindowState::Ended
    );
    assert_eq!(
        login(&house, &cody, "db1").map(|_| ()),
        no(403, "window-ended")
    );
    // One that waits is told of first, whichever of them ends later.
    for hours in [1, 12] {
        let mut wish = house.wish("db1");
        wish.ends = wish.starts.plus(hours * 3600);
        house.request(&cody, &wish);
        assert_eq!(
            login(&house, &cody, "db1").map(|_| ()),
            no(403, "not-approved")
        );
    }
}

#[test]
fn what_a_removed_approver_approved_gives_no_certificate() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    house.change_roster(|roster| roster.people.retain(|person| person.name != bob.name));
    assert_eq!(
        login(&house, &cody, "db1").map(|_| ()),
        no(403, "not-approved")
    );
}

#[test]
fn a_certificate_is_given_from_a_minute_before_the_start_until_the_end() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let mut wish = house.wish("db1");
    wish.starts = house.now().plus(300);
    let window = house.request(&cody, &wish);
    let view = house.say(&bob, Verb::Approve, &window).unwrap();
    assert_eq!(view.state, WindowState::Approved);
    assert_eq!(
        login(&house, &cody, "db1").map(|_| ()),
        no(403, "window-not-open-yet")
    );
    house.pass(250);
    let early = certificate::parse(&login(&house, &cody, "db1").unwrap().certificate).unwrap();
    assert_eq!(
        early.valid_after(),
        window.document().starts.minus(60).unix_unsigned()
    );
    house.pass(360);
    assert_eq!(
        login(&house, &cody, "db1").map(|_| ()),
        no(403, "no-window")
    );
    let mut named = certificate_wish(&cody, "db1", "deploy");
    named.window = Some(window.document().id);
    let answer = house.post::<Issued>(&cody, "/v1/certificates", &named);
    assert_eq!(answer.map(|_| ()), no(403, "window-ended"));
}

#[test]
fn a_certificate_is_dated_back_as_far_as_the_settings_say() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let mut house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    for skew in [0, 60, 300] {
        house.crash();
        house.skew = skew;
        house.start();
        // Whatever window came before has ended by then.
        let mut wish = house.wish("db1");
        (wish.starts, wish.ends) = (house.now().plus(900), house.now().plus(1000));
        let window = house.request(&cody, &wish);
        house.say(&bob, Verb::Approve, &window).unwrap();
        let earliest = window.document().starts.minus(skew);
        house.pass(earliest.since(house.now()) - 30);
        let early = login(&house, &cody, "db1").map(|_| ());
        assert_eq!(early, no(403, "window-not-open-yet"), "{skew}");
        house.pass(60);
        let before = house.now();
        let issued = login(&house, &cody, "db1").unwrap();
        let issued = certificate::parse(&issued.certificate).unwrap();
        let dated = |now: Time| now.minus(skew).max(earliest).unix_unsigned();
        let dated = dated(before)..=dated(house.now());
        assert!(dated.contains(&issued.valid_after()), "{skew}: {dated:?}");
        // Hosts take it.
        let trusted = house.authority().keys().public().user_ca.clone();
        Profile::check(&issued, &trusted, house.now()).unwrap();
    }
}

#[test]
fn wrong_host_wrong_account_and_foreign_key_get_no_certificate() {
    let (cody, bob, eve) = (
        Someone::new("cody"),
        Someone::new("bob"),
        Someone::new("eve"),
    );
    let house = House::with(&[
        (&cody, &[Role::Contractor]),
        (&eve, &[Role::Contractor]),
        (&bob, &[Role::Approver]),
    ]);
    house.host("db1");
    house.host("db2");
    let window = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    assert_eq!(
        login(&house, &cody, "db2").map(|_| ()),
        no(403, "no-window")
    );
    assert_eq!(
        login(&house, &cody, "db9").map(|_| ()),
        no(404, "unknown-host")
    );
    assert_eq!(login(&house, &eve, "db1").map(|_| ()), no(403, "no-window"));
    let ask = |wish: &CertificateWish| {
        house
            .post::<Issued>(&cody, "/v1/certificates", wish)
            .map(|_| ())
    };
    assert_eq!(
        ask(&certificate_wish(&cody, "db1", "root")),
        no(403, "no-window")
    );
    assert_eq!(
        ask(&certificate_wish(&eve, "db1", "deploy")),
        no(403, "keys-revoked")
    );
}

#[test]
fn contractors_see_their_own_windows_and_approvers_see_all() {
    let (cody, eve, bob) = (
        Someone::new("cody"),
        Someone::new("eve"),
        Someone::new("bob"),
    );
    let house = House::with(&[
        (&cody, &[Role::Contractor]),
        (&eve, &[Role::Contractor]),
        (&bob, &[Role::Approver]),
    ]);
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    let count = |who: &Someone, path: &str| house.get::<Windows>(who, path).unwrap().windows.len();
    assert_eq!(count(&cody, "/v1/windows"), 1);
    assert_eq!(count(&eve, "/v1/windows"), 0);
    assert_eq!(count(&bob, "/v1/windows?state=requested"), 1);
    assert_eq!(count(&bob, "/v1/windows?state=open"), 0);
    let path = format!("/v1/windows/{}", window.document().id);
    assert_eq!(
        house.get::<serde_json::Value>(&eve, &path).map(|_| ()),
        no(404, "no-such-window")
    );
    assert_eq!(
        house.say(&eve, Verb::End, &window).map(|_| ()),
        no(404, "no-such-window")
    );
}

#[test]
fn a_host_whose_certificate_is_not_the_enrolled_one_is_nobody() {
    let house = House::with(&[]);
    let machine = house.host("db1");
    let token = house.token("db2", &[]);
    let (application, key) = house::machine::application(&token);
    // A certificate of the right root that was never given out by enrolment.
    let stray = house
        .authority()
        .x509()
        .issue_host(&application.csr, "db1", house.now().into())
        .unwrap();
    let stray = house::machine::Machine {
        enrolled: daypass_protocol::api::Enrolled {
            client_certificate: stray,
            ..machine.enrolled.clone()
        },
        key,
    };
    let answer = refused(
        house
            .client_of(&stray)
            .call::<SignedState>(&Request::get("/v1/state")),
    );
    assert_eq!(answer.map(|_| ()), no(401, "certificate-unknown"));
}

#[test]
fn a_renewed_client_certificate_replaces_the_old_one_at_its_first_use() {
    let house = House::with(&[]);
    let machine = house.host("db1");
    let state = |machine: &house::machine::Machine| {
        refused(
            house
                .client_of(machine)
                .call::<SignedState>(&Request::get("/v1/state")),
        )
        .map(|_| ())
    };
    let host = Someone::new("host");
    let (asked, key) = house::machine::renewal(house.newborn.pin, "db1", &host);
    let renewed = house.renew_by(&machine, &asked).unwrap();
    assert_eq!(state(&machine), Ok(()));
    let newer = house::machine::Machine {
        enrolled: daypass_protocol::api::Enrolled {
            client_certificate: renewed.client_certificate,
            ..machine.enrolled.clone()
        },
        key,
    };
    assert_eq!(state(&newer), Ok(()));
    assert_eq!(state(&machine), no(401, "certificate-unknown"));
    assert_eq!(state(&newer), Ok(()));
}
