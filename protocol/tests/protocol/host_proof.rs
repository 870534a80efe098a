//! A machine shows that its SSH host keys are its own.

use daypass_protocol::comeback;
use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::host_proof::{Error, NAMESPACE, check, text};
use daypass_protocol::sshsig::{self, Signature};

use crate::company::{key, private_key};

fn pin() -> Pin {
    Digest::of("a roster").into()
}

fn proof(owner: &str, namespace: &str, text: &str) -> Signature {
    let private = private_key(owner);
    sshsig::sign(namespace, text.as_bytes(), sshsig::with_key(&private)).unwrap()
}

#[test]
fn what_a_host_key_signs_is_written_as_the_documentation_says() {
    let csr = "a request";
    let expected = format!(
        r#"{{"v":1,"ca":"{}","host":"db1","csr":"{}"}}"#,
        pin(),
        Digest::of(csr)
    );
    assert_eq!(text(pin(), &"db1".parse().unwrap(), csr), expected);
}

#[test]
fn each_key_proves_itself_and_no_other() {
    let text = text(pin(), &"db1".parse().unwrap(), "a request");
    let (keys, made) = (
        [key("one"), key("two")],
        ["one", "two"].map(|owner| proof(owner, NAMESPACE, &text)),
    );
    assert_eq!(check(&keys, &made, &text), Ok(()));
    let mut swapped = made.clone();
    swapped.reverse();
    assert_eq!(
        check(&keys, &swapped, &text),
        Err(Error::ForeignKey {
            expected: key("one").fingerprint(),
            found: key("two").fingerprint(),
        })
    );
    assert_eq!(
        check(&keys, &made[..1], &text),
        Err(Error::Count { keys: 2, found: 1 })
    );
    assert!(matches!(
        check(&keys, &made, "another text"),
        Err(Error::Signature {
            source: sshsig::Error::Mismatch,
            ..
        })
    ));
}

#[test]
fn what_a_host_key_signs_for_another_purpose_proves_nothing() {
    let text = text(pin(), &"db1".parse().unwrap(), "a request");
    let other = proof("one", comeback::NAMESPACE, &text);
    assert!(matches!(
        check(&[key("one")], &[other], &text),
        Err(Error::Signature {
            source: sshsig::Error::Namespace { .. },
            ..
        })
    ));
}
