//! Signatures by SSH keys over documents (OpenSSH `PROTOCOL.sshsig`), one namespace for each meaning.

use crate::key::{self, Key, is_security_key};
use ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig};
use std::fmt;
use std::str::FromStr;

/// Over a roster.
pub const ROSTER: &str = "daypass-roster@v1";
/// Over the CA's state.
pub const STATE: &str = "daypass-state@v1";
/// Over a host's enrolment record.
pub const ENROLMENT: &str = "daypass-enrolment@v1";
/// Over a request to the CA's API.
pub const HTTP: &str = "daypass-http@v1";

/// An armored signature of a 16384-bit RSA key has about 6 KiB.
const MAX_TEXT: usize = 8192;
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
/// FIDO "user present", in the flags byte that precedes the counter at the end of a signature.
const USER_PRESENT: u8 = 1;
/// FIDO "user verified": by PIN or fingerprint.
const USER_VERIFIED: u8 = 4;
const SK_TRAILER: usize = 5;

/// An SSHSIG; in text armored, as `ssh-keygen -Y sign` writes it. The text that it was read from is kept, since tools
/// break the lines differently and nothing is ever re-encoded.
#[derive(Clone, Debug)]
pub struct Signature {
    parsed: SshSig,
    text: Option<String>,
}

/// What a key says of the person who used it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// Nothing: it is no security key.
    Unknown,
    /// A security key was touched.
    Touched,
    /// A security key verified its user, by PIN or fingerprint.
    Verified,
}

/// Why a signature does not count.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Longer than any signature.
    #[error("{0} bytes are too long for a signature")]
    TooLong(usize),
    /// Not an armored SSHSIG of version 1.
    #[error("not an SSH signature as ssh-keygen -Y sign makes it")]
    Form,
    /// Made for another purpose.
    #[error("the signature is for {found:?}, not for {expected:?}")]
    Namespace {
        /// The namespace that belongs to the document.
        expected: String,
        /// The namespace inside the signature.
        found: String,
    },
    /// Hashed with something other than SHA-512.
    #[error("the signature is over a {0} hash; sign with SHA-512, ssh-keygen's default")]
    Hash(HashAlg),
    /// The key inside may not sign.
    #[error(transparent)]
    Key(#[from] key::Error),
    /// A FIDO key signed without anybody touching it.
    #[error("the security key was not touched when it signed")]
    NotPresent,
    /// The signature does not belong to these bytes and this key.
    #[error("the signature does not match what was signed")]
    Mismatch,
}

impl Signature {
    /// Checks that the key inside made this signature over `message` for `namespace`, and returns that key. Whether
    /// the key may say so is for the caller to decide.
    pub fn verify(&self, namespace: &str, message: &[u8]) -> Result<Key, Error> {
        let key = Key::try_from(self.parsed.public_key().clone())?;
        if self.parsed.namespace() != namespace {
            return Err(Error::Namespace {
                expected: namespace.to_owned(),
                found: self.parsed.namespace().to_owned(),
            });
        }
        if self.parsed.hash_alg() != HashAlg::Sha512 {
            return Err(Error::Hash(self.parsed.hash_alg()));
        }
        ssh_key::PublicKey::from(key.data().clone())
            .verify(namespace, message, &self.parsed)
            .map_err(|_| Error::Mismatch)?;
        if key.is_security_key() && !self.is_touched() {
            return Err(Error::NotPresent);
        }
        Ok(key)
    }

    /// What the key says of the person who used it. Worth something only after [`Signature::verify`].
    pub fn presence(&self) -> Presence {
        match self.flags() {
            Some(flags)
                if flags & (USER_PRESENT | USER_VERIFIED) == USER_PRESENT | USER_VERIFIED =>
            {
                Presence::Verified
            }
            Some(flags) if flags & USER_PRESENT != 0 => Presence::Touched,
            _ => Presence::Unknown,
        }
    }

    fn is_touched(&self) -> bool {
        self.presence() != Presence::Unknown
    }

    fn flags(&self) -> Option<u8> {
        if !is_security_key(self.parsed.public_key()) {
            return None;
        }
        let bytes = self.parsed.signature_bytes();
        bytes
            .len()
            .checked_sub(SK_TRAILER)
            .and_then(|at| bytes.get(at))
            .copied()
    }
}

/// What a signer is handed: `FnOnce(namespace, message) -> Result<SshSig, E>`, so that a key file and an ssh-agent fit
/// alike. For a key file see [`with_key`]; an agent signs [`to_be_signed`] and wraps the answer with [`SshSig::new`].
pub fn sign<E>(
    namespace: &str,
    message: &[u8],
    signer: impl FnOnce(&str, &[u8]) -> Result<SshSig, E>,
) -> Result<Signature, E> {
    signer(namespace, message).map(Signature::from)
}

/// A signer that uses this (decrypted) private key.
pub fn with_key(key: &PrivateKey) -> impl Fn(&str, &[u8]) -> Result<SshSig, ssh_key::Error> {
    |namespace, message| key.sign(namespace, HashAlg::Sha512, message)
}

/// The bytes that an ssh-agent is asked to sign for `namespace` and `message`.
pub fn to_be_signed(namespace: &str, message: &[u8]) -> Result<Vec<u8>, ssh_key::Error> {
    SshSig::signed_data(namespace, HashAlg::Sha512, message)
}

/// Two texts of one signature, broken into lines differently, are equal.
impl PartialEq for Signature {
    fn eq(&self, other: &Self) -> bool {
        self.parsed == other.parsed
    }
}

impl Eq for Signature {}

impl From<SshSig> for Signature {
    fn from(signature: SshSig) -> Self {
        Self {
            parsed: signature,
            text: None,
        }
    }
}

impl FromStr for Signature {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_TEXT {
            return Err(Error::TooLong(text.len()));
        }
        // PEM readers skip whatever stands before the armor; here nothing may.
        if !text.starts_with(BEGIN) {
            return Err(Error::Form);
        }
        let parsed = SshSig::from_pem(text).map_err(|_| Error::Form)?;
        if parsed.version() != SshSig::VERSION || !parsed.reserved().is_empty() {
            return Err(Error::Form);
        }
        Ok(Self {
            parsed,
            text: Some(text.to_owned()),
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => f.write_str(text),
            None => f.write_str(&self.parsed.to_pem(LineEnding::LF).map_err(|_| fmt::Error)?),
        }
    }
}

serde_as_text!(Signature);
