//! Whether the gates stand where logins pass.
//!
//! PAM profiles can be edited away without a word, and another line of sshd's configuration can
//! take precedence over ours. So gate 1 says yes only while everything was seen in place since
//! the files last changed. Looking at file times is cheap and done each time; reading files and
//! running `sshd -T` is done when one of them changed, and once a minute.

mod absent;
mod module;
mod sudo;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::file_mark::FileMark;
use crate::layout::Layout;
use crate::managed::Managed;
use crate::pam_stack::{Kind, Service};
use crate::sshd::{self, Sshd};

pub use absent::Absent;
use module::Modules;
#[cfg(test)]
pub(crate) use module::sample;
use sudo::{Asked, SESSIONS_SUDO};

/// Files that none of ours names (a site's own includes) may change too.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// The keeper looks before that, so that no login has to wait for it.
const RENEW: Duration = Duration::from_secs(40);
/// An sshd that gave no answer in time may only have been busy.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// Where a contractor passes, and which stacks of each service must hold the module.
const STACKS: [(&str, &[Kind]); 4] = [
    ("sshd", &[Kind::Auth, Kind::Account, Kind::Session]),
    ("sudo", &[Kind::Account, Kind::Session]),
    ("sudo-i", &[Kind::Account, Kind::Session]),
    (SESSIONS_SUDO, &[Kind::Auth, Kind::Account, Kind::Session]),
];

/// Looks for the gates, and remembers what it saw.
pub struct Presence {
    layout: Layout,
    sshd: Sshd,
    modules: Modules,
    seen: Mutex<Option<Arc<Seen>>>,
    /// Held by whoever looks closely.
    looking: Mutex<()>,
    /// What was read last of our own service, which every contractor's sudo has looked at.
    asked: Mutex<Option<Asked>>,
}

struct Seen {
    managed: Managed,
    marks: Vec<(PathBuf, Option<FileMark>)>,
    at: Instant,
    /// Whether sshd gave no answer in time.
    is_late: bool,
    absent: Vec<Absent>,
}

impl Presence {
    /// Looks under this layout.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        Self {
            layout: layout.clone(),
            sshd: Sshd::new(layout),
            modules: Modules::default(),
            seen: Mutex::default(),
            looking: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// Is everything in place for these accounts?
    ///
    /// # Errors
    /// The first thing that is not.
    pub fn check(&self, managed: &Managed) -> Result<(), Absent> {
        self.look(managed).into_iter().next().map_or(Ok(()), Err)
    }

    /// Everything that is not in place for these accounts.
    #[must_use]
    pub fn look(&self, managed: &Managed) -> Vec<Absent> {
        self.look_within(managed, LOOK_AGAIN)
    }

    /// The same, looking closely if the last such look is so old that the next login would have to.
    #[must_use]
    pub fn renew(&self, managed: &Managed) -> Vec<Absent> {
        self.look_within(managed, RENEW)
    }

    /// Whether PAM's module is where PAM looks for it, and can be loaded, as of now.
    #[must_use]
    pub fn module_is_there(&self) -> bool {
        let places = self.module_places();
        places.iter().any(|path| self.modules.is_module(path))
    }

    /// The directories in which PAM looks for modules.
    #[must_use]
    pub fn module_directories(&self) -> Vec<PathBuf> {
        let places = self.module_places();
        places
            .iter()
            .filter_map(|path| path.parent().map(Path::to_owned))
            .collect()
    }

