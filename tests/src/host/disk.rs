//! A host's disk: an overlay on the cached root, whose changes live in a tmpfs.

use std::path::Path;

use nix::mount::{MsFlags, mount};

use crate::outside::make_directory;
use crate::{Error, Result};

/// Room for what a host writes. It takes memory only as it fills.
const SIZE: &str = "size=2g,mode=755";

/// Mounts the disk as `root` below `directory`. It ends with the run's other mounts.
pub(super) fn mount_on(directory: &Path, lower: &Path) -> Result<()> {
    let disk = directory.join("disk");
    let [upper, work, merged] = [
        disk.join("upper"),
        disk.join("work"),
        directory.join("root"),
    ];
    make_directory(&disk)?;
    mount(
        Some("daypass-host"),
        &disk,
        Some("tmpfs"),
        MsFlags::empty(),
        Some(SIZE),
    )
    .map_err(|errno| Error::path("mount a tmpfs on", &disk)(errno.into()))?;
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
