//! What an account has that can outlive a session, whenever it was changed.
//!
//! Links are told, not followed: their owner may point them anywhere, at a disk that hangs as well. A directory is told
//! with the file in it, by its own time: whoever puts one that was prepared elsewhere in the place of another changes no
//! file in it.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::accounts::Names;
use crate::doctor::setuid::{self, Extent};
use crate::layout::Layout;

/// Read by shells, by sshd and by sessions of the account when somebody logs in.
const START_UP: [&str; 29] = [
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bash_aliases",
    ".profile",
    ".zshenv",
    ".zprofile",
    ".zshrc",
    ".zlogin",
    ".zlogout",
    ".kshrc",
    ".mkshrc",
    ".cshrc",
    ".tcshrc",
    ".login",
    ".logout",
    ".inputrc",
    ".vimrc",
    ".exrc",
    ".gitconfig",
    ".pam_environment",
    ".xprofile",
    ".xsession",
    ".xsessionrc",
    ".config/fish/config.fish",
    ".ssh/rc",
    ".ssh/environment",
    ".ssh/config",
];
const KEYS: [&str; 2] = [".ssh/authorized_keys", ".ssh/authorized_keys2"];
/// Directories in which, and below which, every file is one.
const UNITS: [&str; 4] = [
    ".config/systemd/user",
    ".local/share/systemd/user",
    ".config/environment.d",
    ".config/autostart",
];
const CRONTABS: &str = "/var/spool/cron/crontabs";
pub(super) const AT_JOBS: &str = "/var/spool/cron/atjobs";
const LINGER: &str = "/var/lib/systemd/linger";
/// So many files of such a directory are looked at.
pub(super) const OF_A_DIRECTORY: usize = 1000;
/// How long a directory service may take to say where an account is at home that no file of this host names.
const PATIENCE: Duration = Duration::from_secs(2);

/// What kind of thing a file is, for programs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    StartUp,
    Key,
    Job,
    Setuid,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::StartUp => "start-up",
            Self::Key => "key",
            Self::Job => "job",
            Self::Setuid => "setuid",
        }
    }
}

/// A file, a link or a directory that holds one, and when it was last changed, in milliseconds since 1970.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Plant {
    pub(super) kind: Kind,
    pub(super) path: PathBuf,
    pub(super) changed: i64,
}

/// What an account has that can outlive a session, whenever it was changed, and whether that is all.
pub(super) struct Found {
    pub(super) plants: Vec<Plant>,
    pub(super) extent: Extent,
}

/// What is below a directory.
#[derive(Default)]
struct Below {
    files: Vec<PathBuf>,
    /// Those that hold something.
    directories: Vec<PathBuf>,
}

/// Everything of an account that can outlive a session, whenever it was changed.
pub(super) fn planted(layout: &Layout, names: &Names, account: &str, uid: u32) -> Found {
    let mut found = Found {
        plants: Vec::new(),
        extent: Extent::Whole,
    };
    for place in [CRONTABS, LINGER] {
        found.add(Kind::Job, layout.seen(&Path::new(place).join(account)));
    }
    for path in found.below(layout.seen(Path::new(AT_JOBS))).files {
        if fs::symlink_metadata(&path).is_ok_and(|about| about.uid() == uid) {
            found.add(Kind::Job, path);
        }
    }
    match names.look_up(account, PATIENCE) {
        Ok(named) => {
            if let Some(named) = named {
                found.add_home(layout, uid, &named.home);
            }
        }
        // What is there is not known, and others' sessions are not looked after any later for it.
        Err(_) => found.extent = Extent::Partial,
    }
    found.plants.sort();
    found.plants.dedup();
    found
}

impl Found {
    /// Of a link itself: whoever points it elsewhere changes it. Whether it is there.
    fn add(&mut self, kind: Kind, path: PathBuf) -> bool {
        match self.look(&path) {
            Some(about) if !about.is_dir() => {
                self.put(kind, path, &about);
                true
            }
            _ => false,
        }
    }

