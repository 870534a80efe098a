//! Hosts renew their certificates, and come back by their SSH host key when they were away for too long.

mod house;

use daypass_ca::backup;
use daypass_ca::keys::x509;
use daypass_ca::layout::Layout;
use daypass_protocol::api::{Enrolled, Hosts, Renewed};
use daypass_protocol::certificate;
use daypass_protocol::comeback::{Comeback, NAMESPACE, SignedComeback};
use daypass_protocol::digest::Pin;
use daypass_protocol::revocation::{Revocation, Subject};
use daypass_protocol::roster::Role;
use daypass_protocol::sshsig;
use daypass_protocol::state::SignedState;
use daypass_protocol::version::Version;
use daypass_transport::client::{ClientIdentity, Request};
use house::machine::{Machine, application, proof, with_keys};
use house::{House, No, Someone, no};
use rusqlite::{Connection, params};
use serde_json::Value;

const DAY: i64 = 86_400;

/// A host whose SSH key is known here, enrolled.
struct Scene {
    house: House,
    bob: Someone,
    ssh: Someone,
}

fn scene() -> Scene {
    let (bob, ssh) = (Someone::new("bob"), Someone::new("db1"));
    let house = House::with(&[(&bob, &[Role::Approver])]);
    let token = house.token("db1", &[]);
    let (mut asked, _) = application(&token);
    with_keys(token.ca, &mut asked, &[&ssh]);
    let _: Enrolled = house.post_bare("/v1/hosts/enroll", &asked).unwrap();
    Scene { house, bob, ssh }
}

impl Scene {
    fn comeback(&self, change: impl FnOnce(&mut Comeback)) -> (Comeback, String) {
        let (again, key) = application(&self.house.token(&format!("spare{}", rand()), &[]));
        let mut comeback = Comeback {
            v: Version,
            ca: self.house.newborn.pin,
            host: "db1".parse().unwrap(),
            time: self.house.now(),
            csr: again.csr,
            host_keys: vec![self.ssh.public()],
        };
        change(&mut comeback);
        (comeback, key)
    }

    fn signed(&self, who: &Someone, comeback: &Comeback) -> SignedComeback {
        let text = comeback.to_text().unwrap();
        let sign = sshsig::with_key(&who.key);
        let (pin, host) = (self.house.newborn.pin, comeback.host.as_str());
        SignedComeback {
            signature: sshsig::sign(NAMESPACE, text.as_bytes(), sign).unwrap(),
            proofs: vec![proof(pin, host, &comeback.csr, &self.ssh)],
            comeback: text,
        }
    }

    /// As if the host's client certificate ended so much earlier: TLS goes by the machine's own clock, which nobody turns here.
    fn ends_earlier(&mut self, host: &str, seconds: i64) {
        self.house.crash();
        let database = Connection::open(self.house.layout().database()).unwrap();
        database
            .execute(
                "UPDATE hosts SET expires = expires - ?1 WHERE name = ?2",
                params![seconds, host],
            )
            .unwrap();
        drop(database);
        self.house.start();
    }

    fn come(&self, signed: &SignedComeback) -> Result<Renewed, No> {
        self.house.post_bare("/v1/hosts/comeback", signed)
    }
}

fn rand() -> u32 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).unwrap();
    u32::from_le_bytes(bytes)
}

#[test]
fn a_host_whose_renewal_got_lost_comes_back_when_the_certificate_that_it_has_ends() {
    let mut scene = scene();
    let machine = scene.house.host("db2");
    scene.ends_earlier("db2", 29 * DAY);
    let (house, ssh) = (&scene.house, &scene.ssh);
    // Nobody gets this answer.
    house.renew(&machine, "db2", ssh).unwrap();
    let of_db2 = |scene: &Scene| {
        let (asked, _) = scene.comeback(|asked| asked.host = "db2".parse().unwrap());
        scene.come(&scene.signed(&scene.ssh, &asked)).map(drop)
    };
    assert_eq!(of_db2(&scene), no(409, "certificate-counts"));
    scene.ends_earlier("db2", 2 * DAY);
    assert_eq!(of_db2(&scene), Ok(()));
}

