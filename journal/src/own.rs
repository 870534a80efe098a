//! The entries that the journal writes about itself.

use serde::{Deserialize, Serialize};

use crate::encoding::{base64, hash_from_base64};
use crate::tree::Hash;

/// The version of the format, as the first entry says it.
pub(crate) const VERSION: u32 = 1;

/// An entry about the journal itself: `{"action":"journal.…","detail":{…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", content = "detail", deny_unknown_fields)]
pub(crate) enum Own {
    /// Entry 0: whose journal this is, and what it is sealed with.
    #[serde(rename = "journal.open")]
    Open(Open),
    /// The first entry of every later epoch.
    #[serde(rename = "journal.epoch")]
    Epoch(Epoch),
    /// The public key of the epoch after this one, sealed before it is used.
    #[serde(rename = "journal.epoch.next")]
    Next(Next),
    /// What a crash left behind.
    #[serde(rename = "journal.recovered")]
    Recovered(Recovered),
    /// Entries whose content is erased; their leaf hashes stay.
    #[serde(rename = "journal.erased")]
    Erased(Erased),
    /// Old segments of which only leaf hashes and what the chain hangs on are kept.
    #[serde(rename = "journal.retired")]
    Retired(Retired),
    /// The log's next key, which seals from behind this batch on.
    #[serde(rename = "journal.log_key")]
    LogKey(LogKey),
    /// A clean stop: the last entry before the next start.
    #[serde(rename = "journal.close")]
    Close(Close),
}

/// See [`Own::Open`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Open {
    pub(crate) version: u32,
    pub(crate) origin: String,
    pub(crate) incarnation: String,
    pub(crate) log_key: String,
    pub(crate) witnesses: Vec<String>,
    pub(crate) epoch: u64,
    pub(crate) epoch_key: String,
}

/// See [`Own::Epoch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Epoch {
    pub(crate) epoch: u64,
    pub(crate) epoch_key: String,
    /// The last checkpoint that the epoch before sealed.
    pub(crate) previous: Previous,
    pub(crate) reason: Reason,
    /// At a start: the witnesses expected from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) witnesses: Option<Vec<String>>,
}

/// Size and root of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Previous {
    pub(crate) size: u64,
    /// Base64.
    root: String,
}

impl Previous {
    pub(crate) fn new(size: u64, root: &Hash) -> Self {
        Self {
            size,
            root: base64(root),
        }
    }

    pub(crate) fn root(&self) -> Option<Hash> {
        hash_from_base64(&self.root)
    }
}

/// Why an epoch began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reason {
    /// The writer started.
    Start,
    /// An entry asked for the end of its epoch.
    Request,
    /// The epoch before had sealed as many entries as one may.
    Entries,
    /// The epoch before had lasted as long as one may.
    Age,
}

/// See [`Own::Next`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Next {
    pub(crate) epoch: u64,
    pub(crate) epoch_key: String,
}

/// See [`Own::Recovered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recovered {
    /// The segment file that ends unsealed.
    pub(crate) segment: String,
    /// Where the torn part begins, in bytes from the segment's start.
    pub(crate) offset: u64,
    /// Its length in bytes, to the end of the file; 0 when the last line is whole.
    pub(crate) length: u64,
    /// Its SHA-256, hexadecimal.
    pub(crate) sha256: String,
    /// Whole entries that no seal covered when the crash came.
    pub(crate) unproven: Unproven,
}

/// A run of entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unproven {
    pub(crate) first: u64,
    pub(crate) count: u64,
}

/// See [`Own::Erased`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Erased {
    /// Runs of entries: first and last.
    pub(crate) entries: Vec<(u64, u64)>,
    /// Who erased them.
    pub(crate) by: String,
    /// Why.
    pub(crate) reason: String,
}

