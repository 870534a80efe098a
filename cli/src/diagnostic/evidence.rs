//! What people are told when evidence cannot be gathered or read.

use std::io;
use std::path::PathBuf;

use daypass_protocol::strict_json;
use thiserror::Error;

/// Why evidence could not be gathered, or a check not be made.
#[derive(Debug, Error)]
pub enum EvidenceError {
    /// Nothing was asked for.
    #[error("say what the evidence is about: --window, --session, --user, --since or --until")]
    NoQuestion,
    /// No journal.
    #[error(
        "this machine has no journal that could be read; name the directories: a host's (/var/log/daypass/journal) and the CA's"
    )]
    NoJournals,
    /// No entry is asked for.
    #[error(
        "no entry in these journals is about that; `daypass log` with the same options shows what there is"
    )]
    NothingFound,
    /// No rosters.
    #[error(
        "the rosters are nowhere to be found, and without them no signature can be judged; name the CA's journal too, or a file with --chain (on a host: /var/lib/daypass/agent/chain.json)"
    )]
    NoRosters,
    /// Rosters that cannot be read.
    #[error("{}: no chain of rosters: {source}", path.display())]
    Chain {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<strict_json::Error>,
    },
    /// More than a bundle may hold.
    #[error(
        "that would be {bytes} bytes, and a bundle has {bound} at most; ask for less, as with --session or a shorter time"
    )]
    TooMuch {
        /// Bytes.
        bytes: usize,
        /// Bytes allowed.
        bound: usize,
    },
    /// The archive could not be made.
    #[error("the bundle could not be put together: {0}")]
    Archive(#[source] io::Error),
    /// A trust file with something else in the place of the CA's pin or key.
    #[error(
        "{}: [ca] {key} cannot be read: {text:?}; copy the line again from `daypass-ca trust`",
        path.display()
    )]
    TrustKey {
        /// The file.
        path: PathBuf,
        /// `pin` or `user_ca`.
        key: &'static str,
        /// What stands there.
        text: String,
    },
    /// Trust files of two CAs.
    #[error("{} is of another CA than the trust file before it; a bundle is judged by one", path.display())]
    TwoCas {
        /// The second file.
        path: PathBuf,
    },
}
