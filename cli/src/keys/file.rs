//! Keys in files: public ones to read, private ones to sign with.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ssh_key::{PrivateKey, PublicKey};
use zeroize::Zeroizing;

use crate::diagnostic::{KeyError, prompt};

/// The longest key file that is read; RSA with 16384 bits needs about 13 kB.
const LONGEST_FILE: u64 = 64 * 1024;

/// Whether a person may be asked for a passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// On the terminal, as usual.
    Allowed,
    /// Never: somebody else's program, `ssh` for one, is in front.
    Never,
}

/// The public half of the key in `path`, which may be a public key's file or a private key's.
///
/// An OpenSSH private key shows its public half even while it is encrypted.
pub fn public_key(path: &Path) -> Result<PublicKey, KeyError> {
    let text = read(path)?;
    let text = std::str::from_utf8(&text)
        .map_err(|_| not_a_key(path))?
        .trim();
    if text.starts_with("-----BEGIN") {
        return PrivateKey::from_openssh(text)
            .map(|key| key.public_key().clone())
            .map_err(|_| not_a_key(path));
    }
    let key = PublicKey::from_openssh(text).map_err(|_| not_a_key(path))?;
    if key.key_data().is_certificate() {
        return Err(KeyError::IsCertificate {
            path: path.to_owned(),
        });
    }
    Ok(key)
}

/// The private key in `path`, decrypted; its passphrase is asked for if `asking` allows it.
pub fn private_key(path: &Path, asking: Asking) -> Result<PrivateKey, KeyError> {
    let text = read(path)?;
    let key = PrivateKey::from_openssh(&*text).map_err(|_| not_a_key(path))?;
    if !key.is_encrypted() {
        return Ok(key);
    }
    if asking == Asking::Never {
        return Err(KeyError::Locked {
            path: path.to_owned(),
        });
    }
    let passphrase = rpassword::prompt_password(prompt::passphrase(path))
        .map(Zeroizing::new)
        .map_err(|source| KeyError::NoTerminal {
            path: path.to_owned(),
            source,
        })?;
    key.decrypt(passphrase.as_bytes())
        .map_err(|_| KeyError::WrongPassphrase {
            path: path.to_owned(),
        })
}

/// The private key's path that belongs to `path`: `id_ed25519` for `id_ed25519.pub`.
pub fn private_path(path: &Path) -> PathBuf {
    match path.extension() {
        Some(extension) if extension == "pub" => path.with_extension(""),
        _ => path.to_owned(),
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let unreadable = |source| KeyError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    file.take(LONGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > LONGEST_FILE {
        Err(not_a_key(path))
    } else {
        Ok(bytes)
    }
}

fn not_a_key(path: &Path) -> KeyError {
    KeyError::NotAKey {
        path: path.to_owned(),
    }
}
