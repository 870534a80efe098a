//! What a session may have started outside itself: the account's user manager, lingering, `at` and `cron` jobs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::cgroup::Cgroup;
use super::session::Session;
use crate::facts::Handle;

const LINGER: &str = "/var/lib/systemd/linger";
const AT_JOBS: &str = "/var/spool/cron/atjobs";
const CRONTABS: &str = "/var/spool/cron/crontabs";

/// Sweeps up after the last session of an account.
pub(super) fn account(session: &Session) {
    let (uid, name) = (session.record.uid, session.record.account.as_str());
    user_manager(uid);
    let since = session.record.opened.unix();
    for path in [Path::new(LINGER).join(name), Path::new(CRONTABS).join(name)] {
        remove_if_new(&path, since);
    }
    for entry in fs::read_dir(AT_JOBS).into_iter().flatten().flatten() {
        if entry.metadata().is_ok_and(|about| about.uid() == uid) {
            remove_if_new(&entry.path(), since);
        }
    }
}

/// Ends the account's user manager and everything under it.
pub(super) fn user_manager(uid: u32) {
    let Some(group) = Cgroup::find(&format!("/user.slice/user-{uid}.slice/user@{uid}.service"))
    else {
        return;
    };
    if group.kill().is_err() {
        for handle in group
            .pids()
            .into_iter()
            .filter_map(|pid| Handle::open(pid).ok())
        {
            handle.kill();
        }
    }
}

/// What stood there before the session is the administrator's.
fn remove_if_new(path: &Path, since: i64) {
    if fs::symlink_metadata(path).is_ok_and(|about| about.is_file() && about.mtime() >= since) {
        let _ = fs::remove_file(path);
    }
}
