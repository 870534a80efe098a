//! The CA's three signing keys, made and opened together.
//!
//! A key's private half is in an encrypted file, or, where only `NAME.pub` is there, with the ssh-agent that `ca.toml`
//! names. Which keys there are besides those that sign is in `rotation`.

pub mod rotation;
pub mod state_key;
pub mod x509;

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use daypass_protocol::key::{self, Key};
use ssh_key::{HashAlg, PublicKey, SshSig};

use crate::layout::Layout;
use crate::passphrase::Passphrase;
use crate::signer::agent::{AgentError, AgentSigner};
use crate::signer::file::{FileSigner, KeyFileError};
use crate::signer::fresh::KeyType;
use crate::signer::{Signer, SshSigner};
use rotation::Kind;

/// What the CA signs with, and the public halves in the form that documents use.
pub struct Keys {
    user_ca: Box<dyn Signer>,
    host_ca: Box<dyn Signer>,
    state: RwLock<StateKey>,
    public: PublicKeys,
}

/// What signs the state: once a year another one, while the CA serves.
struct StateKey {
    signer: FileSigner,
    public: Key,
}

/// The public halves.
#[derive(Debug, Clone)]
pub struct PublicKeys {
    /// Sign user certificates: first the one that does now, then the next one, then the one before.
    pub user_ca: Vec<Key>,
    /// Sign host certificates, likewise.
    pub host_ca: Vec<Key>,
}

/// Where keys are opened from.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    /// The CA's directory.
    pub layout: &'a Layout,
    /// Of the key files.
    pub passphrase: &'a Passphrase,
    /// The agent that holds those that are in no file.
    pub agent: Option<&'a Path>,
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// A key of a kind that hosts refuse.
    #[error("one of the CA's keys is of a kind that hosts refuse")]
    Unfit(#[from] key::Error),
    /// A public half that is none.
    #[error("{} holds no public key", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: ssh_key::Error,
    },
    /// Only the public half is there, and no agent is named.
    #[error("{} is there without its private half, and ca.toml names no ssh_agent", path.display())]
    NoAgent {
        /// The public half.
        path: PathBuf,
    },
    /// The agent.
    #[error(transparent)]
    Agent(Box<AgentError>),
}

impl From<AgentError> for KeysError {
    fn from(error: AgentError) -> Self {
        Self::Agent(Box::new(error))
    }
}

impl Keys {
    /// Makes all three, encrypted with `rounds` of bcrypt.
    ///
    /// # Errors
    /// When a file exists already or cannot be written.
    pub fn create(layout: &Layout, passphrase: &Passphrase, rounds: u32) -> Result<(), KeysError> {
        for (path, kind, comment) in [
            (
                layout.user_ca(),
                Kind::UserCa.usual_type(),
                "daypass user CA",
            ),
            (
                layout.host_ca(),
                Kind::HostCa.usual_type(),
                "daypass host CA",
            ),
            (layout.state_key(), KeyType::Ed25519, "daypass state"),
        ] {
            FileSigner::create(&path, kind, comment, passphrase, rounds)?;
        }
        Ok(())
    }

    /// Opens all three.
    ///
    /// # Errors
    /// When a file cannot be read or decrypted, or the agent does not hold a key.
    pub fn open(places: Places<'_>) -> Result<Self, KeysError> {
        let (user_ca, users) = open(places, Kind::UserCa)?;
        let (host_ca, hosts) = open(places, Kind::HostCa)?;
        let state = StateKey::open(places.layout, places.passphrase)?;
        Ok(Self {
            public: PublicKeys {
                user_ca: users,
                host_ca: hosts,
            },
            user_ca,
            host_ca,
            state: RwLock::new(state),
        })
    }

    /// Signs user certificates.
    pub fn user_ca(&self) -> &dyn Signer {
        self.user_ca.as_ref()
    }

    /// Signs host certificates.
    pub fn host_ca(&self) -> &dyn Signer {
        self.host_ca.as_ref()
    }

    /// The public halves.
    pub fn public(&self) -> &PublicKeys {
        &self.public
    }

    /// What signs state and enrolment records, its public half.
    pub fn state_key(&self) -> Key {
        self.held_state_key().public.clone()
    }

    /// Signs with the state key that is in its file by now.
    ///
    /// # Errors
    /// When the file cannot be read or decrypted; then the one of before signs on.
    pub(crate) fn follow_state_key(
        &self,
        layout: &Layout,
        passphrase: &Passphrase,
    ) -> Result<(), KeysError> {
        let next = StateKey::open(layout, passphrase)?;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    fn held_state_key(&self) -> RwLockReadGuard<'_, StateKey> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// An SSHSIG by the state key, in the shape that documents take.
    ///
    /// # Errors
    /// When the key fails.
    pub fn sign_by_state_key(
        &self,
        namespace: &str,
        message: &[u8],
    ) -> Result<SshSig, ssh_key::Error> {
        SshSig::sign(
            &SshSigner(&self.held_state_key().signer),
            namespace,
            HashAlg::Sha512,
            message,
        )
    }
}

impl StateKey {
    fn open(layout: &Layout, passphrase: &Passphrase) -> Result<Self, KeysError> {
        let signer = FileSigner::open(&layout.state_key(), passphrase)?;
        let public = public(&signer)?;
        Ok(Self { signer, public })
    }
}

/// The signer of a kind, and every key of the kind that is to be trusted.
fn open(places: Places<'_>, kind: Kind) -> Result<(Box<dyn Signer>, Vec<Key>), KeysError> {
    let signer = signer(&kind.current(places.layout), places)?;
    let mut keys = vec![public(signer.as_ref())?];
    for path in [kind.next(places.layout), kind.old(places.layout)] {
        if let Some(key) = public_half(&path)? {
            keys.push(Key::try_from(key.key_data().clone())?);
        }
    }
    Ok((signer, keys))
}

/// The key in the file `path`, or the one of the agent's whose public half stands beside it.
fn signer(path: &Path, places: Places<'_>) -> Result<Box<dyn Signer>, KeysError> {
    let beside = path.with_extension("pub");
    if path.exists() || !beside.exists() {
        return Ok(Box::new(FileSigner::open(path, places.passphrase)?));
    }
    let key = public_half(path)?.ok_or_else(|| KeyFileError::Io {
        path: beside.clone(),
        source: std::io::ErrorKind::NotFound.into(),
    })?;
    let agent = places.agent.ok_or(KeysError::NoAgent { path: beside })?;
    Ok(Box::new(AgentSigner::open(agent, key)?))
}

/// What stands in `path.pub`, without its comment; none where nothing is.
fn public_half(path: &Path) -> Result<Option<PublicKey>, KeysError> {
    let path = path.with_extension("pub");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(KeyFileError::Io { path, source }.into()),
    };
    let mut key = PublicKey::from_openssh(text.trim())
        .map_err(|source| KeysError::Malformed { path, source })?;
    key.set_comment("");
    Ok(Some(key))
}

fn public(signer: &dyn Signer) -> Result<Key, key::Error> {
    Key::try_from(signer.public_key().key_data().clone())
}
