//! Somebody who was invited hands in a key that is theirs.

use daypass_protocol::comeback;
use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::invitation::{Acceptance, Error, MAX_DOCUMENT, NAMESPACE, SignedAcceptance};
use daypass_protocol::sshsig;
use daypass_protocol::strict_json;
use daypass_protocol::token::Secret;
use daypass_protocol::version::Version;

use crate::company::{key, name, private_key};

fn acceptance(owner: &str) -> Acceptance {
    Acceptance {
        v: Version,
        ca: Pin::from(Digest::of("a roster")),
        person: name("carol"),
        secret: Secret::from_bytes([5; 32]).digest(),
        key: key(owner),
    }
}

fn signed(acceptance: &Acceptance, signer: &str) -> SignedAcceptance {
    acceptance
        .sign(sshsig::with_key(&private_key(signer)))
        .unwrap()
}

/// This text as it stands, signed with the key of `carol`.
fn as_it_stands(text: &str, namespace: &str) -> SignedAcceptance {
    let private = private_key("carol");
    SignedAcceptance {
        acceptance: text.to_owned(),
        signature: sshsig::sign(namespace, text.as_bytes(), sshsig::with_key(&private)).unwrap(),
    }
}

#[test]
fn an_acceptance_is_written_as_the_documentation_says_and_read_again() {
    let said = acceptance("carol");
    let signed = signed(&said, "carol");
    let expected = format!(
        r#"{{"v":1,"ca":"{}","person":"carol","secret":"{}","key":"{}"}}"#,
        said.ca,
        Digest::of([5; 32]),
        said.key,
    );
    assert_eq!(signed.acceptance, expected);
    assert_eq!(signed.read().unwrap(), said);
    let carried = serde_json::to_string(&signed).unwrap();
    let carried: SignedAcceptance = strict_json::parse(carried, 2 * MAX_DOCUMENT).unwrap();
    assert_eq!(carried.read().unwrap(), said);
}

#[test]
fn a_key_is_handed_in_by_whoever_has_its_private_half_alone() {
    assert!(matches!(
        signed(&acceptance("bob"), "carol").read(),
        Err(Error::ForeignKey { expected, found })
            if expected == key("bob").fingerprint() && found == key("carol").fingerprint()
    ));
    let mut altered = signed(&acceptance("carol"), "carol");
    altered.acceptance = altered.acceptance.replace(r#""carol""#, r#""mallory""#);
    assert!(matches!(
        altered.read(),
        Err(Error::Signature(sshsig::Error::Mismatch))
    ));
    let text = signed(&acceptance("carol"), "carol").acceptance;
    assert!(as_it_stands(&text, NAMESPACE).read().is_ok());
    assert!(matches!(
        as_it_stands(&text, comeback::NAMESPACE).read(),
        Err(Error::Signature(sshsig::Error::Namespace { .. }))
    ));
}

#[test]
fn what_is_no_acceptance_is_refused_whoever_signs_it() {
    let text = signed(&acceptance("carol"), "carol").acceptance;
    for other in [
        text.replace(r#""v":1"#, r#""v":2"#),
        text.replace(r#""v":1"#, r#""v":1,"v":1"#),
        text.replace(r#""v":1"#, r#""v":1,"role":"admin""#),
        text.replace(r#""person":"carol","#, ""),
        format!("{text}{}", " ".repeat(MAX_DOCUMENT)),
        "[]".to_owned(),
    ] {
        assert_ne!(other, text);
        assert!(
            matches!(as_it_stands(&other, NAMESPACE).read(), Err(Error::Json(_))),
            "{other}"
        );
    }
}
