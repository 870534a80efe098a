//! From one signing key to the next, with a time between in which both are trusted.
//!
//! *add* puts the next key beside the one that signs, and the signed state announces it; *use*, when every host has
//! heard, lets it sign, and the one before is still announced; *retire* ends that. Each step is a few files; the service
//! takes it up when it starts.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use daypass_protocol::key::Key;

use super::{KeysError, Places, signer};
use crate::layout::Layout;
use crate::signer::file::{FileSigner, KDF_ROUNDS, write_new};
use crate::signer::fresh::KeyType;
use crate::store::StoreError;

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Signs people's certificates.
    UserCa,
    /// Signs hosts' certificates.
    HostCa,
}

/// Why a key was not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// There is a next one already, or one before that was not retired.
    #[error("{} is there already: one rotation at a time", path.display())]
    UnderWay {
        /// What.
        path: PathBuf,
    },
    /// No next key was added.
    #[error("there is no next key {}", path.display())]
    NoNext {
        /// Where it would be.
        path: PathBuf,
    },
    /// The next root was added, and no state has named it since.
    #[error("the next root {} was never announced", path.display())]
    Unannounced {
        /// The root.
        path: PathBuf,
    },
    /// The next root was added, and there is no state yet that could name it.
    #[error("the next root {} cannot have been announced: roster 1 is not signed yet", path.display())]
    BeforeRoster {
        /// The root.
        path: PathBuf,
    },
    /// There is no key before to retire.
    #[error("there is no key of before, {}", path.display())]
    NoOld {
        /// Where it would be.
        path: PathBuf,
    },
    /// The key.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The X.509 root.
    #[error(transparent)]
    X509(#[from] daypass_transport::authority::Error),
    /// Its files.
    #[error(transparent)]
    Tls(#[from] crate::tls::TlsError),
    /// The database.
    #[error(transparent)]
    Store(Box<StoreError>),
    /// A file could not be moved or removed.
    #[error("{} cannot be changed", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl From<StoreError> for RotationError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Kind {
    fn stem(self) -> &'static str {
        match self {
            Self::UserCa => "user_ca",
            Self::HostCa => "host_ca",
        }
    }

    /// The type of a key that is made where nobody asks for another. Each sshd and ssh checks a host certificate several
    /// times in every login, everybody's, and OpenSSH takes several times as long over Ed25519 as over P-256 (decision 0044).
    pub fn usual_type(self) -> KeyType {
        match self {
            Self::UserCa => KeyType::Ed25519,
            Self::HostCa => KeyType::P256,
        }
    }

    /// The key that signs.
    pub fn current(self, layout: &Layout) -> PathBuf {
        layout.keys().join(self.stem())
    }

    /// The one that will.
    pub fn next(self, layout: &Layout) -> PathBuf {
        layout.keys().join(format!("{}-next", self.stem()))
    }

    /// The one that did.
    pub fn old(self, layout: &Layout) -> PathBuf {
        layout.keys().join(format!("{}-old", self.stem()))
    }
}

/// What the next key is.
#[derive(Debug, Clone, Copy)]
pub enum Next<'a> {
    /// A new one of this type, in an encrypted file; of the kind's usual type where none is named.
    New(Option<KeyType>),
    /// The one of the agent's whose public half this is.
    Held(&'a Key),
}

/// Adds the next key.
///
/// # Errors
/// When a rotation is under way, or the agent does not hold the key.
pub fn add(places: Places<'_>, kind: Kind, what: Next<'_>) -> Result<Key, RotationError> {
    let (next, old) = (kind.next(places.layout), kind.old(places.layout));
    for path in [&next, &old].map(|path| path.with_extension("pub")) {
        if path.exists() {
            return Err(RotationError::UnderWay { path });
        }
    }
    // A private half that a crash left without its public one was never announced, nor used.
    if next.exists() {
        remove(&next)?;
    }
    let made = match what {
        Next::New(asked) => {
            let comment = format!("daypass {}", kind.stem());
            let asked = asked.unwrap_or_else(|| kind.usual_type());
            FileSigner::create(&next, asked, &comment, places.passphrase, KDF_ROUNDS)
                .map_err(KeysError::from)?;
            signer(&next, places)
        }
        Next::Held(key) => {
            let public = next.with_extension("pub");
            write_new(&public, format!("{key}\n").as_bytes()).map_err(KeysError::from)?;
            // A key that is announced and cannot sign would be found out when it is too late.
            let made = signer(&next, places);
            if made.is_err() {
                remove(&public)?;
            }
            made
        }
    };
    Ok(super::public(made?.as_ref()).map_err(KeysError::from)?)
}

/// Lets the next key sign; the one before is trusted until it is retired.
///
/// # Errors
/// When there is no next one. What a crash left half done is done by calling it again.
pub fn switch(places: Places<'_>, kind: Kind) -> Result<(), RotationError> {
    let (current, next) = (kind.current(places.layout), kind.next(places.layout));
    if !next.with_extension("pub").exists() {
        return Err(RotationError::NoNext { path: next });
    }
    let is_half_done = current.exists() && !current.with_extension("pub").exists();
    if !is_half_done {
        // It must be able to sign before the other one stops.
        signer(&next, places)?;
    }
    let old = kind.old(places.layout);
    if !old.with_extension("pub").exists() {
        take(&current, &old)?;
    }
    take(&next, &current)?;
    sync(&places.layout.keys())
}

/// Ends the trust in the key before, and removes it.
///
/// # Errors
/// When there is none, or the rotation is half done.
pub fn retire(places: Places<'_>, kind: Kind) -> Result<(), RotationError> {
    let (old, next) = (kind.old(places.layout), kind.next(places.layout));
    if !old.with_extension("pub").exists() {
        return Err(RotationError::NoOld { path: old });
    }
    if next.with_extension("pub").exists() {
        return Err(RotationError::UnderWay { path: next });
    }
    remove(&old)?;
    remove(&old.with_extension("pub"))?;
    sync(&places.layout.keys())
}

/// The private half first: where it is in a file, nothing but the file may ever be taken for the key.
fn take(from: &Path, to: &Path) -> Result<(), RotationError> {
    for (from, to) in [
        (from.to_owned(), to.to_owned()),
        (from.with_extension("pub"), to.with_extension("pub")),
    ] {
        match std::fs::rename(&from, to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            moved => moved.map_err(|source| RotationError::File { path: from, source })?,
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), RotationError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(RotationError::File {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

fn sync(directory: &Path) -> Result<(), RotationError> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| RotationError::File {
            path: directory.to_owned(),
            source,
        })
}
