//! What the verifier found, for people and for programs.

use std::fmt;

use chrono::DateTime;
use serde::{Serialize, Serializer};

use crate::chain::{Broken, Chain};

/// How many remarks of a journal are listed; the others are counted.
const REMARKS_LISTED: usize = 100;

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The journal's origin; empty when it is not known here.
    pub origin: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// So many entries, from number 0 on, are proven: as they were sealed, in their order.
    pub proven: u64,
    /// Of so many of them only the leaf hashes are here: they were retired.
    pub retired: u64,
    /// How many long texts beside it are as entries name them.
    #[serde(skip_serializing_if = "is_none")]
    pub texts: u64,
    /// How many epochs sealed them.
    pub epochs: u64,
    /// Where the log's key was handed over, and to which.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log_keys: Vec<LogKey>,
    /// Whether the last entry is that of a clean stop.
    pub closed: bool,
    /// How far trusted witnesses have cosigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witnessed: Option<Witnessed>,
    /// The witnesses that the journal declares.
    pub witnesses_declared: Vec<String>,
    /// What is odd but no fault.
    pub remarks: Vec<Remark>,
    /// How many more remarks there would be.
    pub remarks_left_out: u64,
}

/// A log's later key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogKey {
    /// The entry that handed the log over to it.
    pub seq: u64,
    /// The key, as a vkey.
    pub key: String,
}

/// What a verification comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Verdict {
    /// Everything there is as it was sealed, and nothing that was promised is missing.
    #[default]
    Proven,
    /// Something is not as it was sealed.
    Tampered(#[serde(serialize_with = "broken")] Broken),
    /// What is there is as it was sealed, but something is missing or cannot be checked.
    Incomplete {
        /// What is missing.
        lacks: Vec<Lack>,
    },
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

/// For programs: the place and the cause in words.
fn broken<S: Serializer>(broken: &Broken, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Out {
        seq: u64,
        to: u64,
        cause: String,
    }
    let out = Out {
        seq: broken.seq,
        to: broken.to,
        cause: broken.cause.to_string(),
    };
    out.serialize(serializer)
}

/// How far a witness has cosigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Witnessed {
    /// So many entries.
    pub size: u64,
    /// The witness's name.
    pub witness: String,
    /// When, in seconds since the epoch.
    pub time: u64,
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "lack")]
pub enum Lack {
    /// No key is trusted for this journal.
    UnknownLog {
        /// The origin that it claims, if one can be read.
        origin: Option<String>,
    },
    /// It could not be read.
    Unreadable {
        /// Why.
        reason: String,
    },
    /// There is not one sealed entry.
    Empty,
    /// Its end is not sealed: it is being written, or the writer crashed and has not started since.
    Unsealed {
        /// The first entry that no seal covers,
        first: u64,
        /// how many whole ones there are,
        count: u64,
        /// and how many bytes of a torn one.
        torn: u64,
    },
    /// It declares witnesses, but no trusted one has cosigned its end.
    Unwitnessed {
        /// The first entry that is not cosigned.
        first: u64,
        /// How many there are.
        count: u64,
    },
    /// Entries say that the whole of a long text is kept, and it is not beside the journal.
    Texts {
        /// The first of them.
        first: u64,
        /// How many there are.
        count: u64,
    },
    /// The checkpoint to compare with is none.
    CheckpointForm,
    /// The checkpoint to compare with is another journal's.
    CheckpointOrigin {
        /// That journal.
        origin: String,
    },
    /// Nobody trusted signed the checkpoint to compare with.
    CheckpointUnsigned,
}

