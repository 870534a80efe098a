//! What a session left for those who come later: start-up files, keys, jobs and setuid files that changed while it was open.
//!
//! A file tells by the time at which the kernel last saw it change (ctime), which its owner cannot set back: so nothing is
//! noted at the beginning, and a restart of the agent forgets nothing. Sessions that share an account at the same time
//! share what is found; of two that change the same file within seconds, one after the other, the later is told.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use daypass_protocol::event::{Action, Event, Outcome};
use nix::unistd::User;
use serde_json::{Value, json};

use super::registry::Sessions;
use super::session::Session;
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
const AT_JOBS: &str = "/var/spool/cron/atjobs";
const LINGER: &str = "/var/lib/systemd/linger";
/// So many files of such a directory are looked at.
const OF_A_DIRECTORY: usize = 1000;
/// How many the journal names.
const NAMED: usize = 64;
/// The kernel stamps files with a clock that is so far behind, in milliseconds.
const TICK: i64 = 20;
/// Between two rounds: tools log in again and again, and each look goes through a home.
const PAUSE: Duration = Duration::from_secs(5);

/// What kind of thing a file is, for programs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    StartUp,
    Key,
    Job,
    Setuid,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::StartUp => "start-up",
            Self::Key => "key",
            Self::Job => "job",
            Self::Setuid => "setuid",
        }
    }
}

/// A file, and when it was last changed, in milliseconds since 1970.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Plant {
    kind: Kind,
    path: PathBuf,
    changed: i64,
}

/// What an account has that can outlive a session, whenever it was changed, and whether that is all.
struct Found {
    plants: Vec<Plant>,
    extent: Extent,
}

/// Sessions that are over and that nobody has looked after yet.
#[derive(Default)]
pub(super) struct Over {
    sessions: Mutex<Vec<Ended>>,
    news: Condvar,
}

/// A session that is over.
struct Ended {
    session: Arc<Session>,
    /// When, in milliseconds since 1970.
    at: i64,
    /// What the sweep took away.
    swept: Vec<PathBuf>,
}

impl Over {
    fn push(&self, ended: Ended) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.push(ended);
        drop(sessions);
        self.news.notify_one();
    }

    fn take(&self) -> Vec<Ended> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sessions = self
            .news
            .wait_while(sessions, |sessions| sessions.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut *sessions)
    }
}

impl Sessions {
    /// This session is over, and its plants are to be told of, with what the sweep took away. What it left running may
    /// plant more: then it is over once more when that ends.
    pub(super) fn is_over(&self, session: &Arc<Session>, swept: Vec<PathBuf>) {
        self.shared.over.push(Ended {
            session: Arc::clone(session),
            at: now(),
            swept,
        });
    }

    /// Starts the thread that looks for what sessions planted: a home may be large, or lie on a slow network.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn look_for_plants(&self) -> io::Result<()> {
        let sessions = self.clone();
        let look = move || {
            loop {
                sessions.tell_of_plants(&sessions.shared.over.take());
                thread::sleep(PAUSE);
            }
        };
        thread::Builder::new()
            .name("planted".to_owned())
            .stack_size(256 * 1024)
            .spawn(look)
            .map(drop)
    }

    fn tell_of_plants(&self, over: &[Ended]) {
        // One look serves all sessions of an account that ended since the last.
        let mut found: BTreeMap<u32, Found> = BTreeMap::new();
        for Ended { session, at, swept } in over {
            let record = &session.record;
            let Found { plants, extent } = found
                .entry(record.uid)
                .or_insert_with(|| planted(&Layout::system(), record.account.as_str(), record.uid));
            let since = opened(record.opened.unix() * 1000, session.lived());
            let during: Vec<&Plant> = plants
                .iter()
                .filter(|plant| (since..=*at).contains(&plant.changed))
                .collect();
            // A look that came to no end says so: who wants to hide something fills the places before it.
            if !during.is_empty() || !swept.is_empty() || *extent == Extent::Partial {
                self.journal_plants(session, &during, swept, *extent);
            }
        }
    }

    fn journal_plants(
        &self,
        session: &Session,
        plants: &[&Plant],
        swept: &[PathBuf],
        extent: Extent,
    ) {
        let named: Vec<Value> = plants
            .iter()
            .take(NAMED)
            .map(|plant| json!({ "path": text(&plant.path), "kind": plant.kind.name() }))
            .collect();
        let removed: Vec<Value> = swept.iter().take(NAMED).map(|path| text(path)).collect();
        let (code, reason) = if plants.is_empty() && swept.is_empty() {
            (
                "not-searched",
                "the account has more files than were looked through for setuid ones and units",
            )
        } else {
            (
                "planted",
                "what changed while the session was open outlives it",
            )
        };
        let event = Event::new(Action::SessionPlanted)
            .outcome(Outcome::Done)
            .because(code, reason)
            .by(session.identity())
            .on(self.resource(session))
            .from(session.origin(None))
            .detail("files", named)
            .detail("files_count", plants.len())
            .detail("removed", removed)
            .detail("searched", extent.name());
        // A journal that is down has the event set aside.
        let _ = self.shared.setup.intake.commit(&event);
    }
}

