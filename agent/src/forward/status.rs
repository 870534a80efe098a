//! How the link fares, in a file for `daypass-agent status`.

use std::path::Path;

use daypass_forward as forward;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::layout::Layout;

const MAX_BYTES: u64 = 64 * 1024;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// Whether anybody is there.
    pub contact: Contact,
    /// Sealed entries of the journal.
    pub sealed: u64,
    /// Entries that a collector has cosigned.
    pub cosigned: u64,
    /// When, in seconds since the epoch.
    pub time: Option<u64>,
}

/// Whether anybody is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contact {
    /// No collector is named.
    Nobody,
    /// Not now, and why.
    Away(Option<String>),
    /// Here.
    Connected(String),
    /// A contradiction: nothing is forwarded.
    Stopped(String),
}

impl Told {
    pub(super) fn of(status: &forward::Status) -> Self {
        Self {
            contact: match status.contact.clone() {
                forward::Contact::Nobody => Contact::Nobody,
                forward::Contact::Away { trouble } => Contact::Away(trouble),
                forward::Contact::Connected { url } => Contact::Connected(url),
                forward::Contact::Stopped { found } => Contact::Stopped(found),
            },
            sealed: status.sealed,
            cosigned: status.cosigned,
            time: status.time,
        }
    }

    /// Sealed entries that no collector has cosigned yet.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.sealed.saturating_sub(self.cosigned)
    }
}

pub(super) fn write(layout: &Layout, told: &Told) -> Result<(), durable::Error> {
    // Texts and numbers only: this cannot fail.
    let text = serde_json::to_vec(told).unwrap_or_default();
    durable::replace(&layout.link(), &text, 0o600)
}

/// Reads the file; `None` when there is none that can be read: then nothing is known.
#[must_use]
pub fn read(path: &Path) -> Option<Told> {
    let bytes = durable::read(path, MAX_BYTES).ok()??;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::under(dir.path());
        std::fs::create_dir_all(layout.run()).unwrap();
        assert_eq!(read(&layout.link()), None);
        for contact in [
            Contact::Nobody,
            Contact::Away(None),
            Contact::Connected("https://c:7444".to_owned()),
            Contact::Stopped("rolled back".to_owned()),
        ] {
            let told = Told {
                contact,
                sealed: 9,
                cosigned: 7,
                time: Some(1),
            };
            write(&layout, &told).unwrap();
            assert_eq!(read(&layout.link()).as_ref(), Some(&told));
            assert_eq!(told.behind(), 2);
        }
    }
}
