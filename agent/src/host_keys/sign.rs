//! What the host's SSH keys sign. OpenSSH's own tool does it: the private keys are its files, of whatever kind they are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use daypass_protocol::host_proof;
use daypass_protocol::sshsig::{self, Signature};

use super::HostKey;
use crate::command;
use crate::durable;
use crate::layout::Layout;

const SIGNER: &str = "/usr/bin/ssh-keygen";
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// An armored signature of the longest key, and room.
const MAX_SIGNATURE: u64 = 16 * 1024;

/// Why a host key did not sign.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file.
    #[error(transparent)]
    File(#[from] durable::Error),
    /// ssh-keygen.
    #[error("the host key {} does not sign: {source}", path.display())]
    Command {
        /// The private key's file.
        path: PathBuf,
        /// What it said.
        source: command::Error,
    },
    /// What it wrote is no signature, or none that counts.
    #[error("ssh-keygen's signature by {} does not count: {source}", path.display())]
    Signature {
        /// The private key's file.
        path: PathBuf,
        /// What is wrong.
        source: sshsig::Error,
    },
    /// It is another key's.
    #[error("{} is not the private half of the key in {}.pub", path.display(), path.display())]
    OtherKey {
        /// The private key's file.
        path: PathBuf,
    },
    /// It wrote none.
    #[error("ssh-keygen wrote no signature by {}", path.display())]
    NoSignature {
        /// The private key's file.
        path: PathBuf,
    },
}

/// Has each key sign `text`, to show the CA that it is this machine's.
///
/// # Errors
/// The first key that does not.
pub fn prove(layout: &Layout, keys: &[HostKey], text: &str) -> Result<Vec<Signature>, Error> {
    let sign = |key| sign(layout, key, host_proof::NAMESPACE, text);
    keys.iter().map(sign).collect()
}

/// Has the key sign `text` in `namespace`.
///
/// # Errors
/// See [`enum@Error`].
pub fn sign(
    layout: &Layout,
    key: &HostKey,
    namespace: &str,
    text: &str,
) -> Result<Signature, Error> {
    let path = key.private(layout);
    let message = layout.state().join("to-sign");
    let signature = message.with_extension("sig");
    // It asks before it writes over anything.
    remove(&signature)?;
    durable::replace(&message, text.as_bytes(), 0o600)?;
    let read = written(&path, &message, namespace)
        .and_then(|()| Ok(durable::read(&signature, MAX_SIGNATURE)?));
    for file in [message, signature] {
        remove(&file)?;
    }
    let Some(bytes) = read? else {
        return Err(Error::NoSignature { path });
    };
    let made: Result<Signature, _> = String::from_utf8_lossy(&bytes).parse();
    let checked = made.and_then(|made| Ok((made.verify(namespace, text.as_bytes())?, made)));
    match checked {
        Ok((by, made)) if by == key.key => Ok(made),
        Ok(_) => Err(Error::OtherKey { path }),
        Err(source) => Err(Error::Signature { path, source }),
    }
}

/// Has ssh-keygen write the signature of `message` beside it.
fn written(path: &Path, message: &Path, namespace: &str) -> Result<(), Error> {
    let (key, message) = (path.to_string_lossy(), message.to_string_lossy());
    let arguments = ["-q", "-Y", "sign", "-n", namespace, "-f", &*key, &*message];
    command::run_within(PATIENCE, Path::new(SIGNER), &arguments)
        .map(drop)
        .map_err(|source| Error::Command {
            path: path.to_owned(),
            source,
        })
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            let path = path.to_owned();
            Err(durable::Error::Write { path, source }.into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use daypass_protocol::digest::Digest;
    use daypass_protocol::key::Key;

    use super::*;
    use crate::host_keys;

    /// A host with one key of each of these kinds.
    fn host(kinds: &[&str]) -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        durable::directory(&layout.state(), 0o700).unwrap();
        fs::create_dir_all(layout.ssh()).unwrap();
        for kind in kinds {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", kind, "-N", "", "-f"])
                .arg(layout.ssh().join(format!("ssh_host_{kind}_key")))
                .status()
                .unwrap();
            assert!(made.success());
        }
        (folder, layout)
    }

    #[test]
    fn host_keys_of_every_kind_that_sshd_makes_prove_themselves() {
        let (_folder, layout) = host(&["ecdsa", "ed25519", "rsa"]);
        let keys = host_keys::read(&layout).unwrap();
        assert_eq!(keys.len(), 3);
        let ca = Digest::of("a roster").into();
        let text = host_proof::text(ca, &"db1".parse().unwrap(), "a request");
        let proofs = prove(&layout, &keys, &text).unwrap();
        let public: Vec<Key> = keys.iter().map(|key| key.key.clone()).collect();
        host_proof::check(&public, &proofs, &text).unwrap();
        assert!(fs::read_dir(layout.state()).unwrap().next().is_none());
    }

    #[test]
    fn a_public_file_without_its_private_half_is_no_key_of_this_host() {
        let (_folder, layout) = host(&["ecdsa", "ed25519"]);
        fs::remove_file(layout.ssh().join("ssh_host_ecdsa_key")).unwrap();
        let keys = host_keys::read(&layout).unwrap();
        let files: Vec<&str> = keys.iter().map(|key| key.file.as_str()).collect();
        assert_eq!(files, ["ssh_host_ed25519_key.pub"]);
    }

    #[test]
    fn a_private_half_that_is_another_keys_proves_nothing() {
        let (_folder, layout) = host(&["ed25519"]);
        let (_other, stranger) = host(&["ed25519"]);
        let file = "ssh_host_ed25519_key.pub";
        fs::copy(stranger.ssh().join(file), layout.ssh().join(file)).unwrap();
        let keys = host_keys::read(&layout).unwrap();
        // Versions of ssh-keygen that notice by themselves do not sign.
        assert!(matches!(
            prove(&layout, &keys, "a text"),
            Err(Error::OtherKey { .. } | Error::Command { .. })
        ));
        assert!(fs::read_dir(layout.state()).unwrap().next().is_none());
    }
}
