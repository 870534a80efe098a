//! Whether contractors' sudo asks us: PAM's module and its lines, and what sudo's files say.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Instant;

use super::{Absent, LOOK_AGAIN, Presence, are_unchanged, marks};
use crate::durable;
use crate::file_mark::FileMark;
use crate::managed::Managed;
use crate::pam_stack::{Kind, Service};
use crate::sudoers::{self, SUDO_SERVICES};

/// The service by which our rules for sessions have it ask.
pub(super) const SESSIONS_SUDO: &str = "daypass-sudo";
/// The most bytes that our own file of `/etc/sudoers.d` may have.
const MAX_SUDOERS: u64 = 256 * 1024;

/// That a service asks the module, as long as its files are these, and no longer than anything else that was seen. That it
/// does not may have been a file that could not be read, and is looked for each time.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) marks: Vec<(PathBuf, Option<FileMark>)>,
    pub(super) at: Instant,
}

impl Asked {
    pub(super) fn holds(&self) -> bool {
        self.at.elapsed() < LOOK_AGAIN && are_unchanged(&self.marks)
    }
}

impl Presence {
    /// Whether every call of a sudo that knows no service of ours comes to the module, as of now: it is there, and stands
    /// in the account stacks.
    #[must_use]
    pub fn sudo_asks(&self) -> bool {
        let mut services = SUDO_SERVICES.into_iter();
        self.sudo_keeps_to_ours()
            && self.module_is_there()
            && services.all(|service| self.asks(service))
    }

    /// Whether every call of a sudo that goes by our own service comes to the module, as of now. That service refuses
    /// everybody where the module is not there; where its line is not there nobody is asked.
    #[must_use]
    pub fn sessions_sudo_asks(&self) -> bool {
        self.sudo_keeps_to_ours() && self.sessions_service_asks()
    }

    /// Whether nothing was seen by which a setting of sudo's may count for contractors in the place of ours.
    fn sudo_keeps_to_ours(&self) -> bool {
        self.seen()
            .is_none_or(|seen| !seen.absent.iter().any(Absent::is_of_sudos_settings))
    }

    fn sessions_service_asks(&self) -> bool {
        let mut last = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_some_and(Asked::holds) {
            return true;
        }
        // Marks are taken before the files are read: a change in between is seen the next time.
        let service = Service::read(&self.layout.pam(), SESSIONS_SUDO);
        let marks = marks(service.files().map(Path::to_owned).collect());
        let (at, asks) = (Instant::now(), self.asks(SESSIONS_SUDO));
        *last = asks.then_some(Asked { marks, at });
        asks
    }

    fn asks(&self, service: &str) -> bool {
        Service::read(&self.layout.pam(), service).holds(Kind::Account)
    }

    pub(super) fn look_at_own_sudoers(&self) -> Option<Absent> {
        let path = self.layout.sudoers();
        let text = match durable::read(&path, MAX_SUDOERS) {
            Ok(Some(text)) => text,
            Ok(None) => return Some(Absent::Sudoers { path }),
            Err(error) => {
                return Some(Absent::SudoUnreadable {
                    said: error.to_string(),
                });
            }
        };
        let line = sudoers::lacking(&String::from_utf8_lossy(&text))?;
        Some(Absent::SudoersEdited { path, line })
    }

    pub(super) fn look_at_sudo(&self, managed: &Managed) -> Option<Absent> {
        let is_managed = |name: &str| managed.uid(name).is_some();
        match sudoers::flaw(&self.layout.main_sudoers(), is_managed) {
            Ok(flaw) => flaw.map(Absent::SudoSettings),
            Err(error) => Some(Absent::SudoUnreadable {
                said: error.to_string(),
            }),
        }
    }

    pub(super) fn sudo_files(&self) -> Vec<PathBuf> {
        let own = self.layout.sudoers();
        let directory = own.parent().map(Path::to_owned).unwrap_or_default();
        let listed = fs::read_dir(&directory).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = listed.map(|entry| entry.path()).collect();
        files.extend([own, directory, self.layout.main_sudoers()]);
        files
    }
}
