//! Keys that an ssh-agent holds: a security key, a TPM, a PKCS#11 token, a KMS, whatever has an agent.
//!
//! Source: draft-ietf-sshm-ssh-agent. Every message is a `u32` length and that many bytes, the first of which is the
//! message's type. A certificate is one connection, so that an agent may be restarted under a running CA.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use daypass_transport::deadlined::Deadlined;
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
        signer.signed(PROOF)?;
        Ok(signer)
    }

    /// A signature of this key's over exactly this: an agent is another program, and may be another key's.
    fn signed(&self, message: &[u8]) -> Result<Signature, AgentError> {
        let signature = self.ask(message)?;
        match self.key.key_data().verify(message, &signature) {
            Ok(()) => Ok(signature),
            Err(_) => Err(AgentError::Wrong {
                socket: self.socket.clone(),
                fingerprint: self.fingerprint(),
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
        let mut stream = Deadlined::connect(&self.socket, WITHIN).map_err(unreachable)?;
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
        self.signed(message).map_err(SignerError::Agent)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use ssh_key::PrivateKey;
    use ssh_key::private::Ed25519Keypair;

    use super::*;

    /// Answers as an agent does, with these keys one after the other, whichever it is asked for.
    fn answering(directory: &Path, keys: Vec<PrivateKey>) -> PathBuf {
        let socket = directory.join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            for key in keys {
                let (mut stream, _) = listener.accept().unwrap();
                let mut length = [0; 4];
                stream.read_exact(&mut length).unwrap();
                let mut request = vec![0; u32::from_be_bytes(length) as usize];
                stream.read_exact(&mut request).unwrap();
                let mut rest = request.get(1..).unwrap();
                let _key = Vec::<u8>::decode(&mut rest).unwrap();
                let message = Vec::<u8>::decode(&mut rest).unwrap();
                let signature: Signature = signature::Signer::sign(&key, &message);
                let (mut blob, mut answer) = (Vec::new(), vec![SIGN_RESPONSE]);
                signature.encode(&mut blob).unwrap();
                blob.encode(&mut answer).unwrap();
                let mut framed = Vec::new();
                answer.encode(&mut framed).unwrap();
                stream.write_all(&framed).unwrap();
            }
        });
        socket
    }

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
    }

    #[test]
    fn what_an_agent_signs_with_another_key_is_no_signature_at_any_time() {
        let directory = tempfile::tempdir().unwrap();
        let socket = answering(directory.path(), vec![key(1), key(1), key(2)]);
        let signer = AgentSigner::open(&socket, key(1).public_key().clone()).unwrap();
        signer.sign(b"one").unwrap();
        assert!(matches!(
            signer.sign(b"two"),
            Err(SignerError::Agent(AgentError::Wrong { .. }))
        ));
    }
}
