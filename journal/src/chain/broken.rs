//! What may not hold in a journal, in words.

use thiserror::Error;

use crate::log_keys::HeirFault;

/// What does not hold, and where it was first seen.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}: {cause}", place(*.seq, *.to))]
pub struct Broken {
    /// The first entry that is not as it was sealed, or that would have come.
    pub seq: u64,
    /// The last entry that it may be: one seal covers them together.
    pub to: u64,
    /// What does not hold.
    pub cause: Cause,
}

fn place(seq: u64, to: u64) -> String {
    match to > seq {
        true => format!("entries {seq} to {to}"),
        false => format!("entry {seq}"),
    }
}

/// What does not hold in a journal.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Cause {
    /// A line is none of a journal.
    #[error("a line cannot be read as one of a journal, and no crash explains it")]
    Line,
    /// An entry has another number than its place.
    #[error(
        "an entry with number {found} stands where {expected} belongs: entries were removed, added or moved"
    )]
    Sequence {
        /// The number that belongs there.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// A segment begins with another entry than the one before left off.
    #[error(
        "a segment that begins with entry {found} stands where entry {expected} belongs: a segment is missing or not of this place"
    )]
    Segment {
        /// The number that belongs there.
        expected: u64,
        /// The number in the file's name.
        found: u64,
    },
    /// The seal is not a checkpoint with two signatures.
    #[error("a seal cannot be read as a checkpoint with two signatures")]
    SealForm,
    /// The seal is another journal's.
    #[error("a seal of {found} stands in the journal of {expected}")]
    SealOrigin {
        /// This journal.
        expected: String,
        /// The journal of the seal.
        found: String,
    },
    /// The seal counts other entries than there are.
    #[error(
        "a seal for {found} entries stands where there are {expected}: entries were removed or added"
    )]
    SealSize {
        /// Entries before the seal.
        expected: u64,
        /// Entries that the seal counts.
        found: u64,
    },
    /// The seal covers no new entry.
    #[error("a seal stands there that covers no new entry")]
    SealEmpty,
    /// The entries do not give the root that was sealed.
    #[error("what stands there is not what was sealed")]
    SealRoot,
    /// The seal names a key that must not seal here.
    #[error("a seal is signed as {found} where only {expected} may sign")]
    SealSigner {
        /// The key that must sign.
        expected: String,
        /// The key that is named.
        found: String,
    },
    /// The seal is signed by a key of this log's name that is not its key at this place.
    #[error(
        "a seal is signed by another key of {log} than the one that may sign here: the one before it handed the log over, or nobody handed it over to this one"
    )]
    SealLogKey {
        /// The log.
        log: String,
    },
    /// The log's key is handed over to one that it cannot go on with.
    #[error("the log's key is handed over, and not to the next one: {0}")]
    Heir(HeirFault),
    /// The entry that hands the log's key over is not the last one under its seal.
    #[error("the log's key is handed over by an entry that is not the last one under its seal")]
    HeirPlace,
    /// A signature is false.
    #[error("the signature of {signer} on the seal is false")]
    SealSignature {
        /// The key that is named.
        signer: String,
    },
    /// Entries stand without a seal where a seal must be: those of one commit have one time.
    #[error("entries of more than one commit stand there without a seal between them")]
    SealMissing,
    /// An entry of the journal's own cannot be read.
    #[error("the journal's own entry cannot be read: {reason}")]
    OwnEntry {
        /// What the parser says.
        reason: String,
    },
    /// The journal, or the epoch after a stop or crash, does not begin with an opening entry.
    #[error("the opening entry of an epoch is missing")]
    OpeningMissing,
    /// An opening entry stands where none may.
    #[error("an opening entry stands in the middle of an epoch's work")]
    OpeningPlace,
    /// The opening entry declares something else than what is trusted or was announced.
    #[error("the opening entry says {what} {found:?} instead of {expected:?}")]
    Opening {
        /// Which member.
        what: &'static str,
        /// What is trusted or was announced.
        expected: String,
        /// What it says.
        found: String,
    },
    /// An epoch began without announcing the key of the next.
    #[error("the key of the next epoch is not announced, or announced twice")]
    Announcement,
    /// An entry was erased, and no sealed entry says so.
    #[error("the entry was erased, and no sealed entry says by whom and why")]
    Erased,
    /// An entry was retired, and no sealed entry says so.
    #[error("the entry was retired, and no sealed entry says by whom and why")]
    Retired,
    /// A witness saw another journal of this origin.
    #[error(
        "{witness} cosigned another journal of {size} entries: this one was rewritten or forked"
    )]
    Fork {
        /// Who saw it.
        witness: String,
        /// How many entries it had.
        size: u64,
    },
    /// There were more entries once.
    #[error("{witness} knows of {size} entries: the end was cut off, or an old copy was put back")]
    Rollback {
        /// Who knows it.
        witness: String,
        /// How many entries there were.
        size: u64,
    },
    /// A text that is kept beside the journal is another than the one that the entry names.
    #[error("the text kept as blobs/{sha256} is not the one that the entry names")]
    Text {
        /// The hash that the entry names.
        sha256: String,
    },
    /// What was recovered after a crash is not what is there.
    #[error("what a crash left behind is not as the recovery describes it")]
    Recovery,
}
