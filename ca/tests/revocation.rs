//! Taking access away from a person, a key, a certificate, a host: at the CA, in the state, in sshd's list.

mod house;

use daypass_protocol::api::{CertificateWish, Issued, Revoked};
use daypass_protocol::certificate;
use daypass_protocol::krl::Krl;
use daypass_protocol::name::HostName;
use daypass_protocol::revocation::{Revocation, SignedRevocation, Subject};
use daypass_protocol::roster::Role;
use daypass_protocol::sshsig;
use daypass_protocol::state::SignedState;
use daypass_protocol::statement::Verb;
use daypass_protocol::window::FrozenWindow;
use daypass_transport::client::Request;
use house::{House, No, Someone, no};

struct Scene {
    house: House,
    cody: Someone,
    bob: Someone,
    window: FrozenWindow,
}

/// Cody is let in to db1 by Bob.
fn scene() -> Scene {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    Scene {
        house,
        cody,
        bob,
        window,
    }
}

impl Scene {
    fn login(&self, who: &Someone) -> Result<Issued, No> {
        let wish = CertificateWish {
            host: "db1".parse().unwrap(),
            account: "deploy".parse().unwrap(),
            key: who.public(),
            window: None,
        };
        self.house.post(who, "/v1/certificates", &wish)
    }

    fn signed(&self, who: &Someone, subject: &Subject) -> SignedRevocation {
        let now = self.house.now();
        Revocation::of(
            subject,
            self.house.newborn.pin,
            who.name.clone(),
            now,
            now.plus(86_400),
        )
        .sign(sshsig::with_key(&who.key))
        .unwrap()
    }

    fn revoke(&self, who: &Someone, subject: &Subject) -> Result<Revoked, No> {
        self.house
            .post(who, "/v1/revocations", &self.signed(who, subject))
    }

    fn krl(&self) -> Krl {
        Krl::parse(&self.house.authority().announced().unwrap().krl).unwrap()
    }

    fn key_id(&self) -> String {
        let document = self.window.document();
        format!("daypass/{}/{}", document.id, document.contractor)
    }
}

#[test]
fn a_revoked_person_gets_no_certificate_until_a_window_is_made_after_it() {
    let scene = scene();
    let (house, cody) = (&scene.house, &scene.cody);
    scene.login(cody).unwrap();
    let before = house.authority().announced().unwrap().number;
    let told = scene
        .revoke(&scene.bob, &Subject::Person(cody.name.clone()))
        .unwrap();
    assert!(told.state > before);
    assert_eq!(scene.login(cody).map(|_| ()), no(403, "revoked"));
    assert_eq!(house.told("access.revoked").len(), 1);
    let krl = scene.krl();
    assert_eq!(krl.number, told.state);
    assert!(krl.key_ids.contains(&scene.key_id()));
    // They are back: what is approved from now on is not meant.
    house.pass(61 + 60);
    let window = house.request(cody, &house.wish("db1"));
    house.say(&scene.bob, Verb::Approve, &window).unwrap();
    assert_eq!(scene.login(cody).unwrap().window, window.document().id);
    assert_eq!(scene.krl().key_ids.len(), 1);
}

#[test]
fn offboarding_ends_everything_and_hosts_still_believe_it_when_the_person_is_gone_from_the_roster()
{
    let scene = scene();
    let (house, cody) = (&scene.house, &scene.cody);
    let admin = house.admin.clone();
    scene
        .revoke(&admin, &Subject::Person(cody.name.clone()))
        .unwrap();
    house.change_roster(|roster| roster.people.retain(|person| person.name != cody.name));
    assert_eq!(scene.login(cody).map(|_| ()), no(401, "person-unknown"));
    let state: SignedState = house.get(&admin, "/v1/state").unwrap();
    let state = state.read_unverified().unwrap();
    let roll = house.authority().roll();
    let revocation = state.revoked[0].check(roll.chain().unwrap()).unwrap();
    assert!(revocation.covers_window(scene.window.document()));
    assert!(scene.krl().key_ids.contains(&scene.key_id()));
}

