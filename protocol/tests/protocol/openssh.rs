//! Judged by OpenSSH: what we sign, `ssh-keygen` accepts; what it signs, we accept.

use crate::company::{Company, now, private_key};
use daypass_protocol::certificate::{Profile, Request};
use daypass_protocol::key::{self, Key};
use daypass_protocol::sshsig::{self, Error, Signature};
use daypass_protocol::statement::Verb;
use daypass_protocol::time::SKEW;
use daypass_protocol::window::{FrozenWindow, Permit, Window};
use ssh_key::{HashAlg, PrivateKey};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const NAMESPACE: &str = "daypass-approve@v1";

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/ssh")
}

fn vector(name: &str) -> String {
    fs::read_to_string(vectors().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn public(name: &str) -> Key {
    Key::from_openssh_line(&vector(&format!("{name}.pub"))).unwrap()
}

/// Whether `ssh-keygen -Y verify` accepts the signature as one of `key`.
pub(crate) fn keygen_verifies(
    key: &Key,
    namespace: &str,
    message: &[u8],
    signature: &Signature,
) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let (signers, armored) = (
        directory.path().join("signers"),
        directory.path().join("sig"),
    );
    fs::write(&signers, format!("ann {key}\n")).unwrap();
    fs::write(&armored, signature.to_string()).unwrap();
    let mut keygen = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-I", "ann", "-n", namespace, "-f"])
        .arg(&signers)
        .arg("-s")
        .arg(&armored)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    keygen.stdin.take().unwrap().write_all(message).unwrap();
    keygen.wait().unwrap().success()
}

#[test]
fn signatures_of_ssh_keygen_are_accepted() {
    for name in ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa3072"] {
        let signature: Signature = vector(&format!("{name}.sig")).parse().unwrap();
        let message = vector("message");
        assert_eq!(
            signature.verify(NAMESPACE, message.as_bytes()).unwrap(),
            public(name),
            "{name}"
        );
        assert_eq!(
            signature.to_string(),
            vector(&format!("{name}.sig")),
            "{name}: the text is kept"
        );
        let elsewhere = signature.verify("daypass-deny@v1", message.as_bytes());
        assert!(matches!(elsewhere, Err(Error::Namespace { .. })), "{name}");
        assert_eq!(
            signature.verify(NAMESPACE, b"other"),
            Err(Error::Mismatch),
            "{name}"
        );
    }
}

#[test]
fn signatures_that_we_do_not_want_are_refused_though_ssh_keygen_made_them() {
    let message = vector("message");
    let verify = |name: &str| {
        vector(name)
            .parse::<Signature>()
            .unwrap()
            .verify(NAMESPACE, message.as_bytes())
    };
    assert_eq!(
        verify("ed25519-sha256.sig"),
        Err(Error::Hash(HashAlg::Sha256))
    );
    assert_eq!(
        verify("rsa2048.sig"),
        Err(Error::Key(key::Error::RsaSize { bits: 2048 }))
    );
}

#[test]
fn signatures_that_are_not_exactly_armored_are_refused() {
    let honest = vector("ed25519.sig");
    for text in [
        format!("x\n{honest}"),
        format!("{honest}x"),
        honest.replace("SSH SIGNATURE", "SSH SIGNATURES"),
        "x".repeat(9000),
    ] {
        assert!(text.parse::<Signature>().is_err(), "{text}");
    }
}

#[test]
fn ssh_keygen_accepts_what_we_sign() {
    let message = b"{\"v\":1}";
    for name in ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa3072"] {
        let private = PrivateKey::from_openssh(vector(name)).unwrap();
        let signature = sshsig::sign(NAMESPACE, message, sshsig::with_key(&private)).unwrap();
        assert!(
            keygen_verifies(&public(name), NAMESPACE, message, &signature),
            "{name}"
        );
        assert!(
            !keygen_verifies(&public(name), "daypass-deny@v1", message, &signature),
            "{name}"
        );
    }
}

#[test]
fn ssh_keygen_accepts_a_statement_under_its_own_namespace_only() {
    let company = Company::new();
    let key = crate::company::key("ann");
    for verb in Verb::ALL {
        let signed = company.says(verb, "ann", &company.window());
        let accepts = |namespace| {
            keygen_verifies(
                &key,
                namespace,
                signed.statement.as_bytes(),
                &signed.signature,
            )
        };
        assert!(accepts(verb.namespace()), "{verb}");
        assert!(!accepts("file"), "{verb}");
    }
}

