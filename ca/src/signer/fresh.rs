//! New keys, from the system's randomness.

use ssh_key::PrivateKey;
use ssh_key::private::{EcdsaKeypair, Ed25519Keypair};
use zeroize::Zeroizing;

use crate::random::{self, NoRandomness};

/// What kind of key is made: the kinds that every OpenSSH takes as a CA's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum KeyType {
    /// Ed25519.
    Ed25519,
    /// ECDSA over P-256.
    P256,
    /// ECDSA over P-384.
    P384,
}

/// A new key.
pub(crate) fn fresh_key(kind: KeyType, comment: &str) -> Result<PrivateKey, NoRandomness> {
    let mut key: PrivateKey = match kind {
        KeyType::Ed25519 => {
            let seed = random::seed()?;
            Ed25519Keypair::from_seed(&seed).into()
        }
        KeyType::P256 => {
            let secret = scalar::<32, _, _>(p256::SecretKey::from_slice)?;
            EcdsaKeypair::NistP256 {
                public: secret.public_key().into(),
                private: secret.into(),
            }
            .into()
        }
        KeyType::P384 => {
            let secret = scalar::<48, _, _>(p384::SecretKey::from_slice)?;
            EcdsaKeypair::NistP384 {
                public: secret.public_key().into(),
                private: secret.into(),
            }
            .into()
        }
    };
    key.set_comment(comment);
    Ok(key)
}

/// The first `N` random bytes that are a number below the curve's order and above 0: all but one in billions are.
fn scalar<const N: usize, K, E>(read: impl Fn(&[u8]) -> Result<K, E>) -> Result<K, NoRandomness> {
    loop {
        let bytes = Zeroizing::new(random::bytes::<N>()?);
        if let Ok(secret) = read(bytes.as_slice()) {
            return Ok(secret);
        }
    }
}
