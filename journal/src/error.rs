//! What can go wrong, one variant for each cause.

use std::path::PathBuf;

use nix::errno::Errno;
use thiserror::Error;

pub use crate::chain::{Broken, Cause};
pub use crate::durable::{Action, DiskError};
pub use crate::log_keys::HeirFault;

/// Why a name cannot be a key's name or a journal's origin.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NameFault {
    /// Nothing there.
    #[error("a name must not be empty")]
    Empty,
    /// Too many bytes.
    #[error("a name has at most {limit} bytes, this one has {length}")]
    Long {
        /// Bytes found.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A byte that would break the lines in which names stand.
    #[error(
        "a name is printable ASCII without space, plus, quote and backslash; this one has {char:?}"
    )]
    Character {
        /// The first such character.
        char: char,
    },
}

/// Why a text is not a key.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeyFault {
    /// Not of the form `name+id+base64`.
    #[error("not a key of the form NAME+ID+BASE64 (C2SP signed-note)")]
    Shape,
    /// A name that no key can have.
    #[error("the key's name is bad: {0}")]
    Name(NameFault),
    /// A type byte that we do not know.
    #[error("keys of type {byte:#04x} are not known here")]
    Kind {
        /// The type byte found.
        byte: u8,
    },
    /// Not a point of the curve, or one of small order.
    #[error("not an Ed25519 public key")]
    Point,
    /// Name, type and key do not give the id stated: a slip of the pen.
    #[error("the key's id is stated as {stated} but computed as {computed}: mistyped or mixed up")]
    Id {
        /// The id in the text.
        stated: String,
        /// The id that name, type and key give.
        computed: String,
    },
}

/// Why an event was not taken.
#[derive(Debug, Error)]
pub enum EventFault {
    /// It could not be serialized.
    #[error("the event could not be written as JSON: {source}")]
    Json {
        /// What the serializer says.
        source: serde_json::Error,
    },
    /// It is not a JSON object.
    #[error("an event is a JSON object")]
    NotAnObject,
    /// It has a key that the head of the line uses.
    #[error("the key {key:?} belongs to the head of the line")]
    ReservedKey {
        /// The key.
        key: String,
    },
    /// It has a key twice.
    #[error("the key {key:?} stands in the event twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// Its action is one that only the journal itself may write.
    #[error("the action {action:?} is the journal's own")]
    ReservedAction {
        /// The action.
        action: String,
    },
    /// Its line would be too long.
    #[error("the entry would have {length} bytes, more than {limit}; keep long text as a blob")]
    TooLong {
        /// Bytes that the line would have at least.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// Why a cosignature was not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum WitnessFault {
    /// It is no signed checkpoint.
    #[error("not a signed checkpoint")]
    Form,
    /// It is another journal's.
    #[error("a checkpoint of {origin}")]
    Origin {
        /// That journal.
        origin: String,
    },
    /// No declared witness signed it.
    #[error("no witness that this journal declares has signed it")]
    Unknown,
    /// A declared witness's signature is false.
    #[error("the signature of {witness} is false")]
    False {
        /// The witness.
        witness: String,
    },
    /// A declared witness signed another tree than ours: somebody forked or rolled back.
    #[error("the witness saw another journal of {size} entries than this one")]
    Differs {
        /// How many entries it had.
        size: u64,
    },
    /// The checkpoint is too old to be compared, or no seal of ours stands at its size.
    #[error("no recent seal stands at {size} entries")]
    Late {
        /// How many entries it covers.
        size: u64,
    },
}

/// Why an entry cannot be erased.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EraseFault {
    /// There is no such entry, or it is erased already.
    #[error("there is no such entry")]
    Missing,
    /// The chain hangs on it.
    #[error("it is one of the journal's own")]
    Own,
    /// So many runs of entries do not fit into one entry.
    #[error("too much to declare in one entry; erase in parts")]
    Many,
}

/// Why a segment cannot be retired.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RetireFault {
    /// The archive is not there.
    #[error("there is no such directory; make it first, where nobody else may write")]
    NoArchive,
    /// The archive holds something else under the name of a segment or of a long text.
    #[error(
        "it holds another {name} already, damaged or put there by somebody else; look at it, and move it away"
    )]
    Taken {
        /// The file's name.
        name: String,
    },
}