/// Something odd that is no fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "remark")]
pub enum Remark {
    /// The clock had been set back before this entry; the order of the entries is that of writing.
    ClockSetBack {
        /// The entry.
        seq: u64,
        /// By how much, in whole seconds.
        seconds: i64,
    },
    /// An entry's time is none.
    TimeUnreadable {
        /// The entry.
        seq: u64,
    },
    /// A witness line is none.
    WitnessUnreadable {
        /// How many entries were sealed before it.
        after: u64,
    },
    /// A trusted witness's cosignature is false; it does not count.
    WitnessFalse {
        /// The witness.
        witness: String,
        /// How many entries it claims.
        size: u64,
    },
    /// A cosignature came too late to be compared; it does not count.
    WitnessLate {
        /// The witness.
        witness: String,
        /// How many entries it covers.
        size: u64,
    },
    /// Entries that are declared erased are still there: the writer stopped before it was done.
    NotErased {
        /// The first of them.
        first: u64,
        /// The last.
        last: u64,
    },
    /// A segment that is declared retired is still there: the writer stopped before it was done, or
    /// it was fetched back from an archive.
    NotRetired {
        /// Its first entry.
        first: u64,
        /// Its last.
        last: u64,
    },
    /// A text beside the journal is not what its name says, and no sealed entry names it.
    StrayText {
        /// Its name.
        sha256: String,
    },
    /// Entries that no seal covered when a crash came; they are kept, and prove nothing.
    Unproven {
        /// The first of them.
        first: u64,
        /// How many.
        count: u64,
    },
}

/// What the observer collects.
#[derive(Debug, Default)]
pub(super) struct Found {
    witnessed: Option<Witnessed>,
    remarks: Vec<Remark>,
    left_out: u64,
}

impl Found {
    pub(super) fn remark(&mut self, remark: Remark) {
        if self.remarks.len() < REMARKS_LISTED {
            self.remarks.push(remark);
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn witnessed(&mut self, new: Witnessed) {
        if self
            .witnessed
            .as_ref()
            .is_none_or(|old| old.size < new.size)
        {
            self.witnessed = Some(new);
        }
    }
}

impl Report {
    /// 0 proven, 1 tampered with, 2 incomplete, unreadable or unwitnessed.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.verdict {
            Verdict::Proven => 0,
            Verdict::Tampered(_) => 1,
            Verdict::Incomplete { .. } => 2,
        }
    }

    pub(super) fn lacks(&mut self, lack: Lack) {
        match &mut self.verdict {
            Verdict::Proven => self.verdict = Verdict::Incomplete { lacks: vec![lack] },
            Verdict::Incomplete { lacks } => lacks.push(lack),
            Verdict::Tampered(_) => {}
        }
    }

    pub(super) fn remark(&mut self, remark: Remark) {
        if self.remarks.len() < REMARKS_LISTED {
            self.remarks.push(remark);
        } else {
            self.remarks_left_out += 1;
        }
    }

    pub(super) fn fill(&mut self, chain: &Chain, found: Found) {
        self.proven = chain.sealed();
        self.retired = chain.retired_count();
        self.epochs = chain.epoch().map_or(0, |epoch| epoch.number + 1);
        let heirs = chain.log().later().iter();
        self.log_keys = heirs
            .filter_map(|heir| {
                let seq = heir.announced?;
                let key = heir.key.to_string();
                Some(LogKey { seq, key })
            })
            .collect();
        self.closed = chain.is_closed();
        self.witnesses_declared = chain.witnesses().iter().cloned().collect();
        self.witnessed = found.witnessed;
        self.remarks = found.remarks;
        self.remarks_left_out = found.left_out;
        for (first, last) in chain.unerased() {
            let (first, last) = (*first, *last);
            self.remarks.push(Remark::NotErased { first, last });
        }
        for (first, last) in chain.unretired() {
            let (first, last) = (*first, *last);
            self.remarks.push(Remark::NotRetired { first, last });
        }
        if self.proven == 0 {
            self.lacks(Lack::Empty);
        }
        for interruption in chain.interruptions() {
            self.lacks(Lack::Unsealed {
                first: interruption.unproven.first,
                count: interruption.unproven.count,
                torn: interruption.torn.length,
            });
        }
        let cosigned = self.witnessed.as_ref().map_or(0, |to| to.size);
        if !self.witnesses_declared.is_empty() && cosigned < self.proven {
            self.lacks(Lack::Unwitnessed {
                first: cosigned,
                count: self.proven - cosigned,
            });
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Proven => write!(out, "proven")?,
            Verdict::Tampered(broken) => write!(out, "TAMPERED WITH at {broken}")?,
            Verdict::Incomplete { .. } => write!(out, "incomplete")?,
        }
        if !self.origin.is_empty() {
            write!(out, "\n  journal    {}", self.origin)?;
        }
        match self.proven {
            0 => write!(out, "\n  proven     nothing")?,
            count => write!(
                out,
                "\n  proven     to entry {}, sealed in {} epochs",
                count - 1,
                self.epochs
            )?,
        }
        for LogKey { seq, key } in &self.log_keys {
            write!(out, "\n  log key    handed over by entry {seq} to {key}")?;
        }
        if self.retired > 0 {
            write!(
                out,
                "\n  retired    {} entries: their hashes are here and proven, their text is not",
                self.retired
            )?;
        }
        if self.texts > 0 {
            write!(
                out,
                "\n  texts      {} kept beside it are as its entries name them",
                self.texts
            )?;
        }
        match &self.witnessed {
            Some(to) => write!(
                out,
                "\n  witnessed  to entry {} at {} by {}",
                to.size.saturating_sub(1),
                utc(to.time),
                to.witness
            )?,
            None if self.witnesses_declared.is_empty() => {
                write!(
                    out,
                    "\n  witnessed  by nobody: the journal declares no witness"
                )?;
            }
            None => write!(out, "\n  witnessed  by nobody yet")?,
        }
        if let Verdict::Incomplete { lacks } = &self.verdict {
            for lack in lacks {
                write!(out, "\n  missing    {lack}")?;
            }
        }
        for remark in &self.remarks {
            write!(out, "\n  remark     {remark}")?;
        }
        match self.remarks_left_out {
            0 => Ok(()),
            count => write!(out, "\n  remark     and {count} more"),
        }
    }
}

