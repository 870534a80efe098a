//! Ways into an account, or out of it to root, that are not daypass's.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::setuid::{self, Extent};
use super::sudo_rules::Sudo;
use crate::accounts::Directory;
use crate::durable;
use crate::layout::Layout;

const MAX_SHADOW: u64 = 16 * 1024 * 1024;

/// One such way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// A password. sshd's block and PAM refuse it; it opens again when the account is unmanaged.
    Password,
    /// Keys that sshd's block ignores.
    AuthorizedKeys {
        /// The file.
        path: PathBuf,
    },
    /// A crontab: PAM refuses it without a live session.
    Crontab {
        /// The file.
        path: PathBuf,
    },
    /// A job for later: PAM refuses it without a live session.
    AtJob {
        /// The file.
        path: PathBuf,
    },
    /// A file that lends the account's rights to whoever runs it.
    Setuid {
        /// The file.
        path: PathBuf,
    },
    /// Whether there are more such files is not known: the search takes too long.
    Unsearched {
        /// The account's home.
        home: PathBuf,
    },
    /// A user manager that starts at boot.
    Linger {
        /// The file.
        path: PathBuf,
    },
    /// sudo rules of the account itself: every contractor there has them, whatever the window says.
    SudoRules {
        /// What `sudo -l` says of them.
        rules: Vec<String>,
    },
    /// Whether it has such rules is not known.
    SudoUnknown {
        /// What kept sudo from saying it.
        why: String,
    },
    /// Whether there is a way in is not known: it would stand there.
    Unread {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Nothing is known of what the account's home holds, nor of its jobs: it cannot be looked up.
    Unlooked {
        /// What the system said.
        why: String,
    },
}

/// Looks for ways into accounts.
pub struct Doors {
    layout: Layout,
    shadow: String,
    /// Why it could not be read.
    unread: Option<Door>,
    directory: Directory,
    sudo: Sudo,
}

impl Doors {
    /// Reads what is the same for all accounts.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        let path = layout.seen(Path::new("/etc/shadow"));
        let (bytes, unread) = match durable::read(&path, MAX_SHADOW) {
            Ok(bytes) => (bytes.unwrap_or_default(), None),
            Err(error) => (Vec::new(), Some(unread(&path, &error))),
        };
        Self {
            layout: layout.clone(),
            shadow: String::from_utf8_lossy(&bytes).into_owned(),
            unread,
            directory: Directory::default(),
            sudo: Sudo::default(),
        }
    }

    /// The ways into this account, and what could not be looked at.
    #[must_use]
    pub fn of(&mut self, account: &str) -> Vec<Door> {
        let mut doors = Vec::from_iter(self.unread.clone());
        if has_password(&self.shadow, account) {
            doors.push(Door::Password);
        }
        let user = self.directory.look_up(account);
        // That there is nobody of this name is told as such, and sudo knows nobody then.
        let is_somebody = !matches!(user, Ok(None));
        match user {
            Ok(Some(user)) => self.behind(user.uid.as_raw(), &user.dir, &mut doors),
            Ok(None) => {}
            Err(error) => doors.push(Door::Unlooked {
                why: error.to_string(),
            }),
        }
        let crontab = format!("/var/spool/cron/crontabs/{account}");
        doors.extend(self.existing(&crontab, |path| Door::Crontab { path }));
        let linger = format!("/var/lib/systemd/linger/{account}");
        doors.extend(self.existing(&linger, |path| Door::Linger { path }));
        if is_somebody {
            match self.sudo.rules(account) {
                Ok(rules) if rules.is_empty() => {}
                Ok(rules) => doors.push(Door::SudoRules { rules }),
                Err(why) => doors.push(Door::SudoUnknown { why }),
            }
        }
        doors
    }

    /// Those of whoever has this uid and home.
    fn behind(&self, uid: u32, home: &Path, doors: &mut Vec<Door>) {
        let ssh = self.layout.seen(&home.join(".ssh"));
        for name in ["authorized_keys", "authorized_keys2"] {
            let path = ssh.join(name);
            match is_filled(&path) {
                Ok(true) => doors.push(Door::AuthorizedKeys { path }),
                Ok(false) => {}
                Err(error) => doors.push(unread(&path, &error)),
            }
        }
        self.at_jobs(uid, doors);
        let lent = setuid::owned_by(&self.layout, uid, home, setuid::SEARCH);
        doors.extend(lent.files.into_iter().map(|path| Door::Setuid { path }));
        if lent.extent == Extent::Partial {
            let home = home.to_owned();
            doors.push(Door::Unsearched { home });
        }
    }

    fn at_jobs(&self, uid: u32, doors: &mut Vec<Door>) {
        let spool = self.layout.seen(Path::new("/var/spool/cron/atjobs"));
        let entries = match fs::read_dir(&spool) {
            Ok(entries) => entries,
            Err(error) if is_none(&error) => return,
            Err(error) => return doors.push(unread(&spool, &error)),
        };
        for entry in entries {
            // atd's own counter is no job, and who has gone meanwhile is none any more.
            match entry.and_then(|entry| Ok((entry.metadata()?, entry.path()))) {
                Ok((about, path)) => {
                    let is_job = about.is_file() && about.uid() == uid && !path.ends_with(".SEQ");
                    doors.extend(is_job.then_some(Door::AtJob { path }));
                }
                Err(error) if is_none(&error) => {}
                Err(error) => doors.push(unread(&spool, &error)),
            }
        }
    }

    fn existing(&self, path: &str, door: impl FnOnce(PathBuf) -> Door) -> Option<Door> {
        let path = self.layout.seen(Path::new(path));
        match path.try_exists() {
            Ok(exists) => exists.then(|| door(path)),
            Err(error) if is_none(&error) => None,
            Err(error) => Some(unread(&path, &error)),
        }
    }
}