#[test]
fn a_revoked_key_signs_nothing_and_gets_nothing_whoever_shows_it() {
    let scene = scene();
    let cody = &scene.cody;
    let subject = Subject::Key(cody.public().fingerprint());
    // A lost laptop is reported by whoever lost it, with what they have left.
    scene.revoke(cody, &subject).unwrap();
    assert_eq!(scene.login(cody).map(|_| ()), no(401, "key-revoked"));
    let keys = scene.krl().keys;
    assert!(keys.contains(cody.public().fingerprint().as_bytes()));
}

#[test]
fn what_a_revoked_key_approved_admits_nobody_until_somebody_approves_anew() {
    let (cody, bob, ann) = (
        Someone::new("cody"),
        Someone::new("bob"),
        Someone::new("ann"),
    );
    let house = House::with(&[
        (&cody, &[Role::Contractor]),
        (&bob, &[Role::Approver]),
        (&ann, &[Role::Approver]),
    ]);
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    let scene = Scene {
        house,
        cody,
        bob,
        window,
    };
    scene.login(&scene.cody).unwrap();
    let lost = scene.bob.public();
    scene
        .revoke(&scene.bob, &Subject::Key(lost.fingerprint()))
        .unwrap();
    let refused = no(403, "statement-key-revoked");
    assert_eq!(scene.login(&scene.cody).map(|_| ()), refused);
    // With the key out of the roster what it signed is left out, and another approval counts.
    scene.house.change_roster(|roster| {
        let bob = roster.people.iter_mut().find(|it| it.keys.contains(&lost));
        bob.unwrap().keys = vec![Someone::new("robert").public()];
    });
    scene.house.say(&ann, Verb::Approve, &scene.window).unwrap();
    scene.login(&scene.cody).unwrap();
}

#[test]
fn a_revoked_certificate_is_on_the_list_and_the_next_one_is_not() {
    let scene = scene();
    let serial = |issued: &Issued| certificate::parse(&issued.certificate).unwrap().serial();
    let first = serial(&scene.login(&scene.cody).unwrap());
    scene.revoke(&scene.bob, &Subject::Serial(first)).unwrap();
    let next = serial(&scene.login(&scene.cody).unwrap());
    let serials = scene.krl().serials;
    assert!(serials.contains(&first) && !serials.contains(&next));
}

#[test]
fn a_revoked_host_hears_of_it_and_gets_nothing_more_nor_does_anybody_for_it() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    let machine = house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    let scene = Scene {
        house,
        cody,
        bob,
        window,
    };
    let host: HostName = "db1".parse().unwrap();
    scene.revoke(&scene.bob, &Subject::Host(host)).unwrap();
    assert_eq!(scene.login(&scene.cody).map(|_| ()), no(403, "revoked"));
    let client = scene.house.client_of(&machine);
    let state: SignedState = client.call(&Request::get("/v1/state")).unwrap();
    assert_eq!(state.read_unverified().unwrap().revoked.len(), 1);
    let list = client.fetch(&Request::get("/v1/krl")).unwrap();
    assert_eq!(Krl::parse(&list).unwrap().keys.len(), 1);
    let renewed = scene.house.renew(&machine, "db1", &Someone::new("host"));
    assert_eq!(renewed.map(drop), no(403, "host-revoked"));
}

#[test]
fn an_ended_window_is_on_the_list_until_it_would_have_ended() {
    let scene = scene();
    assert!(scene.krl().key_ids.is_empty());
    scene
        .house
        .say(&scene.cody, Verb::End, &scene.window)
        .unwrap();
    assert_eq!(scene.krl().key_ids, [scene.key_id()].into());
    scene.house.pass(601);
    scene.house.authority().announce().unwrap();
    assert!(scene.krl().key_ids.is_empty());
}

