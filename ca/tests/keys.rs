//! The keys that sign: in files, with a real ssh-agent, in a PKCS#11 token behind it; and from one to the next.

mod house;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use daypass_ca::keys::rotation::{self, Kind, Next, RotationError};
use daypass_ca::signer::fresh::KeyType;
use daypass_protocol::api::{CertificateWish, Hosts, Issued};
use daypass_protocol::certificate::{self, Profile};
use daypass_protocol::key::Key;
use daypass_protocol::roster::Role;
use daypass_protocol::state::SignedState;
use daypass_protocol::statement::Verb;
use daypass_protocol::time::Time;
use daypass_transport::client::{Error, Request};
use house::machine::Machine;
use house::{House, Someone, passphrase};

/// Where Debian's softhsm2 has its module.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "271828";

/// A real ssh-agent, in a directory of its own.
struct Agent {
    child: Child,
    directory: tempfile::TempDir,
}

impl Agent {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let child = Command::new("ssh-agent")
            .args(["-D", "-P", "/usr/lib/*", "-a"])
            .arg(directory.path().join("agent.sock"))
            .env("SOFTHSM2_CONF", directory.path().join("softhsm2.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let agent = Self { child, directory };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !agent.socket().exists() {
            assert!(Instant::now() < deadline, "ssh-agent does not start");
            std::thread::yield_now();
        }
        agent
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("agent.sock")
    }

