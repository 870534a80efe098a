//! What the CA signs: its state, and enrolment records.

use crate::company::{Company, key, now, private_key};
use daypass_protocol::digest::{Incarnation, Pin};
use daypass_protocol::enrolment::{self, Record, host_origin};
use daypass_protocol::sshsig;
use daypass_protocol::state::{Collector, Error, RosterMark, SignedState, State, VerifiedState};
use daypass_protocol::statement::Verb;
use daypass_protocol::succession::{SignedSuccession, Succession};
use daypass_protocol::version::Version;

fn state(company: &Company) -> State {
    State {
        v: Version,
        ca: company.roster().pin(),
        incarnation: Incarnation::from_bytes([1; 8]),
        number: 5,
        time: now(),
        roster: RosterMark {
            number: 1,
            hash: company.roster().hash(),
        },
        user_ca: vec![key("user-ca")],
        host_ca: vec![key("host-ca")],
        state_key: key("state"),
        revocations: vec![company.says(Verb::Revoke, "ann", &company.window())],
        revoked: vec![],
        narrowings: vec![],
        successions: vec![],
        collectors: vec![],
        x509: vec![],
    }
}

fn sign(state: &State, signer: &str) -> SignedState {
    state.sign(sshsig::with_key(&private_key(signer))).unwrap()
}

fn verified(state: &State) -> VerifiedState {
    sign(state, "state").check(state.ca, &key("state")).unwrap()
}

#[test]
fn a_state_is_believed_by_its_key_and_its_ca() {
    let company = Company::new();
    let honest = state(&company);
    let taken = verified(&honest);
    assert_eq!(taken.state(), &honest);
    assert_eq!(
        (taken.age(now().plus(70)), taken.age(now().minus(70))),
        (70, 0)
    );
    let pin = company.roster().pin();
    assert!(matches!(
        sign(&honest, "ada").check(pin, &key("state")),
        Err(Error::ForeignKey { .. })
    ));
    let other = Pin::from_bytes([0; 32]);
    assert!(matches!(
        sign(&honest, "state").check(other, &key("state")),
        Err(Error::OtherCa { .. })
    ));
    let mut altered = sign(&honest, "state");
    altered.state = altered.state.replace("\"number\":5", "\"number\":6");
    assert!(matches!(
        altered.check(pin, &key("state")),
        Err(Error::Signature(_))
    ));
    let keyless = State {
        user_ca: vec![],
        ..honest
    };
    assert!(matches!(
        sign(&keyless, "state").check(pin, &key("state")),
        Err(Error::NoUserCa)
    ));
}

#[test]
fn a_collector_names_an_heir_only_while_its_key_is_renewed() {
    let company = Company::new();
    let collector = |heir: Option<&str>| Collector {
        url: "https://log:7444".parse().unwrap(),
        witness: "old".to_owned(),
        heir: heir.map(str::to_owned),
    };
    let naming = |heir| State {
        collectors: vec![collector(heir)],
        ..state(&company)
    };
    // As it was written before there were renewals, to the byte.
    let alone = sign(&naming(None), "state");
    let text = r#""collectors":[{"url":"https://log:7444","witness":"old"}]"#;
    assert!(alone.state.contains(text), "{}", alone.state);
    let taken = verified(&naming(None));
    let [named] = &taken.state().collectors[..] else {
        panic!("one collector");
    };
    assert_eq!(named.witnesses().collect::<Vec<_>>(), ["old"]);
    let taken = verified(&naming(Some("new")));
    let named = &taken.state().collectors[0];
    assert_eq!(named.witnesses().collect::<Vec<_>>(), ["old", "new"]);
    for (from, to) in [
        ("\"witness\":\"old\"", "\"witness\":\"old\",\"heir\":null"),
        ("\"witness\":\"old\"", "\"witness\":\"old\",\"heirs\":[]"),
    ] {
        let mut changed = alone.clone();
        changed.state = changed.state.replace(from, to);
        assert!(changed.read_unverified().is_err(), "{to}");
    }
}

