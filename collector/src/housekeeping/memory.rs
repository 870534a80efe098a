//! What is remembered of the work from one start to the next.

use std::io;

use serde::{Deserialize, Serialize};

use super::complain;
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
    /// Evidence that was rewritten here, `ORIGIN NAME`, and still stands in the second copy.
    pub(super) gone: Vec<String>,
}

impl Memory {
    /// A damaged memory is a lost one.
    pub(super) fn read(text: &[u8]) -> Self {
        serde_json::from_slice(text).unwrap_or_default()
    }

    pub(super) fn lets_go(&mut self, gone: &[(Origin, SegmentName)]) {
        let gone = gone.iter().map(|(log, name)| format!("{log} {name}"));
        self.gone.extend(gone);
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

/// Has the service remove evidence from the second copy that was rewritten while it did not run.
pub(crate) fn remove_later(layout: &Layout, gone: &[(Origin, SegmentName)]) {
    let before = std::fs::read(layout.housekeeping()).unwrap_or_default();
    let mut memory = Memory::read(&before);
    memory.lets_go(gone);
    if let Err(error) = memory.write(layout, &before) {
        complain(
            &error,
            "evidence in the second copy has to be removed by hand",
        );
    }
}
