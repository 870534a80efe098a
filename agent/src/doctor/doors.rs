//! Ways into an account, or out of it to root, that are not daypass's.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::User;

use super::setuid::{self, Extent};
use crate::command;
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
}

/// Looks for ways into accounts.
pub struct Doors {
    layout: Layout,
    shadow: String,
}

impl Doors {
    /// Reads what is the same for all accounts.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        let path = layout.seen(Path::new("/etc/shadow"));
        // Unreadable: no password is found, and every other door still is.
        let bytes = durable::read(&path, MAX_SHADOW).ok().flatten();
        Self {
            layout: layout.clone(),
            shadow: String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned(),
        }
    }

    /// The ways into this account.
    #[must_use]
    pub fn of(&self, account: &str) -> Vec<Door> {
        let mut doors = Vec::new();
        if has_password(&self.shadow, account) {
            doors.push(Door::Password);
        }
        let user = User::from_name(account).ok().flatten();
        if let Some(user) = user {
            let ssh = self.layout.seen(&user.dir.join(".ssh"));
            let files = ["authorized_keys", "authorized_keys2"].map(|name| ssh.join(name));
            let filled = files.into_iter().filter(|path| is_filled(path));
            doors.extend(filled.map(|path| Door::AuthorizedKeys { path }));
            let uid = user.uid.as_raw();
            doors.extend(self.at_jobs(uid).map(|path| Door::AtJob { path }));
            let lent = setuid::owned_by(&self.layout, uid, &user.dir, setuid::SEARCH);
            doors.extend(lent.files.into_iter().map(|path| Door::Setuid { path }));
            if lent.extent == Extent::Partial {
                doors.push(Door::Unsearched { home: user.dir });
            }
        }
        let crontab = format!("/var/spool/cron/crontabs/{account}");
        doors.extend(self.existing(&crontab).map(|path| Door::Crontab { path }));
        let linger = format!("/var/lib/systemd/linger/{account}");
        doors.extend(self.existing(&linger).map(|path| Door::Linger { path }));
        let rules = sudo_rules(account);
        if !rules.is_empty() {
            doors.push(Door::SudoRules { rules });
        }
        doors
    }

    fn at_jobs(&self, uid: u32) -> impl Iterator<Item = PathBuf> {
        let spool = self.layout.seen(Path::new("/var/spool/cron/atjobs"));
        let entries = fs::read_dir(spool).into_iter().flatten().flatten();
        entries
            .filter(move |entry| {
                let about = entry.metadata();
                about.is_ok_and(|about| about.is_file() && about.uid() == uid)
            })
            .map(|entry| entry.path())
            // atd's own counter.
            .filter(|path| path.file_name().is_some_and(|name| name != ".SEQ"))
    }

    fn existing(&self, path: &str) -> Option<PathBuf> {
        Some(self.layout.seen(Path::new(path))).filter(|path| path.exists())
    }
}

fn is_filled(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.len() > 0)
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

fn sudo_rules(account: &str) -> Vec<String> {
    // Fails where there is no sudo, and for accounts without rules in some versions.
    let listed = command::run(Path::new("/usr/bin/sudo"), &["-n", "-l", "-U", account]);
    listed.map_or_else(|_| Vec::new(), |text| rules_of(&text))
}

/// `sudo -l` prints rules indented, after a line that announces them.
fn rules_of(listed: &str) -> Vec<String> {
    listed
        .lines()
        .skip_while(|line| !line.contains("may run the following commands"))
        .skip(1)
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
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
    fn only_rules_are_taken_from_sudos_list() {
        let listed = "Matching Defaults entries for deploy on db1:\n    env_reset\n\n\
            User deploy may run the following commands on db1:\n    (ALL) NOPASSWD: ALL\n";
        assert_eq!(rules_of(listed), ["(ALL) NOPASSWD: ALL"]);
        assert!(rules_of("User deploy is not allowed to run sudo on db1.\n").is_empty());
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
}