/// Milliseconds since 1970, by the system's clock.
fn now() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// When a session was opened, in milliseconds since 1970: what was noted then has whole seconds. Where the clock was set
/// meanwhile, the earlier of the two, so that nothing is missed.
fn opened(noted: i64, lived: Duration) -> i64 {
    let lived = i64::try_from(lived.as_millis()).unwrap_or(i64::MAX);
    let counted = now().saturating_sub(lived) - TICK;
    if (counted - noted).abs() < 2000 {
        counted
    } else {
        counted.min(noted)
    }
}

/// A path's exact bytes, as commands stand in the journal.
fn text(path: &Path) -> Value {
    use base64::Engine as _;
    match path.to_str() {
        Some(text) => json!(text),
        None => {
            let bytes = path.as_os_str().as_encoded_bytes();
            json!({ "base64": base64::engine::general_purpose::STANDARD.encode(bytes) })
        }
    }
}

/// Everything of an account that can outlive a session, whenever it was changed.
fn planted(layout: &Layout, account: &str, uid: u32) -> Found {
    let mut found = Found {
        plants: Vec::new(),
        extent: Extent::Whole,
    };
    for place in [CRONTABS, LINGER] {
        found.add(Kind::Job, layout.seen(&Path::new(place).join(account)));
    }
    for path in found.below(layout.seen(Path::new(AT_JOBS))) {
        if fs::symlink_metadata(&path).is_ok_and(|about| about.uid() == uid) {
            found.add(Kind::Job, path);
        }
    }
    if let Some(home) = home(account) {
        let seen = layout.seen(&home);
        for name in START_UP {
            found.add(Kind::StartUp, seen.join(name));
        }
        for name in KEYS {
            found.add(Kind::Key, seen.join(name));
        }
        for name in UNITS {
            for path in found.below(seen.join(name)) {
                found.add(Kind::Job, path);
            }
        }
        let lent = setuid::owned_by(layout, uid, &home, setuid::SEARCH);
        found.extent = found.extent.and(lent.extent);
        for path in lent.files {
            found.add(Kind::Setuid, path);
        }
    }
    found.plants.sort();
    found
}

impl Found {
    /// Of a link itself: whoever points it elsewhere changes it.
    fn add(&mut self, kind: Kind, path: PathBuf) {
        if let Ok(about) = fs::symlink_metadata(&path)
            && !about.is_dir()
        {
            let changed = about.ctime() * 1000 + about.ctime_nsec() / 1_000_000;
            self.plants.push(Plant {
                kind,
                path,
                changed,
            });
        }
    }

