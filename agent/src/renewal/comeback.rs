//! After an absence longer than the client certificate's life: the host shows by its SSH host key who it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use daypass_protocol::api::Renewed;
use daypass_protocol::comeback::{Comeback, NAMESPACE, SignedComeback};
use daypass_protocol::sshsig;
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use daypass_transport::client::{self, Client, Request};

use crate::command;
use crate::durable;
use crate::enrolment::Enrolment;
use crate::host_keys::HostKey;
use crate::layout::Layout;

/// OpenSSH's own tool signs: the private host keys are its files, of whatever kind they are.
const SIGNER: &str = "/usr/bin/ssh-keygen";
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// An armored signature of the longest key, and room.
const MAX_SIGNATURE: u64 = 16 * 1024;

/// Why the CA was not asked, or does not take the host back.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// There is no host key to sign with.
    #[error("sshd has no host key")]
    NoKey,
    /// What is to be signed could not be written.
    #[error(transparent)]
    Text(#[from] serde_json::Error),
    /// A file.
    #[error(transparent)]
    File(#[from] durable::Error),
    /// ssh-keygen.
    #[error(transparent)]
    Command(#[from] command::Error),
    /// What it wrote is no signature.
    #[error(transparent)]
    Signature(#[from] sshsig::Error),
    /// It wrote none.
    #[error("ssh-keygen wrote no signature")]
    NoSignature,
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
    let private = first.file.strip_suffix(".pub").ok_or(Error::NoKey)?;
    let comeback = Comeback {
        v: Version,
        ca: enrolment.ca.ca,
        host: enrolment.record.host.clone(),
        time: now,
        csr,
        host_keys: keys.iter().map(|key| key.key.clone()).collect(),
    }
    .to_text()?;
    let signature = sign(layout, &layout.ssh().join(private), &comeback)?.parse()?;
    let signed = SignedComeback {
        comeback,
        signature,
    };
    let body = serde_json::to_vec(&signed)?;
    let client = Client::new(&enrolment.ca.url.join(""), &enrolment.root, None)?;
    Ok(client.call(&Request::post("/v1/hosts/comeback", &body))?)
}

/// Has ssh-keygen sign `text`; both files are gone afterwards.
fn sign(layout: &Layout, key: &Path, text: &str) -> Result<String, Error> {
    let message = layout.state().join("comeback");
    let signature = message.with_extension("sig");
    // It asks before it writes over anything.
    remove(&signature)?;
    durable::replace(&message, text.as_bytes(), 0o600)?;
    let signed = command::run_within(
        PATIENCE,
        Path::new(SIGNER),
        &[
            "-q",
            "-Y",
            "sign",
            "-n",
            NAMESPACE,
            "-f",
            &key.to_string_lossy(),
            &message.to_string_lossy(),
        ],
    );
    let read = signed.map_err(Error::from).and_then(|_| {
        let bytes = durable::read(&signature, MAX_SIGNATURE)?.ok_or(Error::NoSignature)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    });
    for path in [message, signature] {
        remove(&path)?;
    }
    read
}

fn remove(path: &PathBuf) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            let path = path.clone();
            Err(durable::Error::Write { path, source }.into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use daypass_protocol::key::Key;

    use super::*;

    #[test]
    fn what_the_host_key_signs_the_ca_takes_for_the_hosts_word() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        durable::directory(&layout.state(), 0o700).unwrap();
        let path = folder.path().join("ssh_host_ed25519_key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        let public = fs::read_to_string(path.with_extension("pub")).unwrap();
        let key = Key::from_openssh_line(public.trim()).unwrap();
        let now = Time::from_unix(1_800_000_000);
        let pin = daypass_protocol::digest::Digest::of("a roster").into();
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
            signature: sign(&layout, &path, &text).unwrap().parse().unwrap(),
            comeback: text,
        };
        assert_eq!(signed.check(pin, &[key], now.plus(60)).unwrap(), comeback);
        assert!(signed.check(pin, &[], now).is_err());
        assert!(fs::read_dir(layout.state()).unwrap().next().is_none());
    }
}