/// See [`Own::Retired`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retired {
    pub(crate) segments: Vec<RetiredSegment>,
    /// Who retired them.
    pub(crate) by: String,
    /// Why.
    pub(crate) reason: String,
    /// The directory in which they are kept whole; without it they are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) archive: Option<String>,
}

/// A segment as it was before it was retired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetiredSegment {
    /// The segment's file name.
    pub(crate) segment: String,
    /// Its first and last entry.
    pub(crate) entries: (u64, u64),
    /// Its length in bytes.
    pub(crate) length: u64,
    /// Its SHA-256, hexadecimal.
    pub(crate) sha256: String,
}

/// See [`Own::LogKey`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogKey {
    pub(crate) log_key: String,
    pub(crate) reason: Handover,
    /// Who asked for it, if anybody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
}

/// Why the log's key was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Handover {
    /// It had sealed as long as one may.
    Age,
    /// Somebody asked for it.
    Request,
}

/// See [`Own::Close`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Close {
    pub(crate) epoch: u64,
}

/// The actions above; an entry with another `journal.` action has no bearing on the chain.
const KNOWN: [&str; 8] = [
    "journal.open",
    "journal.epoch",
    "journal.epoch.next",
    "journal.recovered",
    "journal.erased",
    "journal.retired",
    "journal.log_key",
    "journal.close",
];

#[derive(Deserialize)]
struct JustAction {
    action: String,
}

impl Own {
    /// Reads an event whose action begins with `journal.`: `Ok(None)` when its action is not one of
    /// those above, an error when it is one of them and malformed.
    pub(crate) fn parse(event: &str) -> Result<Option<Self>, serde_json::Error> {
        let JustAction { action } = serde_json::from_str(event)?;
        if KNOWN.contains(&action.as_str()) {
            serde_json::from_str(event).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Whether an event, readable or not, says that it opens an epoch.
    pub(crate) fn opens(event: &str) -> bool {
        serde_json::from_str::<JustAction>(event)
            .is_ok_and(|just| matches!(&*just.action, "journal.open" | "journal.epoch"))
    }

    /// The event as a JSON object, of some kilobytes at most.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("structs of strings and numbers always serialize")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_written_with_its_action_first() {
        let close = Own::Close(Close { epoch: 3 });
        let json = String::from_utf8(close.to_json()).unwrap();
        assert_eq!(json, r#"{"action":"journal.close","detail":{"epoch":3}}"#);
        assert_eq!(Own::parse(&json).unwrap(), Some(close));
    }

    #[test]
    fn who_asked_for_a_handover_stands_there_only_if_somebody_did() {
        let own = |by: Option<&str>, reason| {
            Own::LogKey(LogKey {
                log_key: "vkey".to_owned(),
                reason,
                by: by.map(str::to_owned),
            })
        };
        for (own, json) in [
            (
                own(None, Handover::Age),
                r#"{"action":"journal.log_key","detail":{"log_key":"vkey","reason":"age"}}"#,
            ),
            (
                own(Some("root"), Handover::Request),
                r#"{"action":"journal.log_key","detail":{"log_key":"vkey","reason":"request","by":"root"}}"#,
            ),
        ] {
            assert_eq!(String::from_utf8(own.to_json()).unwrap(), json);
            assert_eq!(Own::parse(json).unwrap(), Some(own));
        }
    }

    #[test]
    fn unknown_members_and_duplicates_are_refused() {
        for json in [
            r#"{"action":"journal.close","detail":{"epoch":3,"x":1}}"#,
            r#"{"action":"journal.close","detail":{"epoch":3,"epoch":4}}"#,
            r#"{"action":"journal.close","detail":{"epoch":3},"x":1}"#,
            r#"{"action":"journal.close"}"#,
        ] {
            assert!(Own::parse(json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_unknown_action_has_no_bearing() {
        let json = r#"{"action":"journal.later","detail":{"epoch":3}}"#;
        assert_eq!(Own::parse(json).unwrap(), None);
    }
}
