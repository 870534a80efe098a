//! Statements that do not count, each shown to the API: of another time, for another CA, about other bytes, under another
//! verb's signature, by a security key that nobody touched.

use std::convert::Infallible;

use daypass_protocol::api::{CertificateWish, Issued, Submission, WindowState, WindowView};
use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::key::Key;
use daypass_protocol::roster::{ApprovalKeys, Role};
use daypass_protocol::sshsig;
use daypass_protocol::statement::{SignedStatement, Statement, Verb};
use daypass_protocol::window::FrozenWindow;
use serde_json::Value;
use signature::Signer as _;
use ssh_key::private::Ed25519Keypair;
use ssh_key::public::{KeyData, SkEd25519};
use ssh_key::{Algorithm, HashAlg, SshSig};

use crate::house::{House, No, Someone, no};

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 4;

fn last_code(house: &House) -> Value {
    let refused = house.told("statement.refused");
    refused
        .last()
        .map_or(Value::Null, |last| last["code"].clone())
}

#[test]
fn a_statement_of_another_time_or_for_another_ca_does_not_count() {
    let [cody, bob] = ["cody", "bob"].map(Someone::new);
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    let say = |change: &dyn Fn(&mut Statement)| {
        let mut statement = house.statement_of(Verb::Approve, &window, &bob.name);
        change(&mut statement);
        let signed = statement.sign(sshsig::with_key(&bob.key)).unwrap();
        house.send(&bob, &window, &signed).map(|view| view.state)
    };
    let other = Pin::from(Digest::of("another CA"));
    let refused = |answer: Result<WindowState, No>, status: u16, code: &str| {
        assert_eq!(answer, no(status, code));
        assert_eq!(last_code(&house), code);
    };
    let over = say(&|it| it.expires = house.now());
    refused(over, 422, "statement-expired");
    let ahead = say(&|it| it.time = house.now().plus(120));
    refused(ahead, 422, "statement-not-yet");
    refused(say(&|it| it.ca = other), 403, "wrong-ca");
    // When the window is over, whatever the statement says of itself.
    let ends = window.document().ends;
    house.pass(660);
    refused(say(&|it| it.expires = ends.plus(600)), 409, "too-late");
}

#[test]
fn what_was_signed_of_other_bytes_is_no_request_for_these() {
    let cody = Someone::new("cody");
    let house = House::with(&[(&cody, &[Role::Contractor])]);
    house.host("db1");
    let window = house.draft(&cody, &house.wish("db1")).unwrap();
    let statement = house.statement(&cody, Verb::Request, &window);
    for (before, after) in [("\"deploy\"", "\"root\""), ("\"v\":1", "\"v\": 1")] {
        let text = window.text().replace(before, after);
        assert_ne!(text, window.text());
        let body = Submission {
            window: text,
            statement: statement.clone(),
        };
        assert_eq!(
            house.post::<Value>(&cody, "/v1/windows", &body),
            no(422, "statement-other-window")
        );
    }
}

#[test]
fn no_verbs_signature_serves_as_anothers() {
    let [cody, bob] = ["cody", "bob"].map(Someone::new);
    let house = House::with(&[
        (&cody, &[Role::Contractor]),
        (&bob, &[Role::Contractor, Role::Approver, Role::Admin]),
    ]);
    house.host("db1");
    let asked = house.request(&cody, &house.wish("db1"));
    let mut wish = house.wish("db1");
    wish.contractor = Some(cody.name.clone());
    let drafted = house.draft(&bob, &wish).unwrap();
    let signed = |verb: Verb, by: Verb, window: &FrozenWindow| {
        let right = house.statement(&bob, verb, window);
        let text = right.statement.as_bytes();
        let signature = sshsig::sign(by.namespace(), text, sshsig::with_key(&bob.key)).unwrap();
        SignedStatement { signature, ..right }
    };
    for verb in Verb::ALL {
        for by in Verb::ALL.into_iter().filter(|by| *by != verb) {
            let answer = if matches!(verb, Verb::Request | Verb::Grant) {
                let body = Submission {
                    window: drafted.text().to_owned(),
                    statement: signed(verb, by, &drafted),
                };
                house.post::<WindowView>(&bob, "/v1/windows", &body)
            } else {
                house.send(&bob, &asked, &signed(verb, by, &asked))
            };
            assert_eq!(
                answer.map(|view| view.state),
                no(403, "signature-invalid"),
                "{by}'s as {verb}"
            );
        }
    }
    let state = |verb| house.say(&bob, verb, &asked).map(|view| view.state);
    // Under its own name each would have been taken.
    assert_eq!(state(Verb::Approve), Ok(WindowState::Open));
    assert_eq!(state(Verb::Revoke), Ok(WindowState::Revoked));
    let grant = house.submit(&bob, Verb::Grant, &drafted);
    assert_eq!(grant.map(|view| view.state), Ok(WindowState::Open));
}

