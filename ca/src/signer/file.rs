//! Keys in OpenSSH files, encrypted by passphrase: `ssh-keygen` reads and changes them.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use signature::Signer as _;
use ssh_key::private::KeypairData;
use ssh_key::{Algorithm, Cipher, HashAlg, Kdf, LineEnding, PrivateKey, PublicKey, Signature};
use zeroize::Zeroizing;

use super::fresh::{KeyType, fresh_key};
use super::{Signer, SignerError};
use crate::passphrase::Passphrase;
use crate::random::{self, NoRandomness};

/// bcrypt rounds: OpenSSH's own default.
pub const KDF_ROUNDS: u32 = 24;

/// A key whose secret is in this process's memory.
pub struct FileSigner {
    key: PrivateKey,
    /// The same where it is Ed25519, ready to sign: made from its seed, and held against its public half, once.
    ready: Option<SigningKey>,
}

/// Why a key file cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is a file already.
    #[error("{path} exists already; a key is never overwritten")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be read or written.
    #[error("the key file {path} cannot be used")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No private key in OpenSSH's format.
    #[error("{path} is no OpenSSH private key")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: ssh_key::Error,
    },
    /// The key is not encrypted: whoever copies the disk has it.
    #[error("{path} is not encrypted; encrypt it with: ssh-keygen -p -f {path}")]
    NotEncrypted {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase does not open it.
    #[error("the passphrase does not open {path}")]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The key could not be made.
    #[error("the key for {path} could not be made")]
    NotMade {
        /// The file.
        path: PathBuf,
        /// What the library said.
        source: ssh_key::Error,
    },
    /// No seed or salt.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl FileSigner {
    /// Makes a new key and writes it, encrypted, to `path` (0600) with `path.pub` beside it.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub fn create(
        path: &Path,
        kind: KeyType,
        comment: &str,
        passphrase: &Passphrase,
        rounds: u32,
    ) -> Result<Self, KeyFileError> {
        let not_made = |source| KeyFileError::NotMade {
            path: path.to_owned(),
            source,
        };
        let key = fresh_key(kind, comment)?;
        let salt = random::bytes::<16>()?.to_vec();
        let check = u32::from_ne_bytes(random::bytes()?);
        let encrypted = key
            .encrypt_with(
                Cipher::Aes256Ctr,
                Kdf::Bcrypt { salt, rounds },
                check,
                passphrase.as_bytes(),
            )
            .map_err(not_made)?;
        let text = encrypted.to_openssh(LineEnding::LF).map_err(not_made)?;
        write_new(path, text.as_bytes())?;
        let public = key.public_key().to_openssh().map_err(not_made)? + "\n";
        write_new(&path.with_extension("pub"), public.as_bytes())?;
        Self::of(path, key)
    }

    /// Opens the encrypted key in `path`.
    ///
    /// # Errors
    /// When it cannot be read, is no key, is not encrypted, or the passphrase is wrong.
    pub fn open(path: &Path, passphrase: &Passphrase) -> Result<Self, KeyFileError> {
        let text = Zeroizing::new(std::fs::read(path).map_err(|source| KeyFileError::Io {
            path: path.to_owned(),
            source,
        })?);
        let encrypted = PrivateKey::from_openssh(text.as_slice()).map_err(|source| {
            KeyFileError::Malformed {
                path: path.to_owned(),
                source,
            }
        })?;
        if !encrypted.is_encrypted() {
            return Err(KeyFileError::NotEncrypted {
                path: path.to_owned(),
            });
        }
        let key = encrypted.decrypt(passphrase.as_bytes()).map_err(|_| {
            KeyFileError::WrongPassphrase {
                path: path.to_owned(),
            }
        })?;
        Self::of(path, key)
    }

    /// Comments are no part of what is handed out.
    fn of(path: &Path, mut key: PrivateKey) -> Result<Self, KeyFileError> {
        key.set_comment("");
        let ready = match key.key_data() {
            KeypairData::Ed25519(pair) => Some(SigningKey::try_from(pair)),
            _ => None,
        };
        let ready = ready
            .transpose()
            .map_err(|source| KeyFileError::Malformed {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self { key, ready })
    }
}

impl Signer for FileSigner {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let signed = match &self.ready {
            Some(ready) => {
                let bytes = ready.sign(message).to_bytes();
                Signature::new(Algorithm::Ed25519, bytes).map_err(signature::Error::from_source)
            }
            None => self.key.try_sign(message),
        };
        signed.map_err(|source| SignerError::Refused {
            fingerprint: self.key.fingerprint(HashAlg::Sha256).to_string(),
            source,
        })
    }
}

pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => KeyFileError::Exists {
            path: path.to_owned(),
        },
        _ => KeyFileError::Io {
            path: path.to_owned(),
            source,
        },
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase() -> Passphrase {
        Passphrase::new("correct horse battery")
    }

    #[test]
    fn a_key_opens_with_its_passphrase_and_with_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("user_ca");
        let made =
            FileSigner::create(&path, KeyType::Ed25519, "user CA", &passphrase(), 1).unwrap();
        let opened = FileSigner::open(&path, &passphrase()).unwrap();
        assert_eq!(made.public_key(), opened.public_key());
        assert!(matches!(
            FileSigner::open(&path, &Passphrase::new("another passphrase")),
            Err(KeyFileError::WrongPassphrase { .. })
        ));
    }

    #[test]
    fn a_key_of_each_type_opens_again_and_signs_what_its_public_half_verifies() {
        use signature::Verifier as _;
        let directory = tempfile::tempdir().unwrap();
        for (kind, name) in [
            (KeyType::Ed25519, "ssh-ed25519"),
            (KeyType::P256, "ecdsa-sha2-nistp256"),
            (KeyType::P384, "ecdsa-sha2-nistp384"),
        ] {
            let path = directory.path().join(name);
            FileSigner::create(&path, kind, "a CA", &passphrase(), 1).unwrap();
            let opened = FileSigner::open(&path, &passphrase()).unwrap();
            assert_eq!(opened.public_key().algorithm().as_str(), name);
            let signature = opened.sign(b"a certificate").unwrap();
            opened
                .public_key()
                .key_data()
                .verify(b"a certificate", &signature)
                .unwrap();
        }
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("user_ca");
        FileSigner::create(&path, KeyType::Ed25519, "", &passphrase(), 1).unwrap();
        assert!(matches!(
            FileSigner::create(&path, KeyType::Ed25519, "", &passphrase(), 1),
            Err(KeyFileError::Exists { .. })
        ));
    }

    #[test]
    fn a_key_that_is_not_encrypted_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plain");
        let key = fresh_key(KeyType::Ed25519, "").unwrap();
        std::fs::write(&path, key.to_openssh(LineEnding::LF).unwrap()).unwrap();
        assert!(matches!(
            FileSigner::open(&path, &passphrase()),
            Err(KeyFileError::NotEncrypted { .. })
        ));
    }
}