    /// The files below a directory: enabling a unit is a link in one of its own. Links are not followed.
    fn below(&mut self, directory: PathBuf) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut left = OF_A_DIRECTORY;
        let mut open = vec![directory];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                if left == 0 {
                    self.extent = Extent::Partial;
                    return files;
                }
                left -= 1;
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => open.push(entry.path()),
                    // atd's own counter is nobody's job.
                    Ok(_) if entry.file_name() != ".SEQ" => files.push(entry.path()),
                    _ => {}
                }
            }
        }
        files
    }
}

fn home(account: &str) -> Option<PathBuf> {
    let user = User::from_name(account).ok().flatten()?;
    Some(user.dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn what_can_outlive_a_session_is_found_by_its_kind_and_by_when_it_was_changed() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        let user = User::from_uid(nix::unistd::Uid::current())
            .unwrap()
            .unwrap();
        let home = layout.seen(&user.dir);
        for place in [".ssh", ".config/systemd/user/default.target.wants", "work"] {
            fs::create_dir_all(home.join(place)).unwrap();
        }
        let before = opened(i64::MAX, Duration::ZERO);
        for name in [
            ".ssh/rc",
            ".ssh/authorized_keys",
            ".config/systemd/user/x.service",
        ] {
            fs::write(home.join(name), "x").unwrap();
        }
        symlink("/dev/null", home.join(".bashrc")).unwrap();
        let enabled = ".config/systemd/user/default.target.wants/y.service";
        symlink("/tmp/y.service", home.join(enabled)).unwrap();
        let shell = home.join("work/sh");
        fs::write(&shell, "x").unwrap();
        fs::set_permissions(&shell, fs::Permissions::from_mode(0o4755)).unwrap();
        fs::write(home.join("work/plain"), "x").unwrap();
        // The owner sets the time back that they may set.
        let old = UNIX_EPOCH + Duration::from_secs(1);
        let opened = fs::File::options()
            .write(true)
            .open(home.join(".ssh/rc"))
            .unwrap();
        opened.set_modified(old).unwrap();
        let Found {
            plants: found,
            extent,
        } = planted(&layout, &user.name, user.uid.as_raw());
        assert_eq!(extent, Extent::Whole);
        let named: Vec<_> = found
            .iter()
            .map(|plant| {
                let path = plant.path.strip_prefix(&home).unwrap();
                (plant.kind.name(), path.to_str().unwrap())
            })
            .collect();
        assert_eq!(
            named,
            [
                ("start-up", ".bashrc"),
                ("start-up", ".ssh/rc"),
                ("key", ".ssh/authorized_keys"),
                ("job", enabled),
                ("job", ".config/systemd/user/x.service"),
                ("setuid", "work/sh"),
            ]
        );
        assert!(found.iter().all(|plant| plant.changed >= before));
    }

    #[test]
    fn a_directory_that_is_too_full_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        let jobs = layout.seen(Path::new(AT_JOBS));
        fs::create_dir_all(&jobs).unwrap();
        for number in 0..=OF_A_DIRECTORY {
            fs::write(jobs.join(number.to_string()), "").unwrap();
        }
        let uid = nix::unistd::Uid::current().as_raw();
        let found = planted(&layout, "nobody-of-this-name", uid);
        assert_eq!(found.extent, Extent::Partial);
        assert_eq!(found.plants.len(), OF_A_DIRECTORY);
    }

    #[test]
    fn a_clock_that_was_set_makes_a_session_begin_no_later() {
        let now = opened(i64::MAX, Duration::ZERO);
        let hour = Duration::from_secs(3600);
        let about = |opened: i64, expected: i64| (opened - expected).abs() < 1500;
        assert!(about(opened(now - 3_600_000, hour), now - 3_600_000));
        // Set forward by a day meanwhile, and set back.
        let day = 86_400_000;
        assert_eq!(opened(now - day, hour), now - day);
        assert!(about(opened(now + day, hour), now - 3_600_000));
    }

    #[test]
    fn a_path_that_is_no_text_is_kept_exactly() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/home/\xff"));
        assert_eq!(text(path), json!({ "base64": "L2hvbWUv/w==" }));
    }
}