    fn add_home(&mut self, layout: &Layout, uid: u32, home: &Path) {
        let seen = layout.seen(home);
        for name in START_UP {
            self.add_of(&seen, name, Kind::StartUp);
        }
        for name in KEYS {
            self.add_of(&seen, name, Kind::Key);
        }
        for name in UNITS {
            self.add_below(&seen, name);
        }
        let lent = setuid::owned_by(layout, uid, home, setuid::SEARCH);
        self.extent = self.extent.and(lent.extent);
        for path in lent.files {
            self.add(Kind::Setuid, path);
        }
    }

    /// A file of the home, with the directories that lead to it.
    fn add_of(&mut self, home: &Path, name: &str, kind: Kind) {
        let name = Path::new(name);
        let way = name.parent().unwrap_or(Path::new(""));
        let Some(way) = self.way(home, way, kind) else {
            return;
        };
        if self.add(kind, home.join(name)) {
            way.into_iter()
                .for_each(|(path, about)| self.put(kind, path, &about));
        }
    }

    /// Every file below a directory of the home, with all directories that lead to one.
    fn add_below(&mut self, home: &Path, name: &str) {
        let kind = Kind::Job;
        let Some(way) = self.way(home, Path::new(name), kind) else {
            return;
        };
        let below = self.below(home.join(name));
        if below.files.is_empty() {
            return;
        }
        way.into_iter()
            .for_each(|(path, about)| self.put(kind, path, &about));
        for path in below.files {
            self.add(kind, path);
        }
        for path in below.directories {
            if let Some(about) = self.look(&path) {
                self.put(kind, path, &about);
            }
        }
    }

    /// The directories that lead there from the home. `None` where there is no such way, or a link in it.
    fn way(&mut self, home: &Path, name: &Path, kind: Kind) -> Option<Vec<(PathBuf, Metadata)>> {
        let mut way = Vec::new();
        let mut path = home.to_owned();
        for part in name {
            path.push(part);
            let about = self.look(&path)?;
            if about.is_symlink() {
                self.put(kind, path, &about);
                self.extent = Extent::Partial;
                return None;
            }
            way.push((path.clone(), about));
        }
        Some(way)
    }

    /// The files below a directory: enabling a unit is a link in one of its own. Links are not followed.
    fn below(&mut self, directory: PathBuf) -> Below {
        let mut below = Below::default();
        let mut left = OF_A_DIRECTORY;
        let mut open = vec![directory];
        while let Some(directory) = open.pop() {
            let entries = match fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) => {
                    self.miss(&error);
                    continue;
                }
            };
            let mut is_empty = true;
            for entry in entries.flatten() {
                if left == 0 {
                    self.extent = Extent::Partial;
                    return below;
                }
                left -= 1;
                is_empty = false;
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => open.push(entry.path()),
                    // atd's own counter is nobody's job.
                    Ok(_) if entry.file_name() != ".SEQ" => below.files.push(entry.path()),
                    _ => {}
                }
            }
            if !is_empty {
                below.directories.push(directory);
            }
        }
        below
    }

    fn put(&mut self, kind: Kind, path: PathBuf, about: &Metadata) {
        let changed = about.ctime() * 1000 + about.ctime_nsec() / 1_000_000;
        self.plants.push(Plant {
            kind,
            path,
            changed,
        });
    }

    fn look(&mut self, path: &Path) -> Option<Metadata> {
        fs::symlink_metadata(path)
            .inspect_err(|error| self.miss(error))
            .ok()
    }

    /// What is not there is not missed.
    fn miss(&mut self, error: &io::Error) {
        use io::ErrorKind::{NotADirectory, NotFound};
        if !matches!(error.kind(), NotFound | NotADirectory) {
            self.extent = Extent::Partial;
        }
    }
}

#[cfg(test)]
mod tests;
