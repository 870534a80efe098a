//! A host's disk: an overlay on the cached root, whose changes live in a tmpfs, or on a disk where that is measured.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::mount::{MsFlags, mount};

use crate::outside::make_directory;
use crate::{Error, Result};

/// Room for what a host writes. It takes memory only as it fills.
const SIZE: &str = "size=2g,mode=755";

/// A host that writes below a directory instead of into memory.
static ON_DISK: OnceLock<(String, PathBuf)> = OnceLock::new();

/// The host `name` of a network that is made from now on writes below this directory, which is made, for whoever measures what
/// a disk costs. It is theirs to remove when the host is gone.
///
/// # Errors
/// When it cannot be made; [`Error::Disk`] when another was named before.
pub fn write_to(name: &str, directory: &Path) -> Result<()> {
    make_directory(directory)?;
    let named = (name.to_owned(), directory.to_owned());
    ON_DISK.set(named).map_err(|_| Error::Disk)
}

/// Mounts the disk as `root` below `directory`. It ends with the run's other mounts.
pub(super) fn mount_on(directory: &Path, lower: &Path) -> Result<()> {
    let disk = directory.join("disk");
    let [upper, work, merged] = [
        disk.join("upper"),
        disk.join("work"),
        directory.join("root"),
    ];
    make_directory(&disk)?;
    let on_disk = ON_DISK.get().filter(|(name, _)| directory.ends_with(name));
    match on_disk {
        None => mount(
            Some("daypass-host"),
            &disk,
            Some("tmpfs"),
            MsFlags::empty(),
            Some(SIZE),
        ),
        Some((_, own)) => mount(
            Some(own),
            &disk,
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        ),
    }
    .map_err(|errno| Error::path("mount a disk on", &disk)(errno.into()))?;
    for part in [&upper, &work, &merged] {
        make_directory(part)?;
    }
    let layers = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.display(),
        upper.display(),
        work.display()
    );
    mount(
        Some("daypass-host"),
        &merged,
        Some("overlay"),
        MsFlags::empty(),
        Some(layers.as_str()),
    )
    .map_err(|errno| Error::path("mount an overlay on", &merged)(errno.into()))
}