#[test]
fn a_host_that_was_away_comes_back_by_its_ssh_host_key() {
    let mut scene = scene();
    let (asked, _) = scene.comeback(|_| {});
    assert_eq!(
        scene.come(&scene.signed(&scene.ssh, &asked)).map(drop),
        no(409, "certificate-counts")
    );
    scene.ends_earlier("db1", 31 * DAY);
    let (house, ssh) = (&scene.house, &scene.ssh);
    // An answer that is lost locks no host out: it asks once more, and shows the certificate that came.
    let (lost, _) = scene.comeback(|_| {});
    scene.come(&scene.signed(ssh, &lost)).unwrap();
    let (asked, key) = scene.comeback(|_| {});
    let signed = scene.signed(ssh, &asked);
    let renewed = scene.come(&signed).unwrap();
    assert_eq!(scene.come(&signed).map(drop), no(401, "replay"));
    let certificate = certificate::parse(&renewed.host_certificates[0]).unwrap();
    assert!(certificate.valid_before() > house.now().plus(29 * 86_400).unix_unsigned());
    let client = house.client(Some(ClientIdentity {
        certificate: &renewed.client_certificate,
        key: &key,
    }));
    client
        .call::<SignedState>(&Request::get("/v1/state"))
        .unwrap();
    let hosts: Hosts = house.get(&house.admin, "/v1/hosts").unwrap();
    let db1 = hosts.hosts.iter().find(|host| host.name.as_str() == "db1");
    assert!(db1.unwrap().expires > house.now().plus(29 * 86_400));
    // It is there: its SSH key alone takes its place no more.
    let (again, _) = scene.comeback(|_| {});
    assert_eq!(
        scene.come(&scene.signed(ssh, &again)).map(drop),
        no(409, "certificate-counts")
    );
    let told = house.told("host.enrolled");
    let back = told
        .iter()
        .filter(|entry| entry["detail"]["came_back"] == true);
    assert_eq!(back.count(), 2);
}

#[test]
fn hosts_that_renewed_after_the_backup_come_back_to_the_restored_ca_and_only_those() {
    let mut scene = scene();
    let (image, other) = (
        application(&scene.house.token("db2", &[])),
        Someone::new("db2"),
    );
    let (mut asked, key) = image;
    with_keys(scene.house.newborn.pin, &mut asked, &[&other]);
    let enrolled: Enrolled = scene.house.post_bare("/v1/hosts/enroll", &asked).unwrap();
    let db2 = Machine { enrolled, key };
    let file = scene.house.directory.path().join("backup.tar");
    backup::write(&scene.house.layout(), None, &file, scene.house.now().unix()).unwrap();
    scene.house.replace_by(&file);
    let (house, ssh) = (&scene.house, &scene.ssh);
    // db2 goes on with what it has, and whoever found its SSH key is not taken for it any more.
    house
        .client_of(&db2)
        .call::<SignedState>(&Request::get("/v1/state"))
        .unwrap();
    let (thief, _) = scene.comeback(|asked| asked.host = "db2".parse().unwrap());
    assert_eq!(
        scene.come(&scene.signed(&other, &thief)).map(drop),
        no(409, "certificate-counts")
    );
    // db1 has a certificate that the backup knows nothing of.
    let (asked, key) = scene.comeback(|_| {});
    let renewed = scene.come(&scene.signed(ssh, &asked)).unwrap();
    let client = house.client(Some(ClientIdentity {
        certificate: &renewed.client_certificate,
        key: &key,
    }));
    client
        .call::<SignedState>(&Request::get("/v1/state"))
        .unwrap();
    let (again, _) = scene.comeback(|_| {});
    assert_eq!(
        scene.come(&scene.signed(ssh, &again)).map(drop),
        no(409, "certificate-counts")
    );
}