    fn run(&self, command: &mut Command) -> String {
        let output = command
            .env("SSH_AUTH_SOCK", self.socket())
            .env("SOFTHSM2_CONF", self.directory.path().join("softhsm2.conf"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Gives it a new key of this kind; the public half.
    fn add(&self, kind: &[&str]) -> Key {
        let path = self.directory.path().join(kind.join("-"));
        self.run(
            Command::new("ssh-keygen")
                .args(["-q", "-N", "", "-t"])
                .args(kind)
                .arg("-f")
                .arg(&path),
        );
        self.run(Command::new("ssh-add").arg("-q").arg(&path));
        key(&path.with_extension("pub"))
    }

    /// Gives it a new key in a token of SoftHSM's; the public half.
    fn add_token(&self) -> Key {
        let file = |name: &str| self.directory.path().join(name);
        let tokens = file("tokens");
        std::fs::create_dir(&tokens).unwrap();
        std::fs::write(
            file("softhsm2.conf"),
            format!("directories.tokendir = {}\n", tokens.display()),
        )
        .unwrap();
        self.run(Command::new("softhsm2-util").args([
            "--init-token",
            "--free",
            "--label",
            "daypass",
            "--so-pin",
            PIN,
            "--pin",
            PIN,
        ]));
        self.run(
            Command::new("ssh-keygen")
                .args([
                    "-q", "-N", "", "-t", "ecdsa", "-b", "256", "-m", "PKCS8", "-f",
                ])
                .arg(file("token-key")),
        );
        self.run(
            Command::new("softhsm2-util")
                .args([
                    "--token", "daypass", "--label", "ca", "--id", "01", "--pin", PIN,
                ])
                .arg("--import")
                .arg(file("token-key")),
        );
        let public = key(&file("token-key.pub"));
        std::fs::remove_file(file("token-key")).unwrap();
        let ask = file("ask");
        std::fs::write(&ask, format!("#!/bin/sh\necho {PIN}\n")).unwrap();
        std::fs::set_permissions(&ask, std::fs::Permissions::from_mode(0o700)).unwrap();
        self.run(
            Command::new("ssh-add")
                .args(["-s", MODULE])
                .env("SSH_ASKPASS", &ask)
                .env("SSH_ASKPASS_REQUIRE", "force")
                .env("DISPLAY", ":0")
                .stdin(Stdio::null()),
        );
        public
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn key(path: &Path) -> Key {
    Key::from_openssh_line(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn wish(who: &Someone) -> CertificateWish {
    CertificateWish {
        host: "db1".parse().unwrap(),
        account: "deploy".parse().unwrap(),
        key: who.public(),
        window: None,
    }
}

fn company() -> (House, Someone, Machine) {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    let machine = house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    (house, cody, machine)
}

/// One step of a rotation while the CA is down, as an admin makes it.
fn step<T>(
    house: &mut House,
    job: impl FnOnce(daypass_ca::keys::Places<'_>) -> Result<T, RotationError>,
) -> T {
    house.crash();
    let done = job(house.places(&house.layout(), &passphrase())).unwrap();
    house.start();
    done
}

/// What hosts trust now.
fn trusted(house: &House, machine: &Machine) -> Vec<Key> {
    let state: SignedState = house
        .client_of(machine)
        .call(&Request::get("/v1/state"))
        .unwrap();
    state.read_unverified().unwrap().user_ca
}

/// The certificate, as hosts and `ssh-keygen` judge it.
fn judged(house: &House, who: &Someone, signer: &Key, trusted: &[Key]) {
    let issued: Issued = house.post(who, "/v1/certificates", &wish(who)).unwrap();
    let certificate = certificate::parse(&issued.certificate).unwrap();
    Profile::check(&certificate, trusted, house.now()).unwrap();
    let path = house.directory.path().join("judged-cert.pub");
    std::fs::write(&path, &issued.certificate).unwrap();
    let shown = Command::new("ssh-keygen")
        .arg("-L")
        .arg("-f")
        .arg(&path)
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let line = shown
        .lines()
        .find(|line| line.contains("Signing CA"))
        .unwrap();
    assert!(line.contains(&signer.fingerprint().to_string()), "{line}");
}

/// From the key that signs to one that the agent holds.
fn rotates_to(house: &mut House, who: &Someone, machine: &Machine, next: &Key) {
    let before = trusted(house, machine);
    assert_eq!(before.len(), 1);
    let added = step(house, |places| {
        rotation::add(places, Kind::UserCa, Next::Held(next))
    });
    assert_eq!(added, *next);
    assert_eq!(trusted(house, machine), [before[0].clone(), next.clone()]);
    judged(house, who, &before[0], &before);
    step(house, |places| rotation::switch(places, Kind::UserCa));
    let both = trusted(house, machine);
    assert_eq!(both, [next.clone(), before[0].clone()]);
    judged(house, who, next, &both);
    step(house, |places| rotation::retire(places, Kind::UserCa));
    assert_eq!(trusted(house, machine), std::slice::from_ref(next));
    judged(house, who, next, std::slice::from_ref(next));
}

#[test]
fn keys_of_a_real_agent_sign_certificates_of_every_kind() {
    let (mut house, cody, machine) = company();
    let agent = Agent::start();
    house.agent = Some(agent.socket());
    for kind in [
        &["ed25519"][..],
        &["ecdsa", "-b", "256"],
        &["ecdsa", "-b", "384"],
    ] {
        let next = agent.add(kind);
        rotates_to(&mut house, &cody, &machine, &next);
    }
}

#[test]
fn a_key_in_a_pkcs11_token_signs_certificates() {
    let (mut house, cody, machine) = company();
    let agent = Agent::start();
    house.agent = Some(agent.socket());
    let next = agent.add_token();
    rotates_to(&mut house, &cody, &machine, &next);
}

#[test]
fn an_agent_without_the_key_is_told_of_before_anything_is_announced() {
    let (mut house, cody, machine) = company();
    let agent = Agent::start();
    house.agent = Some(agent.socket());
    let before = trusted(&house, &machine);
    house.crash();
    let added = rotation::add(
        house.places(&house.layout(), &passphrase()),
        Kind::UserCa,
        Next::Held(&cody.public()),
    );
    assert!(matches!(added, Err(RotationError::Keys(_))), "{added:?}");
    let used = rotation::switch(house.places(&house.layout(), &passphrase()), Kind::UserCa);
    assert!(matches!(used, Err(RotationError::NoNext { .. })));
    let retired = rotation::retire(house.places(&house.layout(), &passphrase()), Kind::UserCa);
    assert!(matches!(retired, Err(RotationError::NoOld { .. })));
    house.start();
    assert_eq!(trusted(&house, &machine), before);
}

#[test]
fn an_agent_that_went_away_costs_no_more_than_the_certificate() {
    let (mut house, cody, machine) = company();
    let agent = Agent::start();
    house.agent = Some(agent.socket());
    let next = agent.add(&["ed25519"]);
    rotates_to(&mut house, &cody, &machine, &next);
    drop(agent);
    let answer = house.post::<Issued>(&cody, "/v1/certificates", &wish(&cody));
    assert_eq!(answer.map(|_| ()), house::no(503, "ca-failure"));
    assert_eq!(trusted(&house, &machine), [next]);
}

#[test]
fn a_rotation_under_live_traffic_refuses_nobody() {
    let (mut house, cody, machine) = company();
    let known = Mutex::new(trusted(&house, &machine));
    let first = known.lock().unwrap()[0].clone();
    house.crash();
    let house = house;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let start = || {
        let program = house.program_on(listener.try_clone().unwrap(), &[], None);
        program.tells("READY=1");
        program
    };
    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let by_the_next = AtomicUsize::new(0);
    let mut program = start();
    let address = program.address;
    let program = std::thread::scope(|scope| {
        let traffic: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while !done.load(Ordering::SeqCst) {
                        let answer = house.post_at::<Issued>(
                            address,
                            &cody,
                            "/v1/certificates",
                            &wish(&cody),
                        );
                        let issued = match answer {
                            Ok(issued) => issued,
                            // A connection that the restart cut; whoever asks again is answered.
                            Err(Error::Api { status, code, .. }) => panic!("{status} {code}"),
                            Err(_) => continue,
                        };
                        let certificate = certificate::parse(&issued.certificate).unwrap();
                        let trusted = known.lock().unwrap().clone();
                        let now = Time::from(std::time::SystemTime::now());
                        Profile::check(&certificate, &trusted, now).unwrap();
                        let signer = Key::try_from(certificate.signature_key().clone()).unwrap();
                        if signer != first {
                            by_the_next.fetch_add(1, Ordering::SeqCst);
                        }
                        served.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let more = |counter: &AtomicUsize| {
            let wanted = counter.load(Ordering::SeqCst) + 8;
            let deadline = Instant::now() + Duration::from_secs(60);
            while counter.load(Ordering::SeqCst) < wanted {
                let ended = traffic
                    .iter()
                    .any(std::thread::ScopedJoinHandle::is_finished);
                assert!(
                    !ended && Instant::now() < deadline,
                    "nobody is served any more"
                );
                std::thread::yield_now();
            }
        };
        let layout = house.layout();
        let password = passphrase();
        more(&served);
        let next = rotation::add(
            house.places(&layout, &password),
            Kind::UserCa,
            Next::New(None),
        )
        .unwrap();
        assert!(program.stop().success());
        program = start();
        more(&served);
        // Hosts have heard of the next key by now.
        known.lock().unwrap().push(next);
        rotation::switch(house.places(&layout, &password), Kind::UserCa).unwrap();
        assert!(program.stop().success());
        program = start();
        more(&by_the_next);
        rotation::retire(house.places(&layout, &password), Kind::UserCa).unwrap();
        assert!(program.stop().success());
        program = start();
        known.lock().unwrap().remove(0);
        more(&by_the_next);
        done.store(true, Ordering::SeqCst);
        for thread in traffic {
            thread.join().unwrap();
        }
        program
    });
    assert!(program.stop().success());
}

#[test]
fn while_the_host_cas_key_changes_hosts_are_certified_by_a_key_that_clients_trust() {
    let (mut house, cody, machine) = company();
    let trusted = |house: &House| house.get::<Hosts>(&cody, "/v1/hosts").unwrap().host_ca;
    let signer = |house: &House| {
        let renewed = house.renew(&machine, "db1", &Someone::new("host")).unwrap();
        let certificate = certificate::parse(&renewed.host_certificates[0]).unwrap();
        assert!(certificate.cert_type().is_host());
        Key::try_from(certificate.signature_key().clone()).unwrap()
    };
    let first = trusted(&house);
    assert_eq!(first, [signer(&house)]);
    let step = |house: &mut House, step: &dyn Fn(&House)| {
        house.crash();
        step(house);
        house.start();
    };
    let places = |house: &House, job: &dyn Fn(daypass_ca::keys::Places<'_>)| {
        job(house.places(&house.layout(), &passphrase()));
    };
    step(&mut house, &|house| {
        places(house, &|places| {
            // What a crash left of an attempt before is no rotation that is under way.
            std::fs::write(Kind::HostCa.next(places.layout), "half a key").unwrap();
            rotation::add(places, Kind::HostCa, Next::New(Some(KeyType::Ed25519))).unwrap();
        });
    });
    let both = trusted(&house);
    // Made by `init` and by somebody who wants no curve of NIST's.
    assert_eq!(both[0].data().algorithm().as_str(), "ecdsa-sha2-nistp256");
    assert_eq!(both[1].data().algorithm().as_str(), "ssh-ed25519");
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    assert_eq!(signer(&house), first[0]);
    step(&mut house, &|house| {
        places(house, &|places| {
            rotation::switch(places, Kind::HostCa).unwrap();
        });
    });
    assert_eq!(signer(&house), both[1]);
    // Certificates of before are out for 30 days: clients still trust the key that signed them.
    assert_eq!(trusted(&house), [both[1].clone(), both[0].clone()]);
    step(&mut house, &|house| {
        places(house, &|places| {
            rotation::retire(places, Kind::HostCa).unwrap();
        });
    });
    assert_eq!(trusted(&house), [both[1].clone()]);
    assert_eq!(signer(&house), both[1]);
}
