//! The list that sshd and ssh are given, judged by `ssh-keygen -Q`: whatever is revoked, in whichever way, is on it as soon as the
//! CA has said yes, and nobody else is.

mod house;

use std::path::PathBuf;
use std::process::Command;

use daypass_protocol::api::{CertificateWish, Issued, Revoked};
use daypass_protocol::certificate;
use daypass_protocol::krl::Krl;
use daypass_protocol::revocation::{Revocation, Subject};
use daypass_protocol::roster::Role;
use daypass_protocol::sshsig;
use daypass_protocol::state::SignedState;
use daypass_protocol::statement::Verb;
use daypass_protocol::window::FrozenWindow;
use daypass_transport::client::Request;
use house::machine::Machine;
use house::{House, Someone};

/// Cody and Dana are let in to db1 by Bob, each by a window of their own.
struct Scene {
    house: House,
    bob: Someone,
    db1: Machine,
    db2: Machine,
    cody: Visitor,
    dana: Visitor,
}

/// A contractor with a window and a certificate.
struct Visitor {
    who: Someone,
    window: FrozenWindow,
    certificate: String,
}

fn scene() -> Scene {
    let [bob, cody, dana] = ["bob", "cody", "dana"].map(Someone::new);
    let house = House::with(&[
        (&bob, &[Role::Approver]),
        (&cody, &[Role::Contractor]),
        (&dana, &[Role::Contractor]),
    ]);
    let [db1, db2] = ["db1", "db2"].map(|name| house.enroll(&house.token(name, &[])).unwrap());
    let visitor = |who: Someone| {
        let window = house.request(&who, &house.wish("db1"));
        house.say(&bob, Verb::Approve, &window).unwrap();
        let certificate = login(&house, &who);
        Visitor {
            who,
            window,
            certificate,
        }
    };
    let (cody, dana) = (visitor(cody), visitor(dana));
    Scene {
        bob,
        db1,
        db2,
        cody,
        dana,
        house,
    }
}

fn login(house: &House, who: &Someone) -> String {
    let wish = CertificateWish {
        host: "db1".parse().unwrap(),
        account: "deploy".parse().unwrap(),
        key: who.public(),
        window: None,
    };
    let issued: Issued = house.post(who, "/v1/certificates", &wish).unwrap();
    issued.certificate
}

impl Scene {
    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.house.directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Whether OpenSSH takes this certificate for revoked, by the list as any host gets it at this moment.
    fn is_revoked(&self, certificate: &str) -> bool {
        let client = self.house.client_of(&self.db2);
        self.judge(
            &client.fetch(&Request::get("/v1/krl")).unwrap(),
            certificate,
        )
    }

    /// The list for people's `ssh`, as anyone gets it.
    fn list_of_hosts(&self) -> Vec<u8> {
        let client = self.house.client(None);
        client.fetch(&Request::get("/v1/krl/hosts")).unwrap()
    }

    fn is_revoked_for_people(&self, certificate: &str) -> bool {
        self.judge(&self.list_of_hosts(), certificate)
    }

    fn judge(&self, list: &[u8], certificate: &str) -> bool {
        let list = self.file("list", list);
        let certificate = self.file("judged-cert.pub", format!("{certificate}\n"));
        let judge = Command::new("ssh-keygen")
            .arg("-Qf")
            .args([list, certificate])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&judge.stdout).into_owned();
        match judge.status.code() {
            Some(0) if said.trim_end().ends_with("ok") => false,
            Some(1) if said.trim_end().ends_with("REVOKED") => true,
            _ => panic!("{judge:?}"),
        }
    }

    /// What the state tells whoever waits for another number: then they ask for the list.
    fn number(&self) -> u64 {
        let client = self.house.client_of(&self.db2);
        let state: SignedState = client.call(&Request::get("/v1/state")).unwrap();
        state.read_unverified().unwrap().number
    }

    fn revoke(&self, subject: &Subject) {
        let now = self.house.now();
        let (pin, bob) = (self.house.newborn.pin, &self.bob);
        let revocation = Revocation::of(subject, pin, bob.name.clone(), now, now.plus(86_400));
        let signed = revocation.sign(sshsig::with_key(&bob.key)).unwrap();
        let _: Revoked = self.house.post(bob, "/v1/revocations", &signed).unwrap();
    }

    /// After `act` Cody's certificate is on the list and Dana's is not; and so it was not before.
    fn ends_codys_alone(&self, act: impl FnOnce()) {
        assert!(!self.is_revoked(&self.cody.certificate));
        let before = self.number();
        act();
        assert!(self.is_revoked(&self.cody.certificate));
        assert!(!self.is_revoked(&self.dana.certificate));
        assert!(self.number() > before, "nobody would ask for the list");
    }
}

