//! Long texts beside the entries: an entry keeps the beginning, length and hash, a blob the whole.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::durable;
use crate::encoding::hex;
use crate::error::Error;

pub(crate) const DIR: &str = "blobs";

/// The longest text that is kept, in bytes; the kernel allows a command line of about 6 MB at most.
pub const BLOB_LIMIT: usize = 8 * 1024 * 1024;

/// Keeps `bytes` in the journal's directory under their SHA-256, and returns it in hexadecimal once
/// they are on disk.
pub(crate) fn keep(journal: &Path, bytes: &[u8]) -> Result<String, Error> {
    if bytes.len() > BLOB_LIMIT {
        return Err(Error::BlobTooLong {
            length: bytes.len(),
            limit: BLOB_LIMIT,
        });
    }
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    let name = hex(&hash);
    let dir = journal.join(DIR);
    durable::make_dir(&dir, 0o750)?;
    let path = dir.join(&name);
    if !path.exists() {
        durable::replace(&path, 0o640, bytes)?;
    }
    Ok(name)
}

/// The hash of a long text that an event names.
pub(crate) fn named(event: &str) -> Option<String> {
    let (_, rest) = event.split_once("\"sha256\":\"")?;
    rest.split_once('"').map(|(hash, _)| hash.to_owned())
}

/// Where the text with this SHA-256 (hexadecimal) is kept in a journal's directory, if it is.
#[must_use]
pub fn path(journal: &Path, sha256: &str) -> Option<PathBuf> {
    let is_hash = sha256.len() == 64 && crate::encoding::from_hex(sha256).is_some();
    let path = journal.join(DIR).join(sha256);
    (is_hash && path.is_file()).then_some(path)
}