#[test]
fn what_may_not_be_said_is_refused_journalled_and_changes_nothing() {
    let scene = scene();
    let (cody, bob) = (&scene.cody, &scene.bob);
    let person = |name: &str| Subject::Person(name.parse().unwrap());
    let own_key = Subject::Key(cody.public().fingerprint());
    assert_eq!(scene.revoke(cody, &person("bob")), no(403, "not-concerned"));
    assert_eq!(
        scene.revoke(bob, &person("nobody")),
        no(404, "unknown-person")
    );
    assert_eq!(
        scene.revoke(bob, &Subject::Serial(7)),
        no(404, "unknown-serial")
    );
    assert_eq!(
        scene.revoke(bob, &Subject::Host("db1.example.org".parse().unwrap())),
        no(404, "unknown-host")
    );
    // Bob's word, brought by Cody.
    let foreign = scene.signed(bob, &person("cody"));
    assert_eq!(
        scene
            .house
            .post::<Revoked>(cody, "/v1/revocations", &foreign),
        no(403, "foreign-statement")
    );
    let mut changed = scene.signed(bob, &person("cody"));
    changed.revocation = changed.revocation.replace("cody", "cora");
    assert_eq!(
        scene
            .house
            .post::<Revoked>(bob, "/v1/revocations", &changed),
        no(403, "signature-invalid")
    );
    assert_eq!(scene.house.told("statement.refused").len(), 6);
    assert_eq!(scene.house.told("access.revoked").len(), 0);
    scene.login(cody).unwrap();
    // And the same word twice is one.
    let said = scene.signed(bob, &own_key);
    let post = || {
        scene
            .house
            .post::<Revoked>(bob, "/v1/revocations", &said)
            .map(|_| ())
    };
    assert_eq!(post(), Ok(()));
    assert_eq!(post(), no(409, "revocation-known"));
}

#[test]
fn a_revocation_and_its_list_are_there_again_after_a_crash() {
    let Scene {
        mut house,
        cody,
        bob,
        window,
    } = scene();
    let scene = |house| Scene {
        house,
        cody: cody.clone(),
        bob: bob.clone(),
        window: window.clone(),
    };
    let before = scene(house);
    before
        .revoke(&bob, &Subject::Person(cody.name.clone()))
        .unwrap();
    let list = before.krl();
    house = before.house;
    house.crash();
    house.start();
    let after = scene(house);
    assert_eq!(after.login(&cody).map(|_| ()), no(403, "revoked"));
    assert_eq!(after.krl().key_ids, list.key_ids);
    assert_eq!(after.krl().number, list.number);
}

#[test]
fn a_revoked_key_signs_no_roster_and_its_uses_are_told_once_a_minute() {
    let scene = scene();
    let house = &scene.house;
    let other = Someone::new("alan");
    house.change_roster(|roster| roster.people.push(other.entry(&[Role::Admin])));
    let lost = Subject::Key(other.public().fingerprint());
    scene.revoke(&scene.bob, &lost).unwrap();
    for _ in 0..3 {
        let answer = house.get::<SignedState>(&other, "/v1/state").map(drop);
        assert_eq!(answer, no(401, "key-revoked"));
    }
    let told = house.told("request.refused");
    assert_eq!(
        (told.len(), told[0]["code"].as_str()),
        (1, Some("key-revoked"))
    );
    assert_eq!(told[0]["identity"]["person"], "alan");
    house.pass(61);
    let _ = house.get::<SignedState>(&other, "/v1/state");
    assert_eq!(house.told("request.refused").len(), 2);
    let mut next = house.next_roster(|roster| roster.policy.approvals = 2);
    next.sign(sshsig::with_key(&other.key)).unwrap();
    assert_eq!(house.post_roster(&next).map(drop), no(403, "key-revoked"));
    assert_eq!(house.told("statement.refused").len(), 1);
    house.change_roster(|roster| roster.policy.approvals = 2);
}

#[test]
fn a_certificate_is_revoked_though_the_database_lacks_it_still() {
    let scene = scene();
    let refusing = scene.house.database_that_refuses("certificates");
    let issued = scene.login(&scene.cody).unwrap();
    let serial = certificate::parse(&issued.certificate).unwrap().serial();
    scene.revoke(&scene.bob, &Subject::Serial(serial)).unwrap();
    assert!(scene.krl().serials.contains(&serial));
    // A serial that is only drawn, or was never, is none.
    assert_eq!(
        scene
            .revoke(&scene.bob, &Subject::Serial(serial ^ 1))
            .map(drop),
        no(404, "unknown-serial")
    );
    let authority = scene.house.authority();
    let entry = scene.house.told("certificate.issued")[0]["seq"]
        .as_u64()
        .unwrap();
    assert!(authority.mark_records().unwrap() <= entry);
    refusing.end();
    assert!(authority.mark_records().unwrap() > entry);
}
