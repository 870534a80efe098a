//! A host's disk: an overlay on the cached root, whose changes live in a tmpfs, or on a disk where that is measured.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::mount::{MsFlags, mount};

use crate::outside::make_directory;
use crate::{Error, Result};

/// Room for what a host writes. It takes memory only as it fills.
const SIZE: &str = "size=2g,mode=755";

/// Where hosts write instead of into memory.
static DISK: OnceLock<PathBuf> = OnceLock::new();

/// Hosts that are made from now on write below this directory, which is made, for whoever measures what a disk costs. It is theirs to remove
/// when the hosts are gone.
///
/// # Errors
/// When it cannot be made; [`Error::Disk`] when another was named before.
pub fn write_to(directory: &Path) -> Result<()> {
    make_directory(directory)?;
    DISK.set(directory.to_owned()).map_err(|_| Error::Disk)
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
    match DISK.get() {
        None => mount(
            Some("daypass-host"),
            &disk,
            Some("tmpfs"),
            MsFlags::empty(),
            Some(SIZE),
        ),
        Some(base) => {
            let run = directory.components().rev().take(2);
            let own = run.fold(base.clone(), |base, part| base.join(part));
            make_directory(&own)?;
            mount(
                Some(&own),
                &disk,
                None::<&str>,
                MsFlags::MS_BIND,
                None::<&str>,
            )
        }
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