#[test]
fn a_state_never_goes_back() {
    let company = Company::new();
    let known = verified(&state(&company));
    let follows = |change: fn(&mut State)| {
        let mut next = state(&company);
        change(&mut next);
        verified(&next).may_follow(&known)
    };
    assert!(follows(|_| {}).is_ok());
    assert!(follows(|next| next.number = 6).is_ok());
    assert!(matches!(
        follows(|next| next.number = 4),
        Err(Error::Older { known: 5, found: 4 })
    ));
    let restored = |next: &mut State| next.incarnation = Incarnation::from_bytes([2; 8]);
    assert!(matches!(
        follows(restored),
        Err(Error::OlderIncarnation { .. })
    ));
    assert!(
        follows(|next| {
            next.incarnation = Incarnation::from_bytes([2; 8]);
            next.number = 1;
            next.time = next.time.plus(1);
        })
        .is_ok()
    );
}

#[test]
fn an_enrolment_record_is_believed_by_the_state_key() {
    let company = Company::new();
    let (pin, incarnation) = (company.roster().pin(), Incarnation::from_bytes([1; 8]));
    let record = Record {
        v: Version,
        ca: pin,
        host: "db1".parse().unwrap(),
        aliases: vec!["db1.example.org".parse().unwrap()],
        groups: vec![],
        incarnation,
        origin: host_origin(pin, &"db1".parse().unwrap(), incarnation),
        log_key: "vkey".to_owned(),
        epoch_key: "vkey".to_owned(),
        time: now(),
        ephemeral: false,
    };
    let sign =
        |record: &Record, signer| record.sign(sshsig::with_key(&private_key(signer))).unwrap();
    assert_eq!(
        sign(&record, "state")
            .check(pin, &key("state"))
            .unwrap()
            .record(),
        &record
    );
    assert_eq!(
        record.origin,
        format!("daypass/{}/host/db1/0101010101010101", pin.short())
    );
    // Only where it is so does a record speak of it: those of before are as they were.
    assert!(!sign(&record, "state").record.contains("ephemeral"));
    let ephemeral = Record {
        ephemeral: true,
        ..record.clone()
    };
    let verified = sign(&ephemeral, "state").check(pin, &key("state")).unwrap();
    assert!(verified.record().ephemeral);
    let foreign = sign(&record, "ada").check(pin, &key("state"));
    assert!(matches!(foreign, Err(enrolment::Error::ForeignKey { .. })));
    let misnamed = Record {
        host: "db2".parse().unwrap(),
        ..record
    };
    let refused = sign(&misnamed, "state").check(pin, &key("state"));
    assert!(matches!(refused, Err(enrolment::Error::Origin { .. })));
}

/// "After me, `heir`", said by `signer`.
fn succession(company: &Company, signer: &str, heir: &str) -> SignedSuccession {
    Succession {
        v: Version,
        ca: company.roster().pin(),
        key: key(heir),
        time: now(),
    }
    .sign(sshsig::with_key(&private_key(signer)))
    .unwrap()
}

#[test]
fn whoever_was_away_follows_from_one_state_key_to_the_next() {
    let company = Company::new();
    let pin = company.roster().pin();
    let steps = vec![
        succession(&company, "state", "second"),
        succession(&company, "second", "third"),
    ];
    let third = State {
        state_key: key("third"),
        successions: steps.clone(),
        ..state(&company)
    };
    let signed = sign(&third, "third");
    for known in ["state", "second", "third"] {
        let verified = signed.check(pin, &key(known)).unwrap();
        assert_eq!(verified.former_state_keys(), [key("second"), key("state")]);
    }
    // Never back, and never by a step that the key before did not sign.
    let back = State {
        successions: steps.clone(),
        ..state(&company)
    };
    assert!(matches!(
        sign(&back, "state").check(pin, &key("third")),
        Err(Error::ForeignKey { .. })
    ));
    let forged = [
        vec![succession(&company, "mallory", "third")],
        vec![steps[1].clone()],
        vec![steps[1].clone(), steps[0].clone()],
        vec![{
            let mut changed = steps[0].clone();
            changed.succession = steps[1].succession.clone();
            changed
        }],
    ];
    for successions in forged {
        let state = State {
            successions,
            ..third.clone()
        };
        assert!(matches!(
            sign(&state, "third").check(pin, &key("state")),
            Err(Error::ForeignKey { .. })
        ));
    }
    let other = Succession {
        ca: Pin::from_bytes([1; 32]),
        ..serde_json::from_str(&steps[0].succession).unwrap()
    };
    let other = other.sign(sshsig::with_key(&private_key("state"))).unwrap();
    let state = State {
        successions: vec![other, steps[1].clone()],
        ..third
    };
    assert!(sign(&state, "third").check(pin, &key("state")).is_err());
}
