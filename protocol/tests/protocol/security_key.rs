//! Signatures of FIDO security keys, made here by hand as `PROTOCOL.u2f` describes them.

use crate::openssh::keygen_verifies;
use daypass_protocol::digest::Digest;
use daypass_protocol::key::Key;
use daypass_protocol::sshsig::{self, Error, Signature};
use signature::Signer as _;
use ssh_key::private::Ed25519Keypair;
use ssh_key::public::{KeyData, SkEd25519};
use ssh_key::{Algorithm, HashAlg, SshSig};

const NAMESPACE: &str = "daypass-approve@v1";
const MESSAGE: &[u8] = b"{\"v\":1}";
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 4;

/// The signature that a key gives whose authenticator reports these flags.
fn signed_with(flags: u8) -> (Key, Signature) {
    let keypair = Ed25519Keypair::from_seed(&[7; 32]);
    let key = KeyData::SkEd25519(SkEd25519::new(keypair.public, "ssh:"));
    let enveloped = sshsig::to_be_signed(NAMESPACE, MESSAGE).unwrap();
    let trailer = [flags, 0, 0, 0, 9];
    let (application, hash) = (Digest::of("ssh:"), Digest::of(enveloped));
    let presented = [application.as_bytes().as_slice(), &trailer, hash.as_bytes()].concat();
    let raw: ssh_key::Signature = keypair.sign(&presented);
    let signature =
        ssh_key::Signature::new(Algorithm::SkEd25519, [raw.as_bytes(), &trailer].concat()).unwrap();
    let signature = SshSig::new(key.clone(), NAMESPACE, HashAlg::Sha512, signature).unwrap();
    (key.try_into().unwrap(), signature.into())
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