fn utc(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok();
    match time.and_then(|time| DateTime::from_timestamp(time, 0)) {
        Some(time) => time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        None => format!("second {seconds}"),
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownLog {
                origin: Some(origin),
            } => write!(out, "the trust file has no keys for {origin}"),
            Self::UnknownLog { origin: None } => {
                write!(out, "the trust file has no keys for this journal")
            }
            Self::Unreadable { reason } => write!(out, "{reason}"),
            Self::Empty => write!(out, "there is no sealed entry"),
            Self::Unsealed { first, count, torn } => write!(
                out,
                "the end is not sealed, from entry {first} on ({count} whole entries and {torn} \
                 bytes): the journal is being written, or its writer crashed and has not started \
                 again"
            ),
            Self::Unwitnessed { first, count } => write!(
                out,
                "no trusted witness has cosigned the last {count} entries, from {first} on"
            ),
            Self::Texts { first, count } => write!(
                out,
                "{count} entries, from {first} on, say that a long text is kept whole in blobs/, \
                 and it is not there: fetch it from where the journal was copied from"
            ),
            Self::CheckpointForm => write!(out, "the checkpoint to compare with is not one"),
            Self::CheckpointOrigin { origin } => {
                write!(out, "the checkpoint to compare with is one of {origin}")
            }
            Self::CheckpointUnsigned => {
                write!(out, "nobody trusted signed the checkpoint to compare with")
            }
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClockSetBack { seq, seconds } => {
                write!(
                    out,
                    "the clock was set back by {seconds} s before entry {seq}"
                )
            }
            Self::TimeUnreadable { seq } => write!(out, "the time of entry {seq} is none"),
            Self::WitnessUnreadable { after } => {
                write!(out, "a witness line after {after} entries cannot be read")
            }
            Self::WitnessFalse { witness, size } => write!(
                out,
                "a cosignature of {witness} for {size} entries is false and does not count"
            ),
            Self::WitnessLate { witness, size } => write!(
                out,
                "a cosignature of {witness} for {size} entries came too late to be compared"
            ),
            Self::NotErased { first, last } => write!(
                out,
                "entries {first} to {last} are declared erased but not all of them are: the next \
                 start of the writer erases them"
            ),
            Self::NotRetired { first, last } => write!(
                out,
                "the segment with entries {first} to {last} is declared retired but there: fetched \
                 back from an archive, or retired by the next start of the writer"
            ),
            Self::StrayText { sha256 } => write!(
                out,
                "blobs/{sha256} is not what its name says; no sealed entry names it"
            ),
            Self::Unproven { first, count } => write!(
                out,
                "{count} entries from {first} on were not sealed when a crash came: they prove \
                 nothing"
            ),
        }
    }
}
