//! `daypass-ca trust`: the keys with which the CA's journal, and evidence that rests on it, is verified elsewhere.

use std::path::PathBuf;

use daypass_journal::identity::Identity;
use daypass_journal::trust::{Trust, TrustError, TrustedLog};

use crate::layout::Layout;
use crate::store::{AdmittedCollector, Store, StoreError, Tx};

/// Why there is no trust file.
#[derive(Debug, thiserror::Error)]
pub enum TrustFileError {
    /// There is no CA here.
    #[error("there is no CA in {directory} yet")]
    NoCa {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// A file that must be there.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal's keys.
    #[error(transparent)]
    Journal(#[from] daypass_journal::Error),
    /// The journal's keys do not belong together.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// The trust file's text. No secret is opened for it, and nothing in it is secret.
///
/// # Errors
/// See [`TrustFileError`].
pub fn trust(layout: &Layout) -> Result<String, TrustFileError> {
    let no_ca = || TrustFileError::NoCa {
        directory: layout.root().to_owned(),
    };
    if !layout.database().exists() {
        return Err(no_ca());
    }
    let store = Store::open(&layout.database())?;
    let (pin, _) = store.read(|tx| tx.genesis())?.ok_or_else(no_ca)?;
    let witnesses = store.read(witnesses)?;
    let identity = Identity::open(&layout.journal_keys())?;
    let path = layout.user_ca().with_extension("pub");
    let public = std::fs::read_to_string(&path)
        .map_err(|source| TrustFileError::Unreadable { path, source })?;
    let words: Vec<&str> = public.split_whitespace().take(2).collect();
    let trust = Trust {
        logs: vec![TrustedLog::new(
            &identity.log_vkey(),
            &identity.epoch_vkey(),
        )?],
        witnesses: witnesses
            .iter()
            .filter_map(|key| key.parse().ok())
            .collect(),
        pin: Some(pin),
        user_ca: vec![words.join(" ")],
    };
    Ok(trust.to_string())
}

/// The keys of the collectors, and those that they had: what these cosigned stays proven.
fn witnesses(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    let (known, former) = (tx.collectors()?, tx.former_witnesses()?);
    let mut keys: Vec<String> = known
        .iter()
        .flat_map(AdmittedCollector::witnesses)
        .map(str::to_owned)
        .collect();
    // One that was removed and came back is both.
    for former in former {
        if !keys.contains(&former.witness) {
            keys.push(former.witness);
        }
    }
    Ok(keys)
}