#[test]
fn a_host_that_was_away_until_its_root_was_retired_comes_back() {
    let mut scene = scene();
    let step = |scene: &mut Scene, step: &dyn Fn(&Layout)| {
        scene.house.crash();
        step(&scene.house.layout());
        scene.house.start();
    };
    let now = scene.house.now();
    step(&mut scene, &|layout| {
        x509::add(layout, now).unwrap();
    });
    step(&mut scene, &|layout| x509::switch(layout).unwrap());
    let come = |scene: &Scene| {
        let (asked, key) = scene.comeback(|_| {});
        let renewed = scene.come(&scene.signed(&scene.ssh, &asked))?;
        Ok((renewed, key))
    };
    // Its certificate counts until then.
    assert_eq!(
        come(&scene).map(drop as fn((Renewed, String))),
        no(409, "certificate-counts")
    );
    step(&mut scene, &|layout| x509::retire(layout).unwrap());
    let (renewed, key) = come(&scene).unwrap();
    let client = scene.house.client(Some(ClientIdentity {
        certificate: &renewed.client_certificate,
        key: &key,
    }));
    client
        .call::<SignedState>(&Request::get("/v1/state"))
        .unwrap();
    assert_eq!(
        come(&scene).map(drop as fn((Renewed, String))),
        no(409, "certificate-counts")
    );
}

#[test]
fn nobody_comes_back_who_is_not_that_host_or_was_revoked() {
    let scene = scene();
    let (house, ssh) = (&scene.house, &scene.ssh);
    house.pass(31 * DAY);
    let stranger = Someone::new("stranger");
    let refused = |who: &Someone, change: &dyn Fn(&mut Comeback)| {
        let (asked, _) = scene.comeback(|asked| change(asked));
        scene.come(&scene.signed(who, &asked)).map(drop)
    };
    assert_eq!(refused(&stranger, &|_| {}), no(403, "host-unknown"));
    for name in ["db9", "db1.example.org"] {
        let other = |asked: &mut Comeback| asked.host = name.parse().unwrap();
        assert_eq!(refused(ssh, &other), no(403, "host-unknown"), "{name}");
    }
    let now = house.now();
    for time in [now.minus(62), now.plus(63)] {
        assert_eq!(
            refused(ssh, &|asked| asked.time = time),
            no(401, "clock-skew")
        );
    }
    assert_eq!(
        refused(ssh, &|asked| asked.ca = Pin::from_bytes([1; 32])),
        no(403, "wrong-ca")
    );
    assert_eq!(
        refused(ssh, &|asked| asked.host_keys.clear()),
        no(422, "host-keys")
    );
    // Whoever has one of its keys has not every key that it names.
    let another = Someone::new("another");
    for keys in [vec![another.public()], vec![ssh.public(), another.public()]] {
        assert_eq!(
            refused(ssh, &|asked| asked.host_keys.clone_from(&keys)),
            no(422, "host-key-unproven")
        );
    }
    let (asked, _) = scene.comeback(|_| {});
    let mut changed = scene.signed(ssh, &asked);
    changed.comeback = changed.comeback.replace("db1", "db2");
    // Nobody is told whether there is a db2.
    assert_eq!(scene.come(&changed).map(drop), no(403, "host-unknown"));
    let mut other_purpose = scene.signed(ssh, &asked);
    let sign = sshsig::with_key(&ssh.key);
    other_purpose.signature =
        sshsig::sign("daypass-http@v1", asked.to_text().unwrap().as_bytes(), sign).unwrap();
    assert_eq!(
        scene.come(&other_purpose).map(drop),
        no(401, "signature-invalid")
    );
    let revoked = Revocation::of(
        &Subject::Host("db1".parse().unwrap()),
        house.newborn.pin,
        scene.bob.name.clone(),
        house.now(),
        house.now().plus(86_400),
    )
    .sign(sshsig::with_key(&scene.bob.key))
    .unwrap();
    house
        .post::<Value>(&scene.bob, "/v1/revocations", &revoked)
        .unwrap();
    assert_eq!(refused(ssh, &|_| {}), no(403, "host-revoked"));
    assert_eq!(house.told("host.refused").len(), 12);
}