/// Whatever stops an operation on a journal.
#[derive(Debug, Error)]
pub enum Error {
    /// The disk or the file system refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// An earlier failure stopped this writer for good: after it, nobody knows what is on disk.
    #[error("this journal takes nothing more since it {cause}; open it again once that is mended")]
    Stopped {
        /// The failure that stopped it.
        cause: DiskError,
    },
    /// The writer was closed.
    #[error("this journal is closed")]
    Closed,
    /// Somebody else writes this journal.
    #[error("{} is being written by another process", dir.display())]
    InUse {
        /// The journal's directory.
        dir: PathBuf,
    },
    /// The event was not taken; the journal goes on.
    #[error(transparent)]
    Event(#[from] EventFault),
    /// The kernel gives no locked memory.
    #[error(
        "no locked memory for a secret key: {source}; raise the limit (LimitMEMLOCK, ulimit -l)"
    )]
    Memory {
        /// The errno of `mlock(2)` or `madvise(2)`.
        source: Errno,
    },
    /// The kernel gives no random bytes.
    #[error("no random bytes: {source}")]
    Random {
        /// What the kernel says.
        source: getrandom::Error,
    },
    /// A stored key cannot be read.
    #[error("{}: {fault}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// A declared witness is no witness's key.
    #[error("the witness {text:?}: {fault}")]
    Witness {
        /// What was declared.
        text: String,
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// Too many witnesses are declared.
    #[error("{count} witnesses are declared, more than {limit}")]
    Witnesses {
        /// How many were declared.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// The origin cannot name a journal.
    #[error("the origin {origin:?} cannot name a journal: {fault}")]
    Origin {
        /// The origin.
        origin: String,
        /// What is wrong with it.
        fault: NameFault,
    },
    /// There is an identity already, which must not be overwritten.
    #[error("{} holds the keys of a journal already", dir.display())]
    IdentityExists {
        /// The directory of the keys.
        dir: PathBuf,
    },
    /// A directory that something is to be exported to holds files already.
    #[error("{} is not empty; name a directory that is, or does not exist", dir.display())]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// The key of the epoch that comes next is not there: journal and keys are of different times.
    #[error(
        "the journal goes on with epoch {wanted}, but {} holds {found}: journal and keys are not of \
         the same time (a restored backup, a clone?); start a new incarnation",
        path.display()
    )]
    EpochKey {
        /// The epoch whose key is needed.
        wanted: u64,
        /// The file of the keys.
        path: PathBuf,
        /// The epochs whose keys are there, in words.
        found: String,
    },
    /// The key of the next epoch is another than the one that the journal announced.
    #[error("the key for epoch {epoch} is not the one that the journal announced")]
    EpochKeyDiffers {
        /// The epoch.
        epoch: u64,
    },
    /// The key that seals the journal is not there: journal and keys are of different times.
    #[error(
        "the journal is sealed by {wanted}, but {} holds {found}: journal and keys are not of the \
         same time (a restored backup, a clone?); start a new incarnation",
        dir.display()
    )]
    LogKey {
        /// The key that the journal goes on with.
        wanted: String,
        /// The one that is there.
        found: String,
        /// The directory of the keys.
        dir: PathBuf,
    },
    /// A log's key was handed over as often as can be.
    #[error(
        "this journal has had {limit} log keys, as many as one may; what replaces it is a new incarnation"
    )]
    LogKeys {
        /// How many there may be.
        limit: usize,
    },
    /// A cosignature was not taken; the journal goes on.
    #[error("the cosignature was not taken: {0}")]
    Cosignature(#[from] WitnessFault),
    /// An entry cannot be erased.
    #[error("entry {seq} cannot be erased: {fault}")]
    Erase {
        /// The entry.
        seq: u64,
        /// Why not.
        fault: EraseFault,
    },
    /// Segments cannot be archived.
    #[error("nothing can be archived in {}: {fault}", dir.display())]
    Retire {
        /// The archive.
        dir: PathBuf,
        /// Why not.
        fault: RetireFault,
    },
    /// A text is too long even for a blob.
    #[error("a text of {length} bytes is too long to keep; at most {limit} are kept")]
    BlobTooLong {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Nothing can be proven of an entry that no seal covers.
    #[error("no seal covers entry {seq}")]
    NotSealed {
        /// The entry.
        seq: u64,
    },
    /// What is in the journal does not hold together.
    #[error("the journal is damaged: {0}")]
    Damaged(#[from] Broken),
    /// A file in the journal's directory has a name that no segment has.
    #[error("{} is no file of a journal", path.display())]
    StrayFile {
        /// The file.
        path: PathBuf,
    },
    /// There is no journal there.
    #[error("{} holds no journal", dir.display())]
    NoJournal {
        /// The directory.
        dir: PathBuf,
    },
}
