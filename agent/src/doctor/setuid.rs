//! Files that lend an account's rights to others, in the places where an account can put them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::layout::Layout;

/// Where everybody may write.
const PLACES: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/usr/local"];
/// A home with more files than this is looked at only so far.
const MOST: usize = 200_000;
const SETUID: u32 = 0o4000;

/// The setuid files of this uid in its home and in the places that everybody may write to.
#[must_use]
pub(super) fn owned_by(layout: &Layout, uid: u32, home: &Path) -> Vec<PathBuf> {
    let places = PLACES.iter().map(Path::new).chain([home]);
    let mut left = MOST;
    let mut found = Vec::new();
    for place in places {
        let place = layout.seen(place);
        // `/` as a home would be the whole machine.
        if place != layout.root() {
            search(place, uid, &mut left, &mut found);
        }
    }
    found.sort();
    found.dedup();
    found
}

fn search(place: PathBuf, uid: u32, left: &mut usize, found: &mut Vec<PathBuf>) {
    let device = fs::metadata(&place).map(|about| about.dev()).ok();
    let mut places = vec![place];
    while let Some(directory) = places.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if *left == 0 {
                return;
            }
            *left -= 1;
            // Of the entry itself: links are not followed.
            let Ok(about) = entry.metadata() else {
                continue;
            };
            if about.is_dir() && Some(about.dev()) == device {
                places.push(entry.path());
            } else if about.is_file() && about.uid() == uid && about.mode() & SETUID != 0 {
                found.push(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use nix::unistd::Uid;

    use super::*;

    #[test]
    fn a_setuid_file_is_found_wherever_it_hides_and_links_lead_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        let deep = layout.seen(Path::new("/home/deploy/.cache/x"));
        fs::create_dir_all(&deep).unwrap();
        fs::create_dir_all(layout.seen(Path::new("/tmp"))).unwrap();
        symlink("..", deep.join("up")).unwrap();
        let (plain, planted) = (deep.join("plain"), deep.join("sh"));
        for (path, mode) in [(&plain, 0o755), (&planted, 0o4755)] {
            fs::write(path, "").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let own = Uid::current().as_raw();
        let home = Path::new("/home/deploy");
        assert_eq!(owned_by(&layout, own, home), [planted]);
        assert!(owned_by(&layout, own + 1, home).is_empty());
    }
}