fn unread(path: &Path, why: &impl ToString) -> Door {
    Door::Unread {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

fn is_filled(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(found) => Ok(found.len() > 0),
        Err(error) if is_none(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether that says for certain that there is no such file.
fn is_none(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// A second field that is neither empty nor locked is a password; an empty one lets anybody in
/// where PAM allows it.
fn has_password(shadow: &str, account: &str) -> bool {
    shadow.lines().any(|line| {
        let mut fields = line.split(':');
        fields.next() == Some(account)
            && fields
                .next()
                .is_some_and(|hash| !hash.starts_with(['!', '*']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locked_accounts_have_no_password() {
        let shadow =
            "root:*:1::::::\ndeploy:$y$hash:1::::::\nold:!$y$hash:1::::::\nopen::1::::::\n";
        assert!(has_password(shadow, "deploy"));
        assert!(has_password(shadow, "open"));
        for name in ["root", "old", "nobody"] {
            assert!(!has_password(shadow, name), "{name}");
        }
    }

    #[test]
    fn a_crontab_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        let crontabs = layout.seen(Path::new("/var/spool/cron/crontabs"));
        fs::create_dir_all(&crontabs).unwrap();
        fs::write(crontabs.join("no-such-account"), "* * * * * /bin/sh\n").unwrap();
        let doors = Doors::new(&layout).of("no-such-account");
        assert_eq!(
            doors,
            [Door::Crontab {
                path: crontabs.join("no-such-account")
            }]
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_and_what_is_not_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        let at = |path: &str| layout.seen(Path::new(path));
        let looked = || {
            let mut doors = Doors::new(&layout);
            let mut found = doors.of("no-such-account");
            doors.behind(1001, Path::new("/home/deploy"), &mut found);
            found
        };
        assert_eq!(looked(), []);
        // Links that lead to themselves stand for whatever keeps even root from looking.
        let blocked = [
            "/etc/shadow",
            "/var/spool/cron/crontabs",
            "/var/lib/systemd/linger",
            "/home/deploy/.ssh/authorized_keys",
            "/home/deploy/.ssh/authorized_keys2",
            "/var/spool/cron/atjobs",
        ];
        for path in blocked.map(at) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(&path, &path).unwrap();
        }
        let told: Vec<PathBuf> = looked()
            .into_iter()
            .map(|door| match door {
                Door::Unread { path, .. } => path,
                other => panic!("{other:?}"),
            })
            .collect();
        let mut expected = blocked.map(at);
        expected[1].push("no-such-account");
        expected[2].push("no-such-account");
        assert_eq!(told, expected);
    }
}
