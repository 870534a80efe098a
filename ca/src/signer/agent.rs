//! Keys that an ssh-agent holds: a security key, a TPM, a PKCS#11 token, a KMS, whatever has an agent.
//!
//! Source: draft-ietf-sshm-ssh-agent. Every message is a `u32` length and that many bytes, the first of which is the
//! message's type. A certificate is one connection, so that an agent may be restarted under a running CA.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use signature::Verifier as _;
use ssh_encoding::{Decode as _, Encode as _};
use ssh_key::{HashAlg, PublicKey, Signature};

use super::{Signer, SignerError};

const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// The longest answer that is read: a signature, with room to spare.
const LONGEST: u32 = 16 * 1024;
/// People wait for the signature, and others behind them.
const WITHIN: Duration = Duration::from_secs(10);
/// Signed once at the start, so that a key that is not there is told of before anybody needs it.
const PROOF: &[u8] = b"daypass-ca: is the key here?";

/// A key in an agent.
pub struct AgentSigner {
    socket: PathBuf,
    key: PublicKey,
}

/// Why an agent did not sign.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Nobody answers.
    #[error("the ssh-agent at {} does not answer", socket.display())]
    Unreachable {
        /// Where.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It does not hold the key, or may not use it.
    #[error("the ssh-agent at {} does not sign with {fingerprint}", socket.display())]
    Refused {
        /// Where.
        socket: PathBuf,
        /// Which key.
        fingerprint: String,
    },
    /// It speaks another language.
    #[error("the ssh-agent at {} answers what is no signature", socket.display())]
    Garbled {
        /// Where.
        socket: PathBuf,
    },
    /// It signed something else, or with another key.
    #[error("the ssh-agent at {} signs, but not as {fingerprint}", socket.display())]
    Wrong {
        /// Where.
        socket: PathBuf,
        /// Which key.
        fingerprint: String,
    },
    /// The request could not be written.
    #[error("the request to the ssh-agent could not be written")]
    Encoding(#[from] ssh_encoding::Error),
}

impl AgentSigner {
    /// The key `key` of the agent at `socket`, which is asked for a signature to show that it has it.
    ///
    /// # Errors
    /// When it has not.
    pub fn open(socket: &Path, key: PublicKey) -> Result<Self, AgentError> {
        let signer = Self {
            socket: socket.to_owned(),
            key,
        };
        let signature = signer.ask(PROOF)?;
        match signer.key.key_data().verify(PROOF, &signature) {
            Ok(()) => Ok(signer),
            Err(_) => Err(AgentError::Wrong {
                socket: signer.socket.clone(),
                fingerprint: signer.fingerprint(),
            }),
        }
    }

    fn ask(&self, message: &[u8]) -> Result<Signature, AgentError> {
        let (mut blob, mut request) = (Vec::new(), vec![SIGN_REQUEST]);
        self.key.key_data().encode(&mut blob)?;
        blob.encode(&mut request)?;
        message.encode(&mut request)?;
        0_u32.encode(&mut request)?;
        let answer = self.exchange(&request)?;
        match answer.split_first() {
            Some((&SIGN_RESPONSE, mut rest)) => Vec::<u8>::decode(&mut rest)
                .ok()
                .and_then(|signature| Signature::try_from(signature.as_slice()).ok())
                .ok_or_else(|| self.garbled()),
            Some(_) => Err(AgentError::Refused {
                socket: self.socket.clone(),
                fingerprint: self.fingerprint(),
            }),
            None => Err(self.garbled()),
        }
    }

    fn exchange(&self, request: &[u8]) -> Result<Vec<u8>, AgentError> {
        let unreachable = |source| AgentError::Unreachable {
            socket: self.socket.clone(),
            source,
        };
        let mut framed = Vec::new();
        request.encode(&mut framed)?;
        let mut stream = UnixStream::connect(&self.socket).map_err(unreachable)?;
        stream.set_read_timeout(Some(WITHIN)).map_err(unreachable)?;
        stream
            .set_write_timeout(Some(WITHIN))
            .map_err(unreachable)?;
        stream.write_all(&framed).map_err(unreachable)?;
        let mut length = [0; 4];
        stream.read_exact(&mut length).map_err(unreachable)?;
        let length = u32::from_be_bytes(length);
        if length > LONGEST {
            return Err(self.garbled());
        }
        let mut answer = vec![0; length as usize];
        stream.read_exact(&mut answer).map_err(unreachable)?;
        Ok(answer)
    }

    fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    fn garbled(&self) -> AgentError {
        AgentError::Garbled {
            socket: self.socket.clone(),
        }
    }
}

impl Signer for AgentSigner {
    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        self.ask(message).map_err(SignerError::Agent)
    }
}
