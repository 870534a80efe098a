//! Rosters in a file, as hosts and CAs keep them: `{"chain":[…]}`.

use std::path::Path;

use daypass_protocol::api::Rosters;
use daypass_protocol::roster::SignedRoster;
use daypass_protocol::strict_json;

use crate::diagnostic::Failure;
use crate::diagnostic::evidence::EvidenceError;
use crate::durable;

/// Room for a chain of a few hundred rosters, bytes.
pub(crate) const LONGEST: u64 = 128 * 1024 * 1024;

/// The rosters in a file that somebody named, not yet checked.
pub(crate) fn read(path: &Path) -> Result<Vec<SignedRoster>, Failure> {
    let text = durable::read(path, LONGEST)?.ok_or_else(|| Failure::NoSuchFile {
        path: path.to_owned(),
    })?;
    parse(path, &text)
}

/// The rosters in this text, which stood in the file.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Vec<SignedRoster>, Failure> {
    let bound = usize::try_from(LONGEST).unwrap_or(usize::MAX);
    let read: Rosters = strict_json::parse(text, bound).map_err(|source| EvidenceError::Chain {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    Ok(read.chain)
}
