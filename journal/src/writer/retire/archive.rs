//! Copies for the archive: a segment and the blobs that its entries name, in a directory named after the journal, so
//! that several journals can share one archive.

use std::path::PathBuf;

use super::{Error, Path, RetireFault, SEGMENT_MODE, Tail, blob, durable, extract};

/// Where in `archive` the journal of this origin has its copies; made if it is not there.
pub(super) fn of(archive: &Path, origin: &str) -> Result<PathBuf, Error> {
    if !archive.is_dir() {
        return Err(fault(archive, RetireFault::NoArchive));
    }
    // Of an origin's parts none holds a slash, and the last one is random: no two journals meet.
    let own = archive.join(origin.replace('/', "-"));
    durable::make_dir(&own, 0o750)?;
    Ok(own)
}

/// Keeps a copy of the segment at `path`, durably. One that is there already stays.
pub(super) fn keep(journal: &Path, path: &Path, archive: &Path) -> Result<(), Error> {
    for blob in extract::blobs(path)? {
        if let Some(kept) = blob::path(journal, &blob) {
            let copies = archive.join(blob::DIR);
            durable::make_dir(&copies, 0o750)?;
            copy(&kept, &copies.join(blob))?;
        }
    }
    match path.file_name() {
        Some(name) => copy(path, &archive.join(name)),
        None => Ok(()),
    }
}

/// Copies a file. Another one that has its name is left alone, and then nothing is retired.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let whole = Tail::of(from, 0)?;
    if !to.exists() {
        durable::copy(from, to, SEGMENT_MODE)?;
    }
    if Tail::of(to, 0)? == whole {
        return Ok(());
    }
    let name = to.file_name().unwrap_or_default().display().to_string();
    let dir = to.parent().unwrap_or(to);
    Err(fault(dir, RetireFault::Taken { name }))
}

fn fault(dir: &Path, fault: RetireFault) -> Error {
    Error::Retire {
        dir: dir.to_owned(),
        fault,
    }
}
