//! What a bundle is judged by: the trust files, read whole. A key that cannot be read is an error, not an absence.

use std::path::{Path, PathBuf};

use daypass_journal::trust::Trust;
use daypass_protocol::digest::Pin;
use daypass_protocol::key::Key;

use crate::diagnostic::Failure;
use crate::diagnostic::evidence::EvidenceError;

/// Whom to believe.
#[derive(Debug, Default)]
pub(super) struct Ground {
    /// Journals and witnesses.
    pub(super) trust: Trust,
    /// The CA.
    pub(super) pin: Option<Pin>,
    /// Its keys for certificates.
    pub(super) user_ca: Vec<Key>,
}

impl Ground {
    /// Several trust files as one; they must not be of several CAs.
    ///
    /// # Errors
    /// A file that is no trust file, one whose pin or keys cannot be read, one of another CA.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut all = Self::default();
        for path in paths {
            let trust = Trust::read(path).map_err(|source| Failure::Trust {
                path: path.clone(),
                source: Box::new(source),
            })?;
            all.believe(trust, path)?;
        }
        Ok(all)
    }

    /// Believes what stands in this trust file as well.
    ///
    /// # Errors
    /// As [`Ground::read`].
    pub(super) fn believe(&mut self, trust: Trust, path: &Path) -> Result<(), EvidenceError> {
        let unreadable = |key, text: &str| EvidenceError::TrustKey {
            path: path.to_owned(),
            key,
            text: text.to_owned(),
        };
        if let Some(text) = &trust.pin {
            let pin = text.parse().map_err(|_| unreadable("pin", text))?;
            if *self.pin.get_or_insert(pin) != pin {
                return Err(EvidenceError::TwoCas {
                    path: path.to_owned(),
                });
            }
        }
        for text in &trust.user_ca {
            let key = text.parse().map_err(|_| unreadable("user_ca", text))?;
            self.user_ca.push(key);
        }
        self.trust.logs.extend(trust.logs);
        self.trust.witnesses.extend(trust.witnesses);
        Ok(())
    }
}