/// A security key, and what it signs when its authenticator reports these flags.
struct SecurityKey(Ed25519Keypair);

impl SecurityKey {
    fn public(&self) -> KeyData {
        KeyData::SkEd25519(SkEd25519::new(self.0.public, "ssh:"))
    }

    /// As `PROTOCOL.u2f` describes it.
    fn sign(&self, flags: u8, namespace: &str, message: &[u8]) -> Result<SshSig, Infallible> {
        let enveloped = sshsig::to_be_signed(namespace, message).unwrap();
        let trailer = [flags, 0, 0, 0, 9];
        let (application, hash) = (Digest::of("ssh:"), Digest::of(enveloped));
        let presented = [application.as_bytes().as_slice(), &trailer, hash.as_bytes()].concat();
        let raw: ssh_key::Signature = self.0.sign(&presented);
        let signature = [raw.as_bytes(), &trailer].concat();
        let signature = ssh_key::Signature::new(Algorithm::SkEd25519, signature).unwrap();
        Ok(SshSig::new(self.public(), namespace, HashAlg::Sha512, signature).unwrap())
    }
}

#[test]
fn an_approval_by_a_security_key_counts_by_what_its_user_did() {
    let [cody, bob] = ["cody", "bob"].map(Someone::new);
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let key = SecurityKey(Ed25519Keypair::from_seed(&[7; 32]));
    house.change_roster(|roster| {
        let public = Key::try_from(key.public()).unwrap();
        let people = roster.people.iter_mut();
        let bob = people.filter(|person| person.name == bob.name);
        bob.for_each(|bob| bob.keys.push(public.clone()));
        roster.policy.approval_keys = ApprovalKeys::Verified;
    });
    let window = house.request(&cody, &house.wish("db1"));
    let approve = |flags| {
        let statement = house.statement_of(Verb::Approve, &window, &bob.name);
        let signed = statement.sign(|namespace, message| key.sign(flags, namespace, message));
        let view = house.send(&bob, &window, &signed.unwrap());
        view.map(|view| view.state)
    };
    for (flags, code) in [
        (0, "signature-invalid"),
        (USER_VERIFIED, "signature-invalid"),
        (USER_PRESENT, "key-too-weak"),
    ] {
        assert_eq!(approve(flags), no(403, code), "{flags}");
        assert_eq!(last_code(&house), code);
    }
    assert_eq!(approve(USER_PRESENT | USER_VERIFIED), Ok(WindowState::Open));
}

#[test]
fn an_approval_that_was_meant_for_a_time_counts_until_then_and_another_takes_its_place() {
    let [cody, bob, eve] = ["cody", "bob", "eve"].map(Someone::new);
    let house = House::with(&[
        (&cody, &[Role::Contractor]),
        (&bob, &[Role::Approver]),
        (&eve, &[Role::Approver]),
    ]);
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    let mut short = house.statement_of(Verb::Approve, &window, &bob.name);
    short.expires = house.now().plus(60);
    let short = short.sign(sshsig::with_key(&bob.key)).unwrap();
    let view = house.send(&bob, &window, &short).unwrap();
    assert_eq!(view.state, WindowState::Open);
    let login = || {
        let wish = CertificateWish {
            host: "db1".parse().unwrap(),
            account: "deploy".parse().unwrap(),
            key: cody.public(),
            window: None,
        };
        let issued = house.post::<Issued>(&cody, "/v1/certificates", &wish);
        issued.map(|_| ())
    };
    assert_eq!(login(), Ok(()));
    house.pass(61);
    assert_eq!(login(), no(403, "not-approved"));
    let view = house.say(&eve, Verb::Approve, &window).unwrap();
    assert_eq!(view.state, WindowState::Open);
    assert_eq!(login(), Ok(()));
}
