//! Files that lend an account's rights to others, in the places where an account can put them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::layout::Layout;

/// Where everybody may write.
const PLACES: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/usr/local"];
/// A home with more files than this is looked at only so far,
const MOST: usize = 200_000;
/// and for this long: it may lie on a slow network.
pub const SEARCH: Duration = Duration::from_secs(5);
const SETUID: u32 = 0o4000;

/// What was found, and whether that is all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) extent: Extent,
}

/// How far a search came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    Partial,
}

impl Extent {
    /// That of two searches together.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Whole, Self::Whole) => Self::Whole,
            _ => Self::Partial,
        }
    }

    /// For programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Partial => "partly",
        }
    }
}

/// The setuid files of this uid in its home and in the places that everybody may write to, looked for no longer than
/// `patience`.
#[must_use]
pub(crate) fn owned_by(layout: &Layout, uid: u32, home: &Path, patience: Duration) -> Found {
    let places = PLACES.iter().map(Path::new).chain([home]);
    let mut search = Search {
        uid,
        left: MOST,
        until: Instant::now() + patience,
        files: Vec::new(),
    };
    let mut extent = Extent::Whole;
    for place in places {
        let place = layout.seen(place);
        // `/` as a home would be the whole machine.
        if place != layout.root() && search.through(place) == Extent::Partial {
            extent = Extent::Partial;
        }
    }
    let mut files = search.files;
    files.sort();
    files.dedup();
    Found { files, extent }
}

struct Search {
    uid: u32,
    left: usize,
    until: Instant,
    files: Vec<PathBuf>,
}

impl Search {
    fn through(&mut self, place: PathBuf) -> Extent {
        let device = fs::metadata(&place).map(|about| about.dev()).ok();
        let mut places = vec![place];
        while let Some(directory) = places.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                if self.left == 0 || Instant::now() >= self.until {
                    return Extent::Partial;
                }
                self.left -= 1;
                // Of the entry itself: links are not followed.
                let Ok(about) = entry.metadata() else {
                    continue;
                };
                if about.is_dir() && Some(about.dev()) == device {
                    places.push(entry.path());
                } else if about.is_file() && about.uid() == self.uid && about.mode() & SETUID != 0 {
                    self.files.push(entry.path());
                }
            }
        }
        Extent::Whole
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
        let found = |uid, patience| owned_by(&layout, uid, home, patience);
        assert_eq!(found(own, SEARCH).files, [planted]);
        assert_eq!(found(own, SEARCH).extent, Extent::Whole);
        assert!(found(own + 1, SEARCH).files.is_empty());
        assert_eq!(found(own, Duration::ZERO).extent, Extent::Partial);
    }
}
