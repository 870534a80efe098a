//! Revocation lists, with `ssh-keygen -Q` as the judge.

use std::path::Path;
use std::process::Command;

use daypass_protocol::krl::{Error, Krl};
use proptest::prelude::*;
use ssh_key::certificate::{Builder, CertType};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, PrivateKey};

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

fn fingerprint(key: &PrivateKey) -> [u8; 32] {
    let ssh_key::Fingerprint::Sha256(hash) = key.fingerprint(HashAlg::Sha256) else {
        panic!("SHA-256 was asked for");
    };
    hash
}

fn certificate(subject: &PrivateKey, serial: u64, key_id: &str) -> String {
    let mut builder = Builder::new(
        [7; 16],
        subject.public_key().key_data().clone(),
        0,
        4_000_000_000,
    )
    .unwrap();
    builder.serial(serial).unwrap();
    builder.key_id(key_id).unwrap();
    builder.cert_type(CertType::User).unwrap();
    builder.valid_principal("somebody").unwrap();
    let certificate = builder.sign(&key(99)).unwrap();
    certificate.to_openssh().unwrap()
}

/// What ssh-keygen makes of it: whether what stands in the file is revoked.
fn is_revoked(folder: &Path, krl: &Krl, text: &str) -> bool {
    let (list, file) = (folder.join("krl"), folder.join("key.pub"));
    std::fs::write(&list, krl.to_bytes()).unwrap();
    std::fs::write(&file, text).unwrap();
    let said = Command::new("ssh-keygen")
        .arg("-Q")
        .arg("-f")
        .args([&list, &file])
        .output()
        .expect("ssh-keygen is needed: apt install openssh-client");
    let words = String::from_utf8(said.stdout.clone()).unwrap();
    match said.status.code() {
        Some(0) if words.trim().ends_with("ok") => false,
        Some(1) if words.contains("REVOKED") => true,
        _ => panic!("ssh-keygen does not take the list: {words}{said:?}"),
    }
}

#[test]
fn ssh_keygen_finds_what_is_revoked_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let krl = Krl {
        number: 12,
        generated: 1_800_000_000,
        serials: [4, u64::MAX >> 1].into(),
        key_ids: ["daypass/w-1/cody".to_owned(), "daypass/w-2/dora".to_owned()].into(),
        keys: [fingerprint(&key(1))].into(),
    };
    let revoked = |text: &str| is_revoked(folder.path(), &krl, text);
    assert!(revoked(&certificate(&key(2), 4, "daypass/w-9/eve")));
    assert!(revoked(&certificate(
        &key(2),
        u64::MAX >> 1,
        "daypass/w-9/eve"
    )));
    assert!(revoked(&certificate(&key(2), 5, "daypass/w-2/dora")));
    assert!(revoked(&certificate(&key(1), 5, "daypass/w-9/eve")));
    assert!(revoked(&key(1).public_key().to_openssh().unwrap()));
    assert!(!revoked(&certificate(&key(2), 5, "daypass/w-9/eve")));
    assert!(!revoked(&certificate(&key(2), 5, "daypass/w-1/cod")));
    assert!(!revoked(&key(2).public_key().to_openssh().unwrap()));
}

#[test]
fn an_empty_list_revokes_nothing_and_is_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let text = certificate(&key(2), 5, "daypass/w-9/eve");
    assert!(!is_revoked(folder.path(), &Krl::default(), &text));
}

#[test]
fn what_ssh_keygen_writes_beyond_ours_is_refused_and_not_half_read() {
    let folder = tempfile::tempdir().unwrap();
    let (list, file) = (folder.path().join("krl"), folder.path().join("key.pub"));
    std::fs::write(&file, key(1).public_key().to_openssh().unwrap()).unwrap();
    let made = Command::new("ssh-keygen")
        .args(["-k", "-q", "-f"])
        .args([&list, &file])
        .status()
        .unwrap();
    assert!(made.success());
    // Whole keys, where we write fingerprints.
    let bytes = std::fs::read(&list).unwrap();
    assert_eq!(Krl::parse(&bytes), Err(Error::Section(2)));
}

#[test]
fn a_list_that_is_cut_off_anywhere_is_refused_or_shorter_by_whole_sections() {
    let krl = Krl {
        number: 1,
        serials: [1, 2].into(),
        keys: [[3; 32]].into(),
        ..Krl::default()
    };
    let bytes = krl.to_bytes();
    for length in 0..bytes.len() {
        if let Ok(read) = Krl::parse(&bytes[..length]) {
            assert!(read.keys.is_empty(), "cut at {length}");
            assert_eq!(read.to_bytes(), &bytes[..length]);
        }
    }
}

proptest! {
    #[test]
    fn every_list_is_read_as_it_was_written(
        number: u64,
        generated: u64,
        serials: std::collections::BTreeSet<u64>,
        key_ids: std::collections::BTreeSet<String>,
        keys: std::collections::BTreeSet<[u8; 32]>,
    ) {
        let krl = Krl { number, generated, serials, key_ids, keys };
        prop_assert_eq!(Krl::parse(&krl.to_bytes()), Ok(krl));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = Krl::parse(&bytes);
    }
}
