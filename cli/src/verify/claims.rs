//! What a host says of itself once somebody was root there by a window: as long as nobody outside has cosigned it, it is
//! only claimed. Whoever is root has the keys that seal from then on; what was sealed before stays as it was.

use std::collections::BTreeSet;
use std::path::Path;

use daypass_journal::Error;
use daypass_journal::reader::{Line, Reader};
use daypass_journal::verify::{Report, Verdict};
use serde::Serialize;
use serde_json::Value;

/// Entries that are proven to be the log's own, and may be the words of whoever was root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Claimed {
    /// The first of them.
    pub(super) first: u64,
    /// The last.
    pub(super) last: u64,
    /// The sudo after which they came: it was sealed, and the key forgotten, before it ran.
    pub(super) after: u64,
}

/// What of a journal is only claimed, if any of it is.
pub(super) fn of(directory: &Path, report: &Report) -> Result<Option<Claimed>, Error> {
    let witnessed = report.witnessed.as_ref().map_or(0, |to| to.size);
    let is_tampered = matches!(report.verdict, Verdict::Tampered(_));
    let Some(last) = report.proven.checked_sub(1) else {
        return Ok(None);
    };
    if is_tampered || witnessed > last {
        return Ok(None);
    }
    let Some(after) = first_root(Reader::open(directory)?, last)? else {
        return Ok(None);
    };
    let first = witnessed.max(after + 1);
    Ok((first <= last).then_some(Claimed { first, last, after }))
}

/// The first sudo that a window granted in a session whose grants are as good as root: which of them it was is not asked.
fn first_root(lines: Reader, last: u64) -> Result<Option<u64>, Error> {
    let mut sessions = BTreeSet::new();
    for line in lines {
        let Line::Entry { seq, bytes } = line? else {
            continue;
        };
        if seq > last {
            break;
        }
        // Few lines are worth being read as JSON.
        let says = |word: &[u8]| bytes.windows(word.len()).any(|part| part == word);
        let (opens, asks) = (says(b"\"root_equivalent\""), says(b"\"sudo.request\""));
        let may_matter = opens || asks && !sessions.is_empty();
        if !may_matter {
            continue;
        }
        let entry: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let Some(session) = entry["origin"]["session"].as_str() else {
            continue;
        };
        match entry["action"].as_str() {
            Some("session.open") if entry["detail"]["root_equivalent"] == true => {
                sessions.insert(session.to_owned());
            }
            Some("sudo.request") if entry["outcome"] == "allowed" && sessions.contains(session) => {
                return Ok(Some(seq));
            }
            _ => {}
        }
    }
    Ok(None)
}
