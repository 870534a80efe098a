//! Signatures of FIDO security keys, made here by hand as `PROTOCOL.u2f` describes them.

use crate::company::{Company, name, now, places};
use crate::openssh::keygen_verifies;
use daypass_protocol::digest::Digest;
use daypass_protocol::grant::Grant;
use daypass_protocol::key::Key;
use daypass_protocol::roster::{ApprovalKeys, Policy};
use daypass_protocol::sshsig::{self, Error, Signature};
use daypass_protocol::statement::Verb;
use signature::Signer as _;
use ssh_key::private::Ed25519Keypair;
use ssh_key::public::{KeyData, SkEd25519};
use ssh_key::{Algorithm, HashAlg, SshSig};
use std::convert::Infallible;

const NAMESPACE: &str = "daypass-approve@v1";
const MESSAGE: &[u8] = b"{\"v\":1}";
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 4;

/// The signature that a key gives whose authenticator reports these flags.
fn signed_with(flags: u8) -> (Key, Signature) {
    let (key, signature) = sign(flags, NAMESPACE, MESSAGE);
    (key, signature.into())
}

fn sign(flags: u8, namespace: &str, message: &[u8]) -> (Key, SshSig) {
    let keypair = Ed25519Keypair::from_seed(&[7; 32]);
    let key = KeyData::SkEd25519(SkEd25519::new(keypair.public, "ssh:"));
    let enveloped = sshsig::to_be_signed(namespace, message).unwrap();
    let trailer = [flags, 0, 0, 0, 9];
    let (application, hash) = (Digest::of("ssh:"), Digest::of(enveloped));
    let presented = [application.as_bytes().as_slice(), &trailer, hash.as_bytes()].concat();
    let raw: ssh_key::Signature = keypair.sign(&presented);
    let signature =
        ssh_key::Signature::new(Algorithm::SkEd25519, [raw.as_bytes(), &trailer].concat()).unwrap();
    let signature = SshSig::new(key.clone(), namespace, HashAlg::Sha512, signature).unwrap();
    (key.try_into().unwrap(), signature)
}

/// What becomes of Carl's window when Ann approves it with her security key, which reports these flags.
fn approved_with(flags: u8, keys: ApprovalKeys) -> &'static str {
    let mut company = Company::under(Policy {
        approval_keys: keys,
        ..Policy::default()
    });
    let (key, _) = signed_with(USER_PRESENT);
    company.change(|roster| {
        let ann = roster.people.iter_mut().find(|it| it.name == name("ann"));
        ann.unwrap().keys.push(key);
    });
    let window = company.window();
    let approval = company
        .statement(Verb::Approve, "ann", &window)
        .sign(|namespace, message| Ok::<_, Infallible>(sign(flags, namespace, message).1))
        .unwrap();
    let statements = vec![company.says(Verb::Request, "carl", &window), approval];
    Grant::new(&window, statements)
        .check(company.roster(), &places(), now())
        .map_or_else(|refusal| refusal.code(), |_| "ok")
}

#[test]
fn the_policy_may_ask_for_a_security_key_and_for_its_user_to_be_verified() {
    let verified = USER_PRESENT | USER_VERIFIED;
    for (flags, keys, expected) in [
        (USER_PRESENT, ApprovalKeys::Any, "ok"),
        (USER_PRESENT, ApprovalKeys::Touched, "ok"),
        (USER_PRESENT, ApprovalKeys::Verified, "not-approved"),
        (verified, ApprovalKeys::Any, "ok"),
        (verified, ApprovalKeys::Touched, "ok"),
        (verified, ApprovalKeys::Verified, "ok"),
        (0, ApprovalKeys::Any, "signature-invalid"),
        (USER_VERIFIED, ApprovalKeys::Verified, "signature-invalid"),
    ] {
        assert_eq!(approved_with(flags, keys), expected, "{flags} {keys}");
    }
    for (keys, expected) in [
        (ApprovalKeys::Any, "ok"),
        (ApprovalKeys::Touched, "not-approved"),
        (ApprovalKeys::Verified, "not-approved"),
    ] {
        let company = Company::under(Policy {
            approval_keys: keys,
            ..Policy::default()
        });
        let window = company.window();
        let grant = company.grant(&window, &[(Verb::Request, "carl"), (Verb::Approve, "ann")]);
        let verdict = grant
            .check(company.roster(), &places(), now())
            .map_or_else(|refusal| refusal.code(), |_| "ok");
        assert_eq!(verdict, expected, "{keys}");
    }
}

#[test]
fn a_touched_key_signs() {
    for flags in [USER_PRESENT, USER_PRESENT | USER_VERIFIED] {
        let (key, signature) = signed_with(flags);
        assert!(keygen_verifies(&key, NAMESPACE, MESSAGE, &signature));
        let again: Signature = signature.to_string().parse().unwrap();
        assert_eq!(again.verify(NAMESPACE, MESSAGE).unwrap(), key);
    }
}

#[test]
fn a_key_that_nobody_touched_does_not_sign() {
    for flags in [0, USER_VERIFIED] {
        let (_, signature) = signed_with(flags);
        assert_eq!(signature.verify(NAMESPACE, MESSAGE), Err(Error::NotPresent));
    }
}

#[test]
fn a_touch_cannot_be_added_afterwards() {
    let (_, untouched) = signed_with(0);
    let armored = untouched.to_string();
    let parsed = SshSig::from_pem(&armored).unwrap();
    let mut bytes = parsed.signature_bytes().to_vec();
    let flags = bytes.len() - 5;
    bytes[flags] = USER_PRESENT;
    let altered = ssh_key::Signature::new(Algorithm::SkEd25519, bytes).unwrap();
    let altered = SshSig::new(
        parsed.public_key().clone(),
        NAMESPACE,
        HashAlg::Sha512,
        altered,
    );
    let altered = Signature::from(altered.unwrap());
    assert_eq!(altered.verify(NAMESPACE, MESSAGE), Err(Error::Mismatch));
}
