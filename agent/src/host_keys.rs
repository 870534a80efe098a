//! The host's SSH keys, and the certificates that the CA gives for them.

mod sign;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use daypass_protocol::certificate;
use daypass_protocol::key::Key;
use ssh_key::certificate::CertType;

use crate::durable;
use crate::layout::Layout;
use crate::sshd::{self, Sshd};

pub use sign::{Error as SignError, prove, sign};

const MAX_BYTES: u64 = 16 * 1024;
/// As many as the CA takes: one of each kind, and room.
const MAX_KEYS: usize = 8;

/// One of sshd's host keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    /// The name of its public file, as `ssh_host_ed25519_key.pub`.
    pub file: String,
    /// The key.
    pub key: Key,
}

impl HostKey {
    /// Where its private half is.
    pub(crate) fn private(&self, layout: &Layout) -> PathBuf {
        layout.ssh().join(self.file.trim_end_matches(".pub"))
    }
}

/// Why there are no host keys, or no certificate for one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No file there holds a key that a certificate can be made for.
    #[error("{} holds no host key that can be used, with its private half", path.display())]
    None {
        /// The directory.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] durable::Error),
    /// The CA sent another number of certificates than keys.
    #[error("the CA sent {found} host certificates for {expected} keys")]
    Count {
        /// Keys sent.
        expected: usize,
        /// Certificates received.
        found: usize,
    },
    /// A certificate that cannot be read.
    #[error("the certificate for {file}: {source}")]
    Certificate {
        /// The key's file.
        file: String,
        /// What is wrong with it.
        source: certificate::Error,
    },
    /// A certificate for another key, of another kind, or signed by a key that is not the CA's.
    #[error("the certificate for {file} is not a host certificate of this CA for that key")]
    Foreign {
        /// The key's file.
        file: String,
    },
}

/// Reads sshd's public host keys, in the order of their file names. Keys that no certificate can
/// be made for (DSA, short RSA) are left out, and those whose private half is not there: they are not this host's.
///
/// # Errors
/// [`Error::Directory`], [`Error::None`].
pub fn read(layout: &Layout) -> Result<Vec<HostKey>, Error> {
    let path = layout.ssh();
    let listed = fs::read_dir(&path).map_err(|source| Error::Directory {
        path: path.clone(),
        source,
    })?;
    let mut keys: Vec<HostKey> = listed
        .flatten()
        .filter_map(|entry| host_key(&entry.path()))
        .filter(|key| key.private(layout).exists())
        .collect();
    keys.sort_by(|one, other| one.file.cmp(&other.file));
    keys.truncate(MAX_KEYS);
    if keys.is_empty() {
        return Err(Error::None { path });
    }
    Ok(keys)
}

fn host_key(path: &Path) -> Option<HostKey> {
    let file = path.file_name()?.to_str()?;
    if !file.starts_with("ssh_host_") || !file.ends_with("_key.pub") {
        return None;
    }
    let bytes = durable::read(path, MAX_BYTES).ok()??;
    let key = Key::from_openssh_line(String::from_utf8_lossy(&bytes).trim()).ok()?;
    Some(HostKey {
        file: file.to_owned(),
        key,
    })
}

/// Checks that each certificate is a host certificate for the key of its place, by one of these
/// CA keys.
///
/// # Errors
/// [`Error::Count`], [`Error::Certificate`], [`Error::Foreign`].
pub fn check(keys: &[HostKey], certificates: &[String], host_ca: &[Key]) -> Result<(), Error> {
    if keys.len() != certificates.len() {
        return Err(Error::Count {
            expected: keys.len(),
            found: certificates.len(),
        });
    }
    for (key, text) in keys.iter().zip(certificates) {
        let file = key.file.clone();
        let parsed = match certificate::parse(text) {
            Ok(parsed) => parsed,
            Err(source) => return Err(Error::Certificate { file, source }),
        };
        let is_ours = parsed.cert_type() == CertType::Host
            && parsed.public_key() == key.key.data()
            && host_ca.iter().any(|ca| ca.data() == parsed.signature_key());
        if !is_ours {
            return Err(Error::Foreign { file });
        }
    }
    Ok(())
}

/// Writes the certificates and returns where they stand, in the order of the keys.
///
/// # Errors
/// A file could not be written.
pub fn store(
    layout: &Layout,
    keys: &[HostKey],
    certificates: &[String],
) -> Result<Vec<PathBuf>, durable::Error> {
    let directory = layout.host_certificates();
    durable::directory(&directory, 0o755)?;
    let mut paths = Vec::new();
    for (key, text) in keys.iter().zip(certificates) {
        let name = key.file.replace("_key.pub", "_key-cert.pub");
        let path = directory.join(name);
        durable::replace(&path, format!("{}\n", text.trim()).as_bytes(), 0o644)?;
        paths.push(path);
    }
    Ok(paths)
}

/// Whether clients are shown the host certificates.
#[derive(Debug)]
pub enum Shown {
    /// sshd shows them, once it has read its configuration anew.
    Yes,
    /// The site shows certificates of its own, which stay.
    SiteHasItsOwn,
    /// sshd did not accept the lines; its configuration is as before.
    Refused(sshd::Error),
}

/// Lets sshd show these certificates, unless the site has its own.
#[must_use]
pub fn show(layout: &Layout, certificates: &[PathBuf]) -> Shown {
    let sshd = Sshd::new(layout);
    let ours = |path: &str| Path::new(path).starts_with(layout.host_certificates());
    match sshd.effective("root") {
        Ok(effective) => {
            let mut shown = effective.all("hostcertificate");
            if shown.any(|path| path != "none" && !ours(path)) {
                return Shown::SiteHasItsOwn;
            }
        }
        Err(refused) => return Shown::Refused(refused),
    }
    let lines = sshd::host_certificates(certificates.iter().map(PathBuf::as_path));
    match sshd.install(&layout.sshd_host_certificates(), Some(&lines)) {
        Ok(()) => Shown::Yes,
        Err(refused) => Shown::Refused(refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::public;

    #[test]
    fn public_host_keys_are_found_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        fs::create_dir_all(layout.ssh()).unwrap();
        let write = |name: &str, text: &str| fs::write(layout.ssh().join(name), text).unwrap();
        write("ssh_host_rsa_key.pub", "ssh-dss AAAA broken\n");
        write(
            "ssh_host_ed25519_key.pub",
            &format!("{} root@db1\n", public(9)),
        );
        write("ssh_host_ed25519_key", "secret");
        write("sshd_config", "");
        let keys = read(&layout).unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].key, public(9));
    }

    #[test]
    fn a_host_without_usable_keys_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        assert!(matches!(read(&layout), Err(Error::Directory { .. })));
        fs::create_dir_all(layout.ssh()).unwrap();
        assert!(matches!(read(&layout), Err(Error::None { .. })));
    }

    #[test]
    fn as_many_certificates_as_keys_are_expected() {
        let keys = [HostKey {
            file: "ssh_host_ed25519_key.pub".to_owned(),
            key: public(9),
        }];
        assert!(matches!(
            check(&keys, &[], &[]),
            Err(Error::Count {
                expected: 1,
                found: 0
            })
        ));
        assert!(matches!(
            check(&keys, &["nonsense".to_owned()], &[]),
            Err(Error::Certificate { .. })
        ));
    }
}
