//! From one X.509 root to the next: announced, then used, then alone.

mod house;

use daypass_ca::keys::rotation::RotationError;
use daypass_ca::keys::x509;
use daypass_protocol::api::{Hosts, Renewed};
use daypass_protocol::roster::SignedRoster;
use daypass_protocol::sshsig;
use daypass_protocol::state::{SignedState, State};
use daypass_transport::authority::is_issued_by;
use daypass_transport::client::{Client, ClientIdentity, Error, Request};
use house::machine::{Machine, renewal};
use house::{House, Someone};

/// What a machine trusts, and shows.
struct Peer {
    roots: String,
    certificate: String,
    key: String,
}

impl Peer {
    fn of(machine: &Machine, house: &House) -> Self {
        Self {
            roots: house.root(),
            certificate: machine.enrolled.client_certificate.clone(),
            key: machine.key.clone(),
        }
    }

    fn client(&self, house: &House) -> Client {
        let identity = ClientIdentity {
            certificate: &self.certificate,
            key: &self.key,
        };
        Client::new(&house.url(), &self.roots, Some(identity)).unwrap()
    }

    fn state(&self, house: &House) -> Result<State, Error> {
        let signed: SignedState = self.client(house).call(&Request::get("/v1/state"))?;
        Ok(signed.read_unverified().unwrap())
    }

    /// Takes over what the state says of roots, as an agent does.
    fn follow(&mut self, house: &House) -> State {
        let state = self.state(house).unwrap();
        if let Some(roots) = state.roots() {
            self.roots = roots;
        }
        state
    }

    fn renew(&mut self, house: &House) {
        let (asked, key) = renewal(house.newborn.pin, "db1", &Someone::new("host"));
        let body = serde_json::to_vec(&asked).unwrap();
        let request = Request::post("/v1/hosts/renew", &body);
        let renewed: Renewed = self.client(house).call(&request).unwrap();
        (self.certificate, self.key) = (renewed.client_certificate, key);
    }

    fn is_under_the_first_root(&self) -> bool {
        is_issued_by(&self.certificate, &self.roots).unwrap()
    }
}

fn step(house: &mut House, step: impl FnOnce(&House)) {
    house.crash();
    step(house);
    house.start();
}

#[test]
fn hosts_go_from_one_root_to_the_next_and_none_is_refused_meanwhile() {
    let mut house = House::with(&[]);
    let mut db1 = Peer::of(&house.host("db1"), &house);
    let mut late = Peer::of(&house.host("db2"), &house);
    let first = house.root();
    // Who is of a version that knows no roots in documents takes these.
    assert_eq!(db1.follow(&house).x509, [""; 0]);
    let hosts: Hosts = house.get(&house.admin, "/v1/hosts").unwrap();
    assert_eq!(hosts.x509, [""; 0]);
    let number = db1.state(&house).unwrap().number;

    step(&mut house, |house| {
        x509::add(&house.layout(), house_now()).unwrap();
        let again = x509::add(&house.layout(), house_now());
        assert!(matches!(again, Err(RotationError::UnderWay { .. })));
        let early = x509::retire(&house.layout());
        assert!(matches!(early, Err(RotationError::NoOld { .. })));
        // Nobody can have heard.
        let key = std::fs::read(house.layout().tls_root_key()).unwrap();
        let early = x509::switch(&house.layout());
        assert!(matches!(early, Err(RotationError::Unannounced { .. })));
        assert_eq!(std::fs::read(house.layout().tls_root_key()).unwrap(), key);
    });
    let state = db1.follow(&house);
    assert!(state.number > number);
    assert_eq!((state.x509.len(), &state.x509[0]), (2, &first));
    let second = state.x509[1].clone();
    late.follow(&house);
    assert!(db1.is_under_the_first_root());
    let hosts: Hosts = house.get(&house.admin, "/v1/hosts").unwrap();
    assert_eq!(hosts.x509, state.x509);

    step(&mut house, |house| {
        let layout = house.layout();
        let key = std::fs::read(layout.tls_root_key()).unwrap();
        x509::switch(&layout).unwrap();
        assert_eq!(std::fs::read(layout.tls_root_old_key()).unwrap(), key);
        assert!(!layout.tls_root_next_announced().exists());
        let again = x509::switch(&house.layout());
        assert!(matches!(again, Err(RotationError::NoNext { .. })));
    });
    assert_eq!(house.root(), second);
    // The certificate of before counts, and the next one is the new root's.
    assert_eq!(db1.follow(&house).x509, [second.clone(), first.clone()]);
    assert!(!db1.is_under_the_first_root());
    db1.renew(&house);
    assert!(db1.is_under_the_first_root());
    db1.state(&house).unwrap();
    // Who trusts the root of before alone is not taken in by anybody who has its key.
    let stuck = Peer {
        roots: first.clone(),
        certificate: late.certificate.clone(),
        key: late.key.clone(),
    };
    assert!(!matches!(
        stuck.state(&house),
        Ok(_) | Err(Error::Api { .. })
    ));

    step(&mut house, |house| x509::retire(&house.layout()).unwrap());
    assert!(!house.layout().tls_root_old_key().exists());
    assert_eq!(db1.follow(&house).x509, std::slice::from_ref(&second));
    db1.renew(&house);
    db1.state(&house).unwrap();
    // Who has not renewed by now shows what is none any more.
    let refused = late.state(&house).unwrap_err();
    assert!(refused.is_certificate_refused(), "{refused}");
}

#[test]
fn a_switch_that_a_crash_cut_off_is_finished_at_the_next_start() {
    let mut house = House::with(&[]);
    let mut db1 = Peer::of(&house.host("db1"), &house);
    let first = house.root();
    step(&mut house, |house| {
        x509::add(&house.layout(), house_now()).unwrap();
    });
    let second = db1.follow(&house).x509[1].clone();
    let layout = house.layout();
    step(&mut house, |_| {
        std::fs::copy(layout.tls_root(), layout.tls_root_old()).unwrap();
        std::fs::rename(layout.tls_root_next_key(), layout.tls_root_key()).unwrap();
    });
    assert_eq!(db1.follow(&house).x509, [second, first]);
    db1.renew(&house);
    assert!(db1.is_under_the_first_root());
}

#[test]
fn a_root_that_was_added_before_roster_1_is_announced_by_the_first_state() {
    let mut house = House::unsigned();
    step(&mut house, |house| {
        x509::add(&house.layout(), house_now()).unwrap();
    });
    // The CA was restarted, and still nobody can have heard; what is missing is said.
    step(&mut house, |house| {
        let early = x509::switch(&house.layout());
        assert!(matches!(early, Err(RotationError::BeforeRoster { .. })));
    });
    let mut first = SignedRoster::unsigned(house.chain().chain[0].roster.clone());
    first.sign(sshsig::with_key(&house.admin.key)).unwrap();
    house.post_roster(&first).unwrap();
    let mut db1 = Peer::of(&house.host("db1"), &house);
    let [_, second] = db1.follow(&house).x509.try_into().unwrap();
    step(&mut house, |house| x509::switch(&house.layout()).unwrap());
    assert_eq!(house.root(), second);
    db1.state(&house).unwrap();
}

fn house_now() -> daypass_protocol::time::Time {
    daypass_protocol::time::Time::from(std::time::SystemTime::now())
}
