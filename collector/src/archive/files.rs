//! What is small and changes: written anew where it did.

use std::io;
use std::path::Path;

use super::{
    AUTHORITY, Archive, ArchiveError, ArchivedLog, DIRECTORY_MODE, EXPORTS, FILE_MODE, OWED, Owed,
};
use crate::authority::REVOKED;
use crate::checkpoints::Registration;
use crate::durable;
use crate::export::Kept;
use crate::keep::Stores;
use crate::layout::Layout;

impl Archive {
    /// Copies what is small and changes: what the CA said, and the files of our own journal.
    ///
    /// # Errors
    /// The same may be asked again.
    pub fn follow_files(&mut self, layout: &Layout, incarnation: &str) -> Result<(), ArchiveError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ArchiveError::File { path, source }
        };
        for (file, name) in [(layout.authority(), AUTHORITY), (layout.revoked(), REVOKED)] {
            let copy = self.root.join(name);
            // There may be no revoked key yet.
            if file.exists() {
                copy_changed(&file, &copy).map_err(failed(&copy))?;
            }
        }
        let below = Path::new("journal").join(incarnation);
        let to = self.root.join(&below);
        durable::make_dirs(&self.root, &below, DIRECTORY_MODE).map_err(failed(&to))?;
        for file in std::fs::read_dir(layout.journal()).map_err(failed(&layout.journal()))? {
            let file = file.map_err(failed(&layout.journal()))?;
            if file.file_type().is_ok_and(|kind| kind.is_file()) {
                let copy = to.join(file.file_name());
                copy_changed(&file.path(), &copy).map_err(failed(&copy))?;
            }
        }
        Ok(())
    }

    /// Writes down what is still to be taken out of segments.
    pub(super) fn write_owed(&mut self, stores: Stores<'_>) -> Result<(), ArchiveError> {
        let owed = serde_json::to_vec(&owed_to(stores)?).unwrap_or_default();
        if owed != self.owed {
            let path = self.root.join(OWED);
            durable::replace(&path, FILE_MODE, &owed)
                .map_err(|source| ArchiveError::File { path, source })?;
            self.owed = owed;
        }
        Ok(())
    }

    /// Copies how far exports are: behind what is listed, so that nothing is taken for exported that did not come back.
    ///
    /// # Errors
    /// The same may be asked again.
    pub fn follow_exports(&mut self, kept: &[Kept]) -> Result<(), ArchiveError> {
        let exports = serde_json::to_vec(kept).unwrap_or_default();
        if exports != self.exports {
            let path = self.root.join(EXPORTS);
            durable::replace(&path, FILE_MODE, &exports)
                .map_err(|source| ArchiveError::File { path, source })?;
            self.exports = exports;
        }
        Ok(())
    }

    /// Writes down the journals.
    pub(super) fn write_logs(&mut self, logs: Vec<u8>) -> Result<(), ArchiveError> {
        if logs != self.logs {
            let path = self.root.join("logs.json");
            durable::replace(&path, FILE_MODE, &logs)
                .map_err(|source| ArchiveError::File { path, source })?;
            self.logs = logs;
        }
        Ok(())
    }
}

/// Copies a file whose length or time of change is another than that of its copy.
fn copy_changed(from: &Path, to: &Path) -> io::Result<()> {
    let stamp = |path: &Path| {
        path.metadata()
            .and_then(|file| Ok((file.len(), file.modified()?)))
    };
    let (length, changed) = stamp(from)?;
    if stamp(to).is_ok_and(|copy| copy.0 == length && copy.1 >= changed) {
        return Ok(());
    }
    durable::replace(to, FILE_MODE, &std::fs::read(from)?)
}

/// The journals as they stand.
pub(super) fn logs(stores: Stores<'_>) -> Result<Vec<u8>, ArchiveError> {
    let logs = stores.checkpoints.logs()?;
    let logs: Vec<ArchivedLog> = logs
        .into_iter()
        .map(
            |(
                Registration {
                    log,
                    record,
                    signature,
                    registered,
                },
                held,
            )| ArchivedLog {
                origin: log.to_string(),
                record,
                signature,
                registered,
                size: held.as_ref().map_or(0, |held| held.mark.size),
                seal: held.map(|held| held.seal).unwrap_or_default(),
            },
        )
        .collect();
    Ok(serde_json::to_vec(&logs).unwrap_or_default())
}

fn owed_to(stores: Stores<'_>) -> Result<Owed, ArchiveError> {
    let mut owed = Owed::new();
    for (number, debt) in stores.checkpoints.lost().debts()? {
        owed.entry(number).or_default().push(debt);
    }
    Ok(owed)
}
