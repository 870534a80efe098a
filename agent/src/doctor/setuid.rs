//! Files that lend an account's rights to others, in the places where an account can put them.

use std::fs;
use std::io;
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::layout::Layout;

/// Where everybody may write.
const PLACES: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/usr/local"];
/// Somebody with more files than this is looked after only so far,
const MOST: usize = 200_000;
/// and with paths as long as all this together,
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// and for this long: a home may lie on a slow network.
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
/// `patience`. What cannot be read counts as not looked through.
#[must_use]
pub(crate) fn owned_by(layout: &Layout, uid: u32, home: &Path, patience: Duration) -> Found {
    let search = Search {
        uid,
        left: MOST,
        bytes: MOST_BYTES,
        until: Instant::now() + patience,
        files: Vec::new(),
        extent: Extent::Whole,
    };
    search.of(layout, home)
}

struct Search {
    uid: u32,
    /// Entries that may still be looked at.
    left: usize,
    /// Bytes of paths that may still be kept.
    bytes: usize,
    until: Instant,
    files: Vec<PathBuf>,
    extent: Extent,
}

impl Search {
    /// The home first: whoever fills the other places hides nothing in it.
    fn of(mut self, layout: &Layout, home: &Path) -> Found {
        for place in [home].into_iter().chain(PLACES.iter().map(Path::new)) {
            let place = layout.seen(place);
            // `/` as a home would be the whole machine.
            if place != layout.root() {
                self.through(place);
            }
        }
        self.files.sort();
        self.files.dedup();
        Found {
            files: self.files,
            extent: self.extent,
        }
    }

    fn through(&mut self, place: PathBuf) {
        let device = fs::metadata(&place).map(|about| about.dev()).ok();
        let mut places = Vec::new();
        self.keep(place, &mut places);
        while let Some(directory) = places.pop() {
            self.bytes += length(&directory);
            let entries = match fs::read_dir(directory) {
                Ok(entries) => entries,
                Err(error) => {
                    self.miss(&error);
                    continue;
                }
            };
            for entry in entries {
                if self.left == 0 || Instant::now() >= self.until {
                    self.extent = Extent::Partial;
                    return;
                }
                self.left -= 1;
                // Of the entry itself: links are not followed.
                let seen = entry.and_then(|entry| Ok((entry.metadata()?, entry)));
                let (about, entry) = match seen {
                    Ok(seen) => seen,
                    Err(error) => {
                        self.miss(&error);
                        continue;
                    }
                };
                if about.is_dir() && Some(about.dev()) == device {
                    self.keep(entry.path(), &mut places);
                } else if about.is_file() && about.uid() == self.uid && about.mode() & SETUID != 0 {
                    let mut files = mem::take(&mut self.files);
                    self.keep(entry.path(), &mut files);
                    self.files = files;
                }
            }
        }
    }

    /// Keeps a path, if there is room for it: a deep tree has few files and very long paths.
    fn keep(&mut self, path: PathBuf, kept: &mut Vec<PathBuf>) {
        match self.bytes.checked_sub(length(&path)) {
            Some(left) => {
                self.bytes = left;
                kept.push(path);
            }
            None => self.extent = Extent::Partial,
        }
    }

    /// Who has gone meanwhile is nobody who could be missed.
    fn miss(&mut self, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.extent = Extent::Partial;
        }
    }
}

fn length(path: &Path) -> usize {
    path.as_os_str().len() + size_of::<PathBuf>()
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

    fn limited(left: usize, bytes: usize) -> Search {
        Search {
            uid: Uid::current().as_raw(),
            left,
            bytes,
            until: Instant::now() + Duration::from_secs(60),
            files: Vec::new(),
            extent: Extent::Whole,
        }
    }

    #[test]
    fn a_full_directory_elsewhere_hides_nothing_in_the_home() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        let [home, tmp] = ["/home/deploy", "/tmp"].map(|place| layout.seen(Path::new(place)));
        for place in [&home, &tmp] {
            fs::create_dir_all(place).unwrap();
        }
        for number in 0..20 {
            fs::write(tmp.join(number.to_string()), "").unwrap();
        }
        let planted = home.join("sh");
        fs::write(&planted, "").unwrap();
        fs::set_permissions(&planted, fs::Permissions::from_mode(0o4755)).unwrap();
        let found = limited(10, MOST_BYTES).of(&layout, Path::new("/home/deploy"));
        assert_eq!(found.files, [planted]);
        assert_eq!(found.extent, Extent::Partial);
    }

    #[test]
    fn long_paths_are_kept_up_to_a_bound_and_what_is_left_out_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        let home = layout.seen(Path::new("/home/deploy"));
        for number in 0..20 {
            fs::create_dir_all(home.join(format!("{number}{}", "x".repeat(200)))).unwrap();
        }
        let of = |bytes| limited(MOST, bytes).of(&layout, Path::new("/home/deploy"));
        assert_eq!(of(MOST_BYTES).extent, Extent::Whole);
        assert_eq!(of(2000).extent, Extent::Partial);
    }

    #[test]
    fn what_cannot_be_read_was_not_looked_through_and_what_is_not_there_was() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        let home = Path::new("/home/deploy");
        let found = || owned_by(&layout, 1001, home, SEARCH);
        assert_eq!(found().extent, Extent::Whole);
        fs::create_dir_all(layout.seen(Path::new("/home"))).unwrap();
        fs::write(layout.seen(home), "no directory").unwrap();
        assert_eq!(found().extent, Extent::Partial);
    }
}
