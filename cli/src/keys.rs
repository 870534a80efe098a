//! The one key of the person at this machine, wherever it is: in an ssh-agent or in a file.

pub mod agent;
pub mod file;

use std::path::{Path, PathBuf};

use daypass_protocol::key::Fingerprint;
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, PrivateKey, PublicKey, SshSig};

use crate::diagnostic::KeyError;
use agent::Agent;
use file::Asking;

/// Where to look for the person's key, and which key it is.
#[derive(Debug, Clone)]
pub struct KeyPlace {
    /// The key itself, by OpenSSH's fingerprint.
    pub fingerprint: Fingerprint,
    /// The private key's file, where there is one.
    pub file: Option<PathBuf>,
    /// The agent's socket, where it is not the one that `SSH_AUTH_SOCK` names.
    pub agent: Option<PathBuf>,
}

/// The person's key, ready to sign.
#[derive(Debug)]
pub enum SigningKey {
    /// Held by an ssh-agent.
    Agent {
        /// The agent.
        agent: Agent,
        /// Which of its keys.
        key: KeyData,
    },
    /// Read from a file, and decrypted.
    File(Box<PrivateKey>),
}

impl KeyPlace {
    /// The agent that is asked for this key.
    pub fn agent(&self) -> Option<Agent> {
        self.agent
            .clone()
            .map(Agent::at)
            .or_else(Agent::from_environment)
    }

    /// The key, from the agent if it holds it, else from the file.
    pub fn open(&self, asking: Asking) -> Result<SigningKey, KeyError> {
        let mut agent_trouble = None;
        if let Some(agent) = self.agent() {
            match held(&agent, self.fingerprint) {
                Ok(Some(key)) => return Ok(SigningKey::Agent { agent, key }),
                Ok(None) => {}
                Err(error) => agent_trouble = Some(error),
            }
        }
        let Some(path) = self.file.as_deref() else {
            return Err(agent_trouble.unwrap_or(KeyError::NotInAgent {
                fingerprint: self.fingerprint,
            }));
        };
        let key = file::private_key(path, asking)?;
        if Fingerprint::of(key.public_key().key_data()) != self.fingerprint {
            return Err(KeyError::OtherKeyInFile {
                path: path.to_owned(),
                expected: self.fingerprint,
            });
        }
        if matches!(
            key.algorithm(),
            Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256
        ) {
            return Err(KeyError::SecurityKeyWithoutAgent {
                path: path.to_owned(),
            });
        }
        Ok(SigningKey::File(Box::new(key)))
    }
}

impl SigningKey {
    /// The public half.
    pub fn public(&self) -> &KeyData {
        match self {
            Self::Agent { key, .. } => key,
            Self::File(key) => key.public_key().key_data(),
        }
    }

    /// An SSHSIG (SHA-512 inside) over `message` in `namespace`.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<SshSig, KeyError> {
        match self {
            Self::Agent { agent, key } => agent.sign(key, namespace, message),
            Self::File(key) => key
                .sign(namespace, HashAlg::Sha512, message)
                .map_err(KeyError::Signing),
        }
    }
}

/// Finds the key to set this machine up with: the one that was named; else the agent's only one; else the first
/// of OpenSSH's usual files.
pub fn discover(
    named: Option<&Path>,
    agent: Option<&Path>,
    ssh_directory: &Path,
) -> Result<(PublicKey, KeyPlace), KeyError> {
    if let Some(path) = named {
        return in_file(path);
    }
    if let Some(agent) = agent.map(Agent::at).or_else(Agent::from_environment) {
        let mut identities = agent.identities().unwrap_or_default();
        if identities.len() > 1 {
            let keys = identities
                .into_iter()
                .map(|identity| (Fingerprint::of(&identity.key), identity.comment))
                .collect();
            return Err(KeyError::WhichKey { keys });
        }
        if let Some(identity) = identities.pop() {
            let fingerprint = Fingerprint::of(&identity.key);
            let key = PublicKey::new(identity.key, identity.comment);
            return Ok((
                key,
                KeyPlace {
                    fingerprint,
                    file: None,
                    agent: None,
                },
            ));
        }
    }
    for name in ["id_ed25519", "id_ecdsa", "id_rsa"] {
        let path = ssh_directory.join(name);
        if path.exists() {
            return in_file(&path);
        }
    }
    Err(KeyError::NoKey {
        directory: ssh_directory.to_owned(),
    })
}

fn in_file(path: &Path) -> Result<(PublicKey, KeyPlace), KeyError> {
    let key = file::public_key(path)?;
    let private = file::private_path(path);
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let file = private.exists().then(|| absolute(&private));
    let fingerprint = Fingerprint::of(key.key_data());
    Ok((
        key,
        KeyPlace {
            fingerprint,
            file,
            agent: None,
        },
    ))
}

fn held(agent: &Agent, fingerprint: Fingerprint) -> Result<Option<KeyData>, KeyError> {
    let identities = agent.identities()?;
    Ok(identities
        .into_iter()
        .map(|identity| identity.key)
        .find(|key| Fingerprint::of(key) == fingerprint))
}
