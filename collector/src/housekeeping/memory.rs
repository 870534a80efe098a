//! What is remembered of the work from one start to the next.

use std::io;

use serde::{Deserialize, Serialize};

use super::declared::Declared;
use crate::durable;
use crate::layout::Layout;
use crate::origin::Origin;
use crate::retention;
use crate::segments::SegmentName;

/// Of its file.
const FILE_MODE: u32 = 0o640;

/// What is remembered from one start to the next. All of it may be lost: then some work is done again, in vain.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Memory {
    pub(super) retired: retention::Progress,
    pub(super) declared: Declared,
    /// Evidence that was rewritten here, or is about to be, `ORIGIN NAME`, and is to be removed from the second copy.
    pub(super) gone: Vec<String>,
}

impl Memory {
    /// A damaged memory is a lost one.
    pub(super) fn read(text: &[u8]) -> Self {
        serde_json::from_slice(text).unwrap_or_default()
    }

    pub(super) fn lets_go(&mut self, log: &Origin, name: &SegmentName) {
        let gone = format!("{log} {name}");
        if !self.gone.contains(&gone) {
            self.gone.push(gone);
        }
    }

    /// Writes it where it is not what stands there `before`; the new text.
    pub(super) fn write(&self, layout: &Layout, before: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let text = serde_json::to_vec(self)?;
        if text == before {
            return Ok(None);
        }
        durable::replace(&layout.housekeeping(), FILE_MODE, &text).map(|()| Some(text))
    }
}

/// Has the service remove evidence from the second copy that is rewritten while it does not run.
pub(crate) fn remove_later(layout: &Layout, log: &Origin, name: &SegmentName) -> io::Result<()> {
    let before = std::fs::read(layout.housekeeping()).unwrap_or_default();
    let mut memory = Memory::read(&before);
    memory.lets_go(log, name);
    memory.write(layout, &before).map(drop)
}
