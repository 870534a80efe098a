//! The state key's succession: once a year another key signs the state, and the one before says so.
//!
//! `keys/state` signs; `keys/state.successions` holds what was said, one a line, the last ones. A new key waits as
//! `state-next` until the succession that names it is on disk; what a crash leaves between is finished or dropped at the next
//! start, so that there always is one key that signs, and that every host can follow.

use std::io;
use std::path::{Path, PathBuf};

use daypass_protocol::digest::Pin;
use daypass_protocol::key::{self, Key};
use daypass_protocol::strict_json;
use daypass_protocol::succession::{MAX_DOCUMENT, MOST, SignedSuccession, Succession};
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use ssh_key::{HashAlg, SshSig};

use super::{KeysError, Places, public};
use crate::layout::Layout;
use crate::signer::SshSigner;
use crate::signer::file::{FileSigner, KDF_ROUNDS, KeyFileError, write_new};
use crate::signer::fresh::KeyType;

/// How long a state key signs, in seconds: a year.
pub const LIFE: u64 = 365 * 86_400;

/// Why the state key has no successor.
#[derive(Debug, thiserror::Error)]
pub enum SuccessionError {
    /// A key.
    #[error(transparent)]
    Keys(Box<KeysError>),
    /// The key before could not sign.
    #[error("the state key could not sign for its successor")]
    Sign(#[from] ssh_key::Error),
    /// What is said of it cannot be written down.
    #[error("the succession could not be written as JSON")]
    Json(#[from] serde_json::Error),
    /// What was said of it is damaged.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: strict_json::Error,
    },
    /// A file could not be read, written or moved.
    #[error("{} cannot be read or changed", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl From<KeyFileError> for SuccessionError {
    fn from(error: KeyFileError) -> Self {
        Self::Keys(Box::new(error.into()))
    }
}

impl From<key::Error> for SuccessionError {
    fn from(error: key::Error) -> Self {
        Self::Keys(Box::new(error.into()))
    }
}

/// What was said, oldest first.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn told(layout: &Layout) -> Result<Vec<SignedSuccession>, SuccessionError> {
    let path = layout.successions();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(SuccessionError::File { path, source }),
    };
    let read = |line| strict_json::parse(line, 2 * MAX_DOCUMENT);
    text.lines()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(|source| SuccessionError::Damaged { path, source })
}

/// Lets another key sign the state from the next start on. Returns it.
///
/// # Errors
/// When a file cannot be written or the key does not sign; then the one before goes on.
pub fn succeed(places: Places<'_>, ca: Pin, now: Time) -> Result<Key, SuccessionError> {
    let layout = places.layout;
    finish(layout)?;
    let current = FileSigner::open(&layout.state_key(), places.passphrase)?;
    let next = next(layout);
    let heir = FileSigner::create(
        &next,
        KeyType::Ed25519,
        "daypass state",
        places.passphrase,
        KDF_ROUNDS,
    )?;
    let key = public(&heir)?;
    let said = Succession {
        v: Version,
        ca,
        key: key.clone(),
        time: now,
    }
    .sign(|namespace, message| {
        SshSig::sign(&SshSigner(&current), namespace, HashAlg::Sha512, message)
    })?;
    let mut all = told(layout)?;
    all.push(said);
    let kept = all.len().saturating_sub(MOST);
    let lines: Vec<String> = all[kept..]
        .iter()
        .map(serde_json::to_string)
        .collect::<Result<_, _>>()?;
    replace(&layout.successions(), &(lines.join("\n") + "\n"))?;
    finish(layout)?;
    Ok(key)
}

/// Whether the key has signed for a year: since it was named, or since the CA was `made`.
///
/// # Errors
/// When what was said of it cannot be read.
pub fn is_due(layout: &Layout, made: Time, now: Time) -> Result<bool, SuccessionError> {
    let said = told(layout)?;
    let since = said
        .last()
        .and_then(|last| last.read_unverified().ok())
        .map_or(made, |last| last.time);
    Ok(since.plus(LIFE) <= now)
}

/// Finishes what a crash left: a key that was named takes its place, one that was not is dropped.
///
/// # Errors
/// When a file cannot be moved.
pub fn finish(layout: &Layout) -> Result<(), SuccessionError> {
    let (next, current) = (next(layout), layout.state_key());
    let beside = next.with_extension("pub");
    if next.exists() && !is_named(layout, &beside)? {
        remove(&next)?;
        return remove(&beside);
    }
    // The private half first: it is what signs.
    for (from, to) in [
        (next, current.clone()),
        (beside, current.with_extension("pub")),
    ] {
        match std::fs::rename(&from, to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            moved => moved.map_err(|source| SuccessionError::File { path: from, source })?,
        }
    }
    sync(&layout.keys())
}

fn is_named(layout: &Layout, public: &Path) -> Result<bool, SuccessionError> {
    let Some(last) = told(layout)?.pop() else {
        return Ok(false);
    };
    let named = last.read_unverified().ok().map(|said| said.key);
    let waiting = std::fs::read_to_string(public)
        .ok()
        .and_then(|text| Key::from_openssh_line(text.trim()).ok());
    Ok(named.is_some() && named == waiting)
}

fn next(layout: &Layout) -> PathBuf {
    layout.keys().join("state-next")
}

fn replace(path: &Path, text: &str) -> Result<(), SuccessionError> {
    let part = path.with_extension("part");
    remove(&part)?;
    write_new(&part, text.as_bytes())?;
    std::fs::rename(&part, path).map_err(|source| SuccessionError::File {
        path: path.to_owned(),
        source,
    })
}

fn remove(path: &Path) -> Result<(), SuccessionError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(SuccessionError::File {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

fn sync(directory: &Path) -> Result<(), SuccessionError> {
    std::fs::File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| SuccessionError::File {
            path: directory.to_owned(),
            source,
        })
}
