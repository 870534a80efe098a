//! The CA's three signing keys, made and opened together.

use daypass_protocol::key::{self, Key};
use ssh_key::{HashAlg, SshSig};

use crate::layout::Layout;
use crate::passphrase::Passphrase;
use crate::signer::file::{FileSigner, KeyFileError};
use crate::signer::{Signer, SshSigner};

/// What the CA signs with, and the public halves in the form that documents use.
pub struct Keys {
    user_ca: Box<dyn Signer>,
    host_ca: Box<dyn Signer>,
    state: Box<dyn Signer>,
    public: PublicKeys,
}

/// The public halves.
#[derive(Debug, Clone)]
pub struct PublicKeys {
    /// Signs user certificates.
    pub user_ca: Key,
    /// Signs host certificates.
    pub host_ca: Key,
    /// Signs state and enrolment records.
    pub state: Key,
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
}

impl Keys {
    /// Makes all three, encrypted with `rounds` of bcrypt.
    ///
    /// # Errors
    /// When a file exists already or cannot be written.
    pub fn create(
        layout: &Layout,
        passphrase: &Passphrase,
        rounds: u32,
    ) -> Result<Self, KeysError> {
        let make = |path, comment| FileSigner::create(path, comment, passphrase, rounds);
        Self::of(
            make(&layout.user_ca(), "daypass user CA")?,
            make(&layout.host_ca(), "daypass host CA")?,
            make(&layout.state_key(), "daypass state")?,
        )
    }

    /// Opens all three.
    ///
    /// # Errors
    /// When a file cannot be read or decrypted.
    pub fn open(layout: &Layout, passphrase: &Passphrase) -> Result<Self, KeysError> {
        Self::of(
            FileSigner::open(&layout.user_ca(), passphrase)?,
            FileSigner::open(&layout.host_ca(), passphrase)?,
            FileSigner::open(&layout.state_key(), passphrase)?,
        )
    }

    fn of(
        user_ca: impl Signer + 'static,
        host_ca: impl Signer + 'static,
        state: impl Signer + 'static,
    ) -> Result<Self, KeysError> {
        let public = |signer: &dyn Signer| Key::try_from(signer.public_key().key_data().clone());
        Ok(Self {
            public: PublicKeys {
                user_ca: public(&user_ca)?,
                host_ca: public(&host_ca)?,
                state: public(&state)?,
            },
            user_ca: Box::new(user_ca),
            host_ca: Box::new(host_ca),
            state: Box::new(state),
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
            &SshSigner(self.state.as_ref()),
            namespace,
            HashAlg::Sha512,
            message,
        )
    }
}
