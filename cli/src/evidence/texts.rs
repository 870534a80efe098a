//! Long texts beside the entries: an entry has the beginning and the hash of its command line, and says whether the whole
//! is kept.

use std::collections::BTreeSet;
use std::path::Path;

use daypass_journal::blob::{self, Kept};
use daypass_protocol::digest::Digest;

use super::bundle::{Bundle, LARGEST};
use super::fault::{Damage, Fault};
use super::judge::Lack;
use super::part::Part;
use super::records::Record;
use crate::diagnostic::Failure;
use crate::log::entry::Entry;

/// Bytes of texts in one bundle, at most: whoever types long lines all day must not leave the rest without room.
const MOST: usize = LARGEST / 2;

/// What was put into a bundle.
#[derive(Debug, Default)]
pub(super) struct Taken {
    hashes: BTreeSet<Digest>,
    bytes: usize,
    /// How many there was no room for.
    pub(super) left_out: usize,
}

impl Taken {
    /// Puts the text of an entry of the journal in `directory` into the bundle. One that is not there, or is another, is
    /// missed when the bundle is verified.
    pub(super) fn take(
        &mut self,
        entry: &Entry,
        directory: &Path,
        bundle: &mut Bundle,
    ) -> Result<(), Failure> {
        let Some(sha256) = entry.kept_text().filter(|hash| !self.hashes.contains(hash)) else {
            return Ok(());
        };
        let kept = blob::read(directory, &sha256.to_string());
        let kept = kept.map_err(|error| crate::log::source::unreadable(directory)(error.into()))?;
        if let Kept::Whole(text) = kept {
            if self.bytes + text.len() > MOST {
                self.left_out += 1;
            } else {
                self.bytes += text.len();
                bundle.put(Part::Text { sha256 }, text);
            }
            self.hashes.insert(sha256);
        }
        Ok(())
    }
}

/// Whether each text is what its name says, and each is there that an entry says is kept.
pub(super) fn check(
    bundle: &Bundle,
    records: &[Record],
    faults: &mut Vec<Fault>,
    lacks: &mut Vec<Lack>,
) {
    for (part, bytes) in bundle.parts() {
        if let Part::Text { sha256 } = part
            && *sha256 != Digest::of(bytes)
        {
            faults.push(Fault::new(part, Damage::OtherHash));
        }
    }
    for record in records {
        if let Some(sha256) = record.entry.kept_text()
            && bundle.bytes(&Part::Text { sha256 }).is_none()
        {
            let part = record.part().to_string();
            lacks.push(Lack::NoText { part });
        }
    }
}
