//! The little of the ssh-agent protocol that signing needs: list the keys, sign with one.
//!
//! Source: draft-ietf-sshm-ssh-agent. Every message is a `u32` length and that many bytes, the first of which is
//! the message's type.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use daypass_transport::deadlined::Deadlined;
use ssh_encoding::{Decode as _, Encode as _, Reader as _};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, Signature, SshSig};

use crate::diagnostic::KeyError;

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// Asks for RSA with SHA-512 rather than SHA-1.
const RSA_SHA2_512: u32 = 4;

/// The longest message that is read, OpenSSH's own bound.
const LONGEST_MESSAGE: u32 = 256 * 1024;
/// The most keys that are looked at.
const MOST_KEYS: u32 = 2048;
/// How long listing may take in all. An agent that hangs must not hang `ssh`.
const LIST_WITHIN: Duration = Duration::from_secs(5);
/// How long a signature may take in all: somebody may have to find and touch their security key.
const SIGN_WITHIN: Duration = Duration::from_secs(120);

/// A running ssh-agent.
#[derive(Debug, Clone)]
pub struct Agent {
    socket: PathBuf,
}

/// One key that an agent holds.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The public key.
    pub key: KeyData,
    /// The comment the key was added with. Text from outside.
    pub comment: String,
}

impl Agent {
    /// The agent that listens at `socket`. Nothing is connected yet.
    pub fn at(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
        }
    }

    /// The agent that `SSH_AUTH_SOCK` names, if it names any.
    pub fn from_environment() -> Option<Self> {
        std::env::var_os("SSH_AUTH_SOCK")
            .filter(|path| !path.is_empty())
            .map(Self::at)
    }

    /// Where the agent listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The plain keys that the agent holds. Certificates, and keys of a kind we do not know, are left out.
    pub fn identities(&self) -> Result<Vec<Identity>, KeyError> {
        let answer = self.exchange(&[REQUEST_IDENTITIES], LIST_WITHIN)?;
        let mut reader = answer.as_slice();
        let parsed = (|| -> ssh_encoding::Result<Vec<Identity>> {
            if u8::decode(&mut reader)? != IDENTITIES_ANSWER {
                return Err(ssh_encoding::Error::Length);
            }
            let count = u32::decode(&mut reader)?;
            if count > MOST_KEYS {
                return Err(ssh_encoding::Error::Length);
            }
            let mut identities = Vec::new();
            for _ in 0..count {
                let blob = Vec::<u8>::decode(&mut reader)?;
                let comment = Vec::<u8>::decode(&mut reader)?;
                let Ok(key) = KeyData::decode(&mut blob.as_slice()) else {
                    continue;
                };
                if !key.is_certificate() && !key.is_other() {
                    identities.push(Identity {
                        key,
                        comment: String::from_utf8_lossy(&comment).into_owned(),
                    });
                }
            }
            reader.ensure_finished()?;
            Ok(identities)
        })();
        parsed.map_err(|_| self.garbled())
    }

    /// An SSHSIG over `message` in `namespace`, by the agent's key `key`.
    pub fn sign(&self, key: &KeyData, namespace: &str, message: &[u8]) -> Result<SshSig, KeyError> {
        let data =
            SshSig::signed_data(namespace, HashAlg::Sha512, message).map_err(KeyError::Signing)?;
        let flags = if matches!(key.algorithm(), Algorithm::Rsa { .. }) {
            RSA_SHA2_512
        } else {
            0
        };
        let mut blob = Vec::new();
        key.encode(&mut blob)
            .map_err(|source| KeyError::Signing(source.into()))?;
        let mut request = vec![SIGN_REQUEST];
        let encoded = blob
            .encode(&mut request)
            .and_then(|()| data.encode(&mut request))
            .and_then(|()| flags.encode(&mut request));
        encoded.map_err(|source| KeyError::Signing(source.into()))?;

        let answer = self.exchange(&request, SIGN_WITHIN)?;
        match answer.split_first() {
            Some((&SIGN_RESPONSE, mut rest)) => {
                let signature = Vec::<u8>::decode(&mut rest).map_err(|_| self.garbled())?;
                let signature =
                    Signature::try_from(signature.as_slice()).map_err(|_| self.garbled())?;
                SshSig::new(key.clone(), namespace, HashAlg::Sha512, signature)
                    .map_err(KeyError::Signing)
            }
            Some((&FAILURE, _)) => Err(KeyError::AgentRefused {
                socket: self.socket.clone(),
            }),
            _ => Err(self.garbled()),
        }
    }

    fn exchange(&self, request: &[u8], within: Duration) -> Result<Vec<u8>, KeyError> {
        let unreachable = |source| KeyError::AgentUnreachable {
            socket: self.socket.clone(),
            source,
        };
        let length = u32::try_from(request.len())
            .ok()
            .filter(|length| *length <= LONGEST_MESSAGE);
        let length = length.ok_or_else(|| self.garbled())?;
        let mut stream = Deadlined::connect(&self.socket, within).map_err(unreachable)?;
        stream
            .write_all(&length.to_be_bytes())
            .map_err(unreachable)?;
        stream.write_all(request).map_err(unreachable)?;
        let mut length = [0; 4];
        stream.read_exact(&mut length).map_err(unreachable)?;
        let length = u32::from_be_bytes(length);
        if length > LONGEST_MESSAGE {
            return Err(self.garbled());
        }
        let mut answer = Vec::new();
        stream
            .take(u64::from(length))
            .read_to_end(&mut answer)
            .map_err(unreachable)?;
        if answer.len() as u64 == u64::from(length) {
            Ok(answer)
        } else {
            Err(self.garbled())
        }
    }

    fn garbled(&self) -> KeyError {
        KeyError::AgentGarbled {
            socket: self.socket.clone(),
        }
    }
}