/// What `ssh-keygen -L` prints of a certificate.
fn listed(certificate: &ssh_key::Certificate) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key-cert.pub");
    fs::write(&file, certificate.to_openssh().unwrap()).unwrap();
    let keygen = Command::new("ssh-keygen")
        .env("TZ", "UTC")
        .arg("-L")
        .arg("-f")
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        keygen.status.success(),
        "{}",
        String::from_utf8_lossy(&keygen.stderr)
    );
    String::from_utf8(keygen.stdout).unwrap()
}

#[test]
fn ssh_keygen_reads_our_certificates_as_we_mean_them() {
    let company = Company::new();
    let draft = Window {
        sources: Some(vec![
            "192.0.2.0/24".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ]),
        force_command: Some("/usr/bin/uptime -p".parse().unwrap()),
        permit: vec![Permit::Pty, Permit::PortForwarding],
        ..company.draft()
    };
    let approved = company.approved(&FrozenWindow::freeze(&draft).unwrap());
    let key = crate::company::key("carl");
    for name in ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa3072"] {
        let authority = PrivateKey::from_openssh(vector(name)).unwrap();
        let request = Request {
            window: &approved,
            key: &key,
            serial: 4711,
            nonce: [1; 32],
            state: 3,
            now: now(),
            ttl: 600,
            skew: SKEW,
        };
        let certificate = request.issue(&authority).unwrap();
        Profile::check(&certificate, &[public(name)], now()).unwrap();
        let listed = listed(&certificate);
        for expected in [
            "Type: ssh-ed25519-cert-v01@openssh.com user certificate",
            &format!("Key ID: \"daypass/{}/carl\"", draft.id),
            "Serial: 4711",
            "Valid: from 2026-11-23T09:59:00 to 2026-11-23T10:10:00",
            &format!(
                "Principals: \n                {}\n        Critical Options:",
                draft.id
            ),
            "force-command /usr/bin/uptime -p",
            "source-address 192.0.2.0/24,2001:db8::/32",
            "permit-port-forwarding",
            "permit-pty",
            "window@daypass UNKNOWN OPTION",
            "state@daypass UNKNOWN OPTION",
        ] {
            assert!(
                listed.contains(expected),
                "{name}: no {expected:?} in\n{listed}"
            );
        }
        for absent in [
            "permit-user-rc",
            "permit-agent-forwarding",
            "permit-X11-forwarding",
        ] {
            assert!(!listed.contains(absent), "{name}: {absent} in\n{listed}");
        }
    }
}

#[test]
fn certificates_of_ssh_keygen_are_read_but_refused() {
    let ours = [public("ed25519")];
    let refused = |name: &str| {
        let certificate = daypass_protocol::certificate::parse(&vector(name)).unwrap();
        Profile::check(&certificate, &ours, now())
            .unwrap_err()
            .code()
    };
    assert_eq!(refused("plain-cert.pub"), "extension-missing");
    assert_eq!(refused("host-cert.pub"), "not-a-user-certificate");
    assert_eq!(refused("everyone-cert.pub"), "extension-missing");
    assert_eq!(refused("other-ca-cert.pub"), "authority-unknown");
}

#[test]
fn keys_that_may_not_sign_are_refused() {
    let refused = |name: &str| Key::from_openssh_line(&vector(name)).unwrap_err();
    assert_eq!(refused("plain-cert.pub"), key::Error::Certificate);
    assert_eq!(refused("rsa2048.pub"), key::Error::RsaSize { bits: 2048 });
    assert!(matches!(
        refused("dsa.pub"),
        key::Error::Type(_) | key::Error::Form(_)
    ));
    let with_comment = vector("ed25519.pub");
    assert!(Key::from_openssh_line(&with_comment).is_ok());
    assert_eq!(with_comment.trim().parse::<Key>(), Err(key::Error::Comment));
    assert_eq!(private_key("x").algorithm(), ssh_key::Algorithm::Ed25519);
}

#[test]
fn fingerprints_are_ssh_keygens() {
    for name in ["ed25519", "ecdsa256", "rsa3072"] {
        let file = vectors().join(format!("{name}.pub"));
        let keygen = Command::new("ssh-keygen")
            .arg("-l")
            .arg("-f")
            .arg(file)
            .output()
            .unwrap();
        let listed = String::from_utf8(keygen.stdout).unwrap();
        assert_eq!(
            listed.split(' ').nth(1).unwrap(),
            public(name).fingerprint().to_string()
        );
    }
}
