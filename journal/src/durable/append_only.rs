//! The attribute that lets a file only grow (`chattr +a`): whoever changes what was written, even by
//! mistake, even root, has to take it off first. Not every file system has it, and setting it takes
//! `CAP_LINUX_IMMUTABLE`: where it cannot be set, files are as good as without it.

use std::fs::File;
use std::path::Path;

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use super::{Action, DiskError, failed};

/// Whether segment files carry the attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    /// They do not.
    #[default]
    None,
    /// They do, wherever it can be set.
    AppendOnly,
}

/// Sets the attribute, if it can be.
pub(crate) fn guard(file: &File, protection: Protection) {
    if protection == Protection::AppendOnly
        && let Ok(flags) = ioctl_getflags(file)
    {
        let _ = ioctl_setflags(file, flags | IFlags::APPEND);
    }
}

/// Takes the attribute off, so that another file can take the place of this one.
pub(crate) fn release(path: &Path) -> Result<(), DiskError> {
    let file = File::open(path).map_err(failed(Action::Open, path))?;
    match ioctl_getflags(&file) {
        Ok(flags) if flags.contains(IFlags::APPEND) => {
            ioctl_setflags(&file, flags - IFlags::APPEND)
                .map_err(|errno| failed(Action::Rename, path)(errno.into()))
        }
        // A file system without attributes.
        _ => Ok(()),
    }
}
