//! The CA's signing keys, behind one trait, so that a file, an agent or a token serve alike.

pub mod agent;
pub mod file;
pub mod fresh;

use ssh_key::{PublicKey, Signature, public::KeyData};

/// A key that signs for the CA. Whoever implements it never hands out the secret.
pub trait Signer: Send + Sync {
    /// The public half, without comment.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message` as the SSH protocol does for this kind of key.
    ///
    /// # Errors
    /// When the key's holder refuses or cannot be reached.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError>;
}

/// Why a signature could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The key could not sign.
    #[error("the key {fingerprint} could not sign")]
    Refused {
        /// Which key.
        fingerprint: String,
        /// What it said.
        source: signature::Error,
    },
    /// The agent that holds it did not sign.
    #[error(transparent)]
    Agent(#[from] agent::AgentError),
}

/// A [`Signer`] in the shape that `ssh-key`'s builders take.
pub(crate) struct SshSigner<'a>(pub(crate) &'a dyn Signer);

impl signature::Signer<Signature> for SshSigner<'_> {
    fn try_sign(&self, message: &[u8]) -> signature::Result<Signature> {
        self.0.sign(message).map_err(signature::Error::from_source)
    }
}

impl From<&SshSigner<'_>> for KeyData {
    fn from(signer: &SshSigner<'_>) -> Self {
        signer.0.public_key().key_data().clone()
    }
}