    fn look_within(&self, managed: &Managed, age: Duration) -> Vec<Absent> {
        if let Some(seen) = self.seen().filter(|seen| seen.holds(managed, age)) {
            return seen.absent.clone();
        }
        // What was seen before serves everybody else meanwhile, as long as it holds.
        let _looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = self.seen().filter(|seen| seen.holds(managed, age)) {
            return seen.absent.clone();
        }
        let new = Arc::new(self.look_closely(managed));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&new));
        new.absent.clone()
    }

    fn seen(&self) -> Option<Arc<Seen>> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn look_closely(&self, managed: &Managed) -> Seen {
        let mut files = BTreeSet::new();
        let mut absent = Vec::new();
        // Marks are taken before the files are read: a change in between is seen the next time.
        let services: Vec<_> = STACKS
            .iter()
            .map(|(name, kinds)| (*name, *kinds, Service::read(&self.layout.pam(), name)))
            .collect();
        for (_, _, service) in &services {
            files.extend(service.files().map(Path::to_owned));
        }
        let modules = self.module_places();
        files.extend(modules.iter().cloned());
        files.extend(self.sshd_files());
        files.extend(self.sudo_files());
        let marks = marks(files);

        if !self.module_is_there() {
            absent.push(Absent::Module);
        }
        for (service, kinds, _) in services {
            let read = Service::read(&self.layout.pam(), service);
            let missing = kinds.iter().copied().filter(|kind| !read.holds(*kind));
            let kinds: Vec<Kind> = missing.collect();
            if !kinds.is_empty() {
                absent.push(Absent::Stack { service, kinds });
            }
        }
        absent.extend(self.look_at_own_sudoers());
        absent.extend(self.look_at_sudo(managed));
        let is_late = self.look_at_sshd(managed, &mut absent);
        Seen {
            managed: managed.clone(),
            marks,
            at: Instant::now(),
            is_late,
            absent,
        }
    }

    /// Whether it gave no answer in time.
    fn look_at_sshd(&self, managed: &Managed, absent: &mut Vec<Absent>) -> bool {
        for account in managed.iter().flat_map(|(_, names)| names) {
            let account = account.clone();
            match self.sshd.effective(&account) {
                Ok(effective) => {
                    if let Err(overridden) = effective.is_ours() {
                        absent.push(Absent::Sshd {
                            account,
                            overridden,
                        });
                    }
                }
                Err(error) => {
                    absent.push(unreadable(account, &error));
                    if error.is_late() {
                        // About the next it would say as little, and take as long.
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Every place where the module may be: the multiarch directories and the old ones.
    fn module_places(&self) -> Vec<PathBuf> {
        let fixed = ["/lib/security", "/usr/lib/security", "/usr/lib64/security"];
        let mut places: Vec<PathBuf> = fixed
            .iter()
            .map(|place| self.layout.seen(Path::new(place)))
            .collect();
        let libraries = self.layout.seen(Path::new("/usr/lib"));
        let listed = fs::read_dir(libraries).into_iter().flatten().flatten();
        places.extend(listed.map(|entry| entry.path().join("security")));
        places.retain(|place| place.is_dir());
        places
            .iter()
            .map(|place| place.join("pam_daypass.so"))
            .collect()
    }

    fn sshd_files(&self) -> Vec<PathBuf> {
        let config = self.layout.sshd_config();
        let drop_ins = config.with_file_name("sshd_config.d");
        let listed = fs::read_dir(&drop_ins).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = listed.map(|entry| entry.path()).collect();
        files.extend([config, drop_ins]);
        files
    }
}

impl Seen {
    fn holds(&self, managed: &Managed, age: Duration) -> bool {
        let age = if self.is_late {
            age.min(ASK_AGAIN)
        } else {
            age
        };
        self.at.elapsed() < age && self.managed == *managed && are_unchanged(&self.marks)
    }
}

fn unreadable(account: String, error: &sshd::Error) -> Absent {
    Absent::Unreadable {
        account,
        said: error.to_string(),
    }
}

fn are_unchanged(marks: &[(PathBuf, Option<FileMark>)]) -> bool {
    marks
        .iter()
        .all(|(path, known)| FileMark::of(path) == *known)
}

fn marks(files: BTreeSet<PathBuf>) -> Vec<(PathBuf, Option<FileMark>)> {
    files
        .into_iter()
        .map(|path| {
            let known = FileMark::of(&path);
            (path, known)
        })
        .collect()
}

#[cfg(test)]
mod tests;
