//! Copies for the archive: a segment and the blobs that its entries name.

use super::{DiskError, Error, Path, RetireFault, SEGMENT_MODE, Tail, blob, durable, extract};

/// Keeps a copy of the segment at `path`, durably. One that is there already stays.
pub(super) fn keep(journal: &Path, path: &Path, archive: &Path) -> Result<(), Error> {
    let fault = |fault| Error::Retire {
        dir: archive.to_owned(),
        fault,
    };
    if !archive.is_dir() {
        return Err(fault(RetireFault::NoArchive));
    }
    for blob in extract::blobs(path)? {
        if let Some(kept) = blob::path(journal, &blob) {
            let copies = archive.join(blob::DIR);
            durable::make_dir(&copies, 0o750)?;
            copy(&kept, &copies.join(blob))?;
        }
    }
    let Some(name) = path.file_name() else {
        return Ok(());
    };
    match copy(path, &archive.join(name))? {
        Copy::Same => Ok(()),
        Copy::Other => Err(fault(RetireFault::Taken {
            name: name.display().to_string(),
        })),
    }
}

/// What the archive holds under a name now.
enum Copy {
    Same,
    /// Another file, which was there before and is left alone.
    Other,
}

fn copy(from: &Path, to: &Path) -> Result<Copy, DiskError> {
    let whole = Tail::of(from, 0)?;
    if !to.exists() {
        durable::copy(from, to, SEGMENT_MODE)?;
    }
    Ok(match Tail::of(to, 0)? == whole {
        true => Copy::Same,
        false => Copy::Other,
    })
}
