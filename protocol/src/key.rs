//! Public keys and their fingerprints.

use ssh_key::public::{KeyData, RsaPublicKey};
use ssh_key::{Algorithm, HashAlg, PublicKey};
use std::fmt;
use std::str::FromStr;

/// The smallest RSA modulus taken, in bits.
pub const MIN_RSA_BITS: usize = 3072;
/// The largest, so that nobody makes a host compute for minutes.
pub const MAX_RSA_BITS: usize = 16_384;
/// An OpenSSH public key of [`MAX_RSA_BITS`] fits with room to spare.
const MAX_TEXT: usize = 4096;

/// A public key that may sign or be certified: Ed25519, ECDSA, RSA from 3072 bits, or their FIDO forms; never a
/// certificate. In text `TYPE BASE64`, without a comment.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key(KeyData);

/// SHA-256 fingerprint as OpenSSH writes it: `SHA256:` and 43 base64 characters.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint([u8; 32]);

/// Why a key was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Not an OpenSSH public key.
    #[error("not an OpenSSH public key: {0}")]
    Form(ssh_key::Error),
    /// Longer than any key that would be taken.
    #[error("{0} bytes are too long for a public key")]
    TooLong(usize),
    /// More than type and key, where only these may stand.
    #[error("a key in a document has no comment and no white space around it")]
    Comment,
    /// A certificate where a key belongs.
    #[error("this is a certificate; give the public key")]
    Certificate,
    /// RSA outside the bounds.
    #[error(
        "an RSA key needs 3072 to 16384 bits, this one has {bits}; Ed25519 is the better choice"
    )]
    RsaSize {
        /// Length of the modulus.
        bits: usize,
    },
    /// DSA or something unknown.
    #[error("keys of type {0} are not taken; use Ed25519, ECDSA or RSA")]
    Type(Algorithm),
}

/// Why a text is not a [`Fingerprint`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a fingerprint as ssh-keygen -l prints it: SHA256: and 43 base64 characters")]
pub struct InvalidFingerprint;

pub(crate) fn is_security_key(key: &KeyData) -> bool {
    matches!(key, KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_))
}

impl Key {
    /// The line of a `.pub` file; its comment is dropped.
    pub fn from_openssh_line(line: &str) -> Result<Self, Error> {
        if line.len() > MAX_TEXT {
            return Err(Error::TooLong(line.len()));
        }
        if line
            .split(' ')
            .next()
            .is_some_and(|kind| kind.contains("-cert-v01@"))
        {
            return Err(Error::Certificate);
        }
        let key = PublicKey::from_openssh(line.trim()).map_err(Error::Form)?;
        Self::try_from(key.key_data().clone())
    }

    /// Whether a FIDO authenticator holds it, which says with each signature what its user did.
    #[must_use]
    pub fn is_security_key(&self) -> bool {
        is_security_key(self.data())
    }

    /// The key as `ssh-key` knows it.
    pub fn data(&self) -> &KeyData {
        &self.0
    }

    /// Its SHA-256 fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }
}

impl TryFrom<KeyData> for Key {
    type Error = Error;

    fn try_from(data: KeyData) -> Result<Self, Error> {
        match &data {
            KeyData::Ed25519(_)
            | KeyData::Ecdsa(_)
            | KeyData::SkEd25519(_)
            | KeyData::SkEcdsaSha2NistP256(_) => Ok(Self(data)),
            KeyData::Rsa(rsa) => match modulus_bits(rsa) {
                MIN_RSA_BITS..=MAX_RSA_BITS => Ok(Self(data)),
                bits => Err(Error::RsaSize { bits }),
            },
            KeyData::Certificate(_) => Err(Error::Certificate),
            other => Err(Error::Type(other.algorithm())),
        }
    }
}

/// Counted to the highest bit set; ssh-key rounds up to whole bytes.
fn modulus_bits(key: &RsaPublicKey) -> usize {
    let bytes = key.n().as_positive_bytes().unwrap_or_default();
    let leading = bytes
        .first()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    bytes.len() * 8 - leading
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let key = Self::from_openssh_line(text)?;
        if key.to_string() == text {
            Ok(key)
        } else {
            Err(Error::Comment)
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = PublicKey::from(self.0.clone())
            .to_openssh()
            .map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} {})", self.0.algorithm(), self.fingerprint())
    }
}

serde_as_text!(Key);

impl Fingerprint {
    /// The fingerprint of a key; of a certificate's `public_key()`, that of the certified key.
    pub fn of(key: &KeyData) -> Self {
        match key.fingerprint(HashAlg::Sha256) {
            ssh_key::Fingerprint::Sha256(bytes) => Self(bytes),
            // Asked for SHA-256 above; the enum is open for other hashes.
            _ => Self([0; 32]),
        }
    }

    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        match text.parse() {
            Ok(ssh_key::Fingerprint::Sha256(bytes)) => Ok(Self(bytes)),
            _ => Err(InvalidFingerprint),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ssh_key::Fingerprint::Sha256(self.0).fmt(f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

serde_as_text!(Fingerprint);
