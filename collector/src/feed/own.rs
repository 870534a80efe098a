//! The collector's own journal, followed while it is written.

use std::path::Path;

use daypass_journal::reader::{Begin, Follower, Line, Reader};

/// Follows it.
pub(super) struct Own {
    follower: Follower,
    /// Entries before this one were read.
    from: u64,
    origin: String,
}

impl Own {
    pub(super) fn open(journal: &Path, from: u64) -> Result<Self, daypass_journal::Error> {
        Ok(Self {
            follower: Follower::open(journal, Begin::Start)?,
            from,
            origin: origin(journal)?,
        })
    }

    /// How many entries there are.
    pub(super) fn size(journal: &Path) -> Result<u64, daypass_journal::Error> {
        let mut size = 0;
        for line in Reader::open_at(journal, u64::MAX)? {
            if let Line::Entry { seq, .. } = line? {
                size = seq.saturating_add(1);
            }
        }
        Ok(size)
    }

    /// The journal's origin, the number of the next entry and its line.
    pub(super) fn next(
        &mut self,
    ) -> Result<Option<(String, u64, Vec<u8>)>, daypass_journal::Error> {
        while let Some(line) = self.follower.next_line()? {
            match line {
                Line::Entry { seq, bytes } if seq >= self.from => {
                    self.from = seq.saturating_add(1);
                    return Ok(Some((self.origin.clone(), seq, bytes)));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

/// What the first seal says; every journal has one since its opening entry.
fn origin(journal: &Path) -> Result<String, daypass_journal::Error> {
    for line in Reader::open(journal)? {
        if let Line::Seal(note) = line? {
            return Ok(note.lines().next().unwrap_or_default().to_owned());
        }
    }
    Ok(String::new())
}