#[test]
fn a_revoked_serial_is_on_the_list_at_once() {
    let scene = scene();
    let certificate = certificate::parse(&scene.cody.certificate).unwrap();
    scene.ends_codys_alone(|| scene.revoke(&Subject::Serial(certificate.serial())));
}

#[test]
fn a_revoked_key_is_on_the_list_at_once() {
    let scene = scene();
    let key = scene.cody.who.public().fingerprint();
    scene.ends_codys_alone(|| scene.revoke(&Subject::Key(key)));
}

#[test]
fn a_revoked_person_is_on_the_list_at_once() {
    let scene = scene();
    let name = scene.cody.who.name.clone();
    scene.ends_codys_alone(|| scene.revoke(&Subject::Person(name)));
}

#[test]
fn a_revoked_window_is_on_the_list_at_once() {
    let scene = scene();
    scene.ends_codys_alone(|| {
        let revoked = scene
            .house
            .say(&scene.bob, Verb::Revoke, &scene.cody.window);
        revoked.unwrap();
    });
}

#[test]
fn a_window_that_its_contractor_ends_is_on_the_list_at_once() {
    let scene = scene();
    scene.ends_codys_alone(|| {
        let ended = scene
            .house
            .say(&scene.cody.who, Verb::End, &scene.cody.window);
        ended.unwrap();
    });
}

#[test]
fn a_revoked_host_is_on_the_list_at_once() {
    let scene = scene();
    let [db1, db2] = [&scene.db1, &scene.db2].map(|it| it.enrolled.host_certificates[0].clone());
    assert!(!scene.is_revoked(&db1));
    let before = scene.number();
    scene.revoke(&Subject::Host("db1".parse().unwrap()));
    assert!(scene.is_revoked(&db1) && !scene.is_revoked(&db2));
    assert!(scene.is_revoked_for_people(&db1) && !scene.is_revoked_for_people(&db2));
    assert!(scene.number() > before);
}

#[test]
fn what_anyone_gets_has_the_states_number_and_names_nobodys_window_or_certificate() {
    let scene = scene();
    let certificate = certificate::parse(&scene.dana.certificate).unwrap();
    scene.revoke(&Subject::Person(scene.cody.who.name.clone()));
    scene.revoke(&Subject::Serial(certificate.serial()));
    scene.revoke(&Subject::Key(scene.cody.who.public().fingerprint()));
    let list = Krl::parse(&scene.list_of_hosts()).unwrap();
    assert_eq!(list.number, scene.number());
    let expected = Krl {
        keys: [*scene.cody.who.public().fingerprint().as_bytes()].into(),
        ..list.of_keys()
    };
    assert_eq!(list, expected);
}

#[test]
fn a_machine_whose_place_was_taken_is_on_the_list_at_once() {
    let scene = scene();
    let db1 = &scene.db1.enrolled.host_certificates[0];
    let before = scene.number();
    let wish = serde_json::json!({"host": "db1", "ttl": 600, "replace": true});
    let admin = &scene.house.admin;
    let token: daypass_protocol::api::Token =
        scene.house.post(admin, "/v1/hosts/tokens", &wish).unwrap();
    assert!(!scene.is_revoked(db1) && !scene.is_revoked_for_people(db1));
    let after = scene.house.enroll(&token.token.parse().unwrap()).unwrap();
    assert!(scene.is_revoked(db1) && scene.is_revoked_for_people(db1));
    assert!(!scene.is_revoked(&after.enrolled.host_certificates[0]));
    assert!(scene.number() > before);
}

/// What `docs/formats/krl.md` has for those who fetch the list by hand.
#[test]
fn the_documents_own_line_fetches_the_list_and_leaves_it_as_it_is_where_there_is_none() {
    let document = include_str!("../../docs/formats/krl.md");
    let mut quoted = document.split('`');
    let line = quoted.find(|text| text.starts_with("curl ")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [root, list] = ["root.pem", "list"].map(|name| folder.path().join(name));
    let fetch = |house: &House| {
        std::fs::write(&root, house.root()).unwrap();
        let line = line
            .replace("~/.config/daypass/root.pem", root.to_str().unwrap())
            .replace("https://CA:7443", &house.url())
            .replace("FILE", list.to_str().unwrap());
        let status = Command::new("sh").args(["-c", &line]).status();
        status.unwrap().success()
    };
    let scene = scene();
    let db1 = &scene.db1.enrolled.host_certificates[0];
    scene.revoke(&Subject::Host("db1".parse().unwrap()));
    assert!(fetch(&scene.house));
    let fetched = std::fs::read(&list).unwrap();
    assert_eq!(fetched, scene.list_of_hosts());
    assert!(scene.judge(&fetched, db1));
    // A CA that has not begun answers that it has none.
    assert!(!fetch(&House::unsigned()));
    assert_eq!(std::fs::read(&list).unwrap(), fetched);
}
