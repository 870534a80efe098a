//! How a witness key changes hands on disk.
//!
//! 1. The heir is stored as `witness.key.next`.
//! 2. What the key before says of it is the last line of `witness.successions`: from here on the heir is named.
//! 3. The CA is told, and names both; then that the heir stands alone, and names it alone.
//! 4. `witness.key.next` takes the place of `witness.key`.
//!
//! A start drops an heir that was never named, and goes on with both where 4 is missing: the CA is asked again, and what it
//! names decides.

use std::io;
use std::path::{Path, PathBuf};

use daypass_journal::witness::Witness as Key;
use daypass_protocol::strict_json;
use daypass_protocol::witness_key::{MAX_DOCUMENT, SignedWitnessSuccession, WitnessSuccession};

use crate::durable;

/// Successions that are kept, at most, the last ones.
const MOST: usize = 16;

/// Why a witness key cannot be read or renewed.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The key.
    #[error(transparent)]
    Key(#[from] daypass_journal::Error),
    /// What was said of it is damaged.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: strict_json::Error,
    },
    /// What is said of it cannot be written down.
    #[error("what is said of the next witness key could not be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A file.
    #[error("{} cannot be read or changed", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What a key said of the one after it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Named {
    /// What was said.
    pub said: WitnessSuccession,
    /// As it was signed, and as the CA is told.
    pub signed: SignedWitnessSuccession,
}

/// Where keys and successions are.
pub(super) struct Files {
    current: PathBuf,
    next: PathBuf,
    successions: PathBuf,
}

impl Files {
    /// Beside the key at `path`.
    pub(super) fn at(path: &Path) -> Self {
        let beside = |extension: &str| path.with_extension(extension);
        Self {
            current: path.to_owned(),
            next: beside("key.next"),
            successions: beside("successions"),
        }
    }

    /// The heir of this key, if it named one that has not taken its place yet, and by what the newest of the two was named. An heir
    /// that was not named is dropped.
    pub(super) fn heir_of(
        &self,
        current: &Key,
    ) -> Result<(Option<Key>, Option<Named>), WitnessError> {
        let named = self.last()?;
        let vkey = current.vkey().to_string();
        if self.next.exists() {
            let heir = Key::open(&self.next)?;
            let next = heir.vkey().to_string();
            let is_named = named
                .as_ref()
                .is_some_and(|named| (&named.said.witness, &named.said.heir) == (&vkey, &next));
            if is_named {
                return Ok((Some(heir), named));
            }
            durable::remove(&self.next).map_err(failed(&self.next))?;
        }
        Ok((None, named.filter(|named| named.said.heir == vkey)))
    }

    /// What the stored key said of the one that is stored to come after it. For whoever only looks: nothing is dropped, since the
    /// service may be in the middle of it.
    pub(super) fn under_way(&self) -> Result<Option<Named>, WitnessError> {
        let Some(named) = self.last()? else {
            return Ok(None);
        };
        let vkey = |path| Key::open(path).map(|key| key.vkey().to_string());
        let heir = match vkey(&self.next) {
            Ok(heir) => heir,
            // Nobody is named any more, or is just taking over.
            Err(_) if !self.next.exists() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let stored = (&vkey(&self.current)?, &heir);
        Ok(Some(named).filter(|named| (&named.said.witness, &named.said.heir) == stored))
    }

    /// What was said last.
    fn last(&self) -> Result<Option<Named>, WitnessError> {
        let Some(signed) = self.told()?.pop() else {
            return Ok(None);
        };
        let said = signed
            .read_unverified()
            .map_err(|source| self.damaged(source))?;
        Ok(Some(Named { said, signed }))
    }

    /// Makes an heir and has `current` name it.
    pub(super) fn name_heir(
        &self,
        current: &Key,
        say: impl FnOnce(String, String) -> WitnessSuccession,
    ) -> Result<(Key, Named), WitnessError> {
        let before = current.vkey();
        let key = Key::create(&self.next, before.name())?;
        let said = say(before.to_string(), key.vkey().to_string());
        let signed = said.sign(|text| current.vouch(text));
        let mut all = self.told()?;
        all.push(signed.clone());
        let kept = all.len().saturating_sub(MOST);
        let mut text = String::new();
        for one in &all[kept..] {
            text.push_str(&serde_json::to_string(one)?);
            text.push('\n');
        }
        durable::replace(&self.successions, 0o600, text.as_bytes())
            .map_err(failed(&self.successions))?;
        Ok((key, Named { said, signed }))
    }

    /// The heir's file takes the current one's place.
    pub(super) fn take_over(&self) -> Result<(), WitnessError> {
        durable::rename(&self.next, &self.current).map_err(failed(&self.next))
    }

    fn told(&self) -> Result<Vec<SignedWitnessSuccession>, WitnessError> {
        let text = match std::fs::read_to_string(&self.successions) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(&self.successions)(source)),
        };
        text.lines()
            .map(|line| strict_json::parse(line, 2 * MAX_DOCUMENT))
            .collect::<Result<_, _>>()
            .map_err(|source| self.damaged(source))
    }

    fn damaged(&self, source: strict_json::Error) -> WitnessError {
        WitnessError::Damaged {
            path: self.successions.clone(),
            source,
        }
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> WitnessError {
    let path = path.to_owned();
    move |source| WitnessError::File { path, source }
}

#[cfg(test)]
mod tests;
