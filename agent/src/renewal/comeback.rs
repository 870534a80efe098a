//! After an absence longer than the client certificate's life: the host shows by its SSH host key who it is.

use daypass_protocol::api::Renewed;
use daypass_protocol::comeback::{Comeback, NAMESPACE, SignedComeback};
use daypass_protocol::host_proof;
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use daypass_transport::client::{self, Client, Request};

use crate::enrolment::Enrolment;
use crate::host_keys::{self, HostKey};
use crate::layout::Layout;

/// Why the CA was not asked, or does not take the host back.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// There is no host key to sign with.
    #[error("sshd has no host key")]
    NoKey,
    /// What is to be signed could not be written.
    #[error(transparent)]
    Text(#[from] serde_json::Error),
    /// A host key does not sign.
    #[error(transparent)]
    Sign(#[from] host_keys::SignError),
    /// No connection.
    #[error(transparent)]
    Setup(#[from] client::SetupError),
    /// The CA refused, or does not answer.
    #[error(transparent)]
    Call(#[from] client::Error),
}

/// Asks the CA for certificates by the first of the host keys.
pub(super) fn ask(
    layout: &Layout,
    enrolment: &Enrolment,
    keys: &[HostKey],
    csr: String,
    now: Time,
) -> Result<Renewed, Error> {
    let first = keys.first().ok_or(Error::NoKey)?;
    let claim = host_proof::text(enrolment.ca.ca, &enrolment.record.host, &csr);
    let comeback = Comeback {
        v: Version,
        ca: enrolment.ca.ca,
        host: enrolment.record.host.clone(),
        time: now,
        csr,
        host_keys: keys.iter().map(|key| key.key.clone()).collect(),
    }
    .to_text()?;
    let signed = SignedComeback {
        signature: host_keys::sign(layout, first, NAMESPACE, &comeback)?,
        proofs: host_keys::prove(layout, keys, &claim)?,
        comeback,
    };
    let body = serde_json::to_vec(&signed)?;
    let client = Client::new(&enrolment.ca.url.join(""), &enrolment.root, None)?;
    Ok(client.call(&Request::post("/v1/hosts/comeback", &body))?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use daypass_protocol::digest::Digest;

    use super::*;
    use crate::durable;

    #[test]
    fn what_the_host_key_signs_the_ca_takes_for_the_hosts_word() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        durable::directory(&layout.state(), 0o700).unwrap();
        fs::create_dir_all(layout.ssh()).unwrap();
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(layout.ssh().join("ssh_host_ed25519_key"))
            .status()
            .unwrap();
        assert!(made.success());
        let keys = host_keys::read(&layout).unwrap();
        let key = keys[0].key.clone();
        let now = Time::from_unix(1_800_000_000);
        let pin = Digest::of("a roster").into();
        let comeback = Comeback {
            v: Version,
            ca: pin,
            host: "db1".parse().unwrap(),
            time: now,
            csr: "a request".to_owned(),
            host_keys: vec![key.clone()],
        };
        let text = comeback.to_text().unwrap();
        let signed = SignedComeback {
            signature: host_keys::sign(&layout, &keys[0], NAMESPACE, &text).unwrap(),
            proofs: Vec::new(),
            comeback: text,
        };
        assert_eq!(signed.check(pin, &[key], now.plus(60)).unwrap(), comeback);
        assert!(signed.check(pin, &[], now).is_err());
    }
}
