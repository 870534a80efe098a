//! What a session may have started outside itself: the account's user manager, lingering, `at` and `cron` jobs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::cgroup::Cgroup;
use super::killed::Killed;
use super::session::Session;
use crate::facts::{Handle, Process};

const LINGER: &str = "/var/lib/systemd/linger";
const AT_JOBS: &str = "/var/spool/cron/atjobs";
const CRONTABS: &str = "/var/spool/cron/crontabs";

/// Where the jobs run that these start.
const SCHEDULERS: [&str; 3] = ["atd.service", "cron.service", "crond.service"];
/// More generations than a job has before it is noticed.
const ROUNDS: usize = 64;
/// How long somebody who was killed may take to be gone.
const DEATH: Duration = Duration::from_millis(50);
/// How long all of a user manager's may take.
const DEATHS: Duration = Duration::from_secs(1);
/// How many of the files that were taken away are remembered.
const NAMED: usize = 64;

/// What was there to be swept up.
#[derive(Debug, Default)]
pub(super) struct Swept {
    /// Files that were taken away.
    pub(super) files: Vec<PathBuf>,
    /// What ran outside of any session.
    pub(super) killed: Killed,
}

impl Swept {
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.killed.is_empty()
    }
}

/// Sweeps up after the last session of an account.
pub(super) fn account(session: &Session) -> Swept {
    let (uid, name) = (session.record.uid, session.record.account.as_str());
    let killed = programs(uid);
    let since = session.record.opened.unix();
    let at_jobs = fs::read_dir(AT_JOBS).into_iter().flatten().flatten();
    let at_jobs = at_jobs
        .filter(|entry| entry.metadata().is_ok_and(|about| about.uid() == uid))
        .map(|entry| entry.path());
    let mut files = vec![Path::new(LINGER).join(name), Path::new(CRONTABS).join(name)];
    files.extend(at_jobs);
    files.retain(|path| was_removed(path, since));
    files.truncate(NAMED);
    Swept { files, killed }
}

/// Ends what runs for the account outside of any session.
pub(super) fn programs(uid: u32) -> Killed {
    let mut killed = user_manager(uid);
    jobs(uid, &mut killed);
    killed
}

/// Ends the account's user manager and everything under it, and waits a moment for that. The manager itself, which comes
/// with every login, is nobody whom anybody left behind.
pub(super) fn user_manager(uid: u32) -> Killed {
    let mut killed = Killed::default();
    let path = format!("/user.slice/user-{uid}.slice/user@{uid}.service");
    let Some(group) = Cgroup::find(&path) else {
        return killed;
    };
    let own = Cgroup::find(&format!("{path}/init.scope")).map(|own| own.pids());
    let own = own.unwrap_or_default();
    let all = group.pids().into_iter();
    let held: Vec<Handle> = all.filter_map(|pid| Handle::open(pid).ok()).collect();
    let started = held.iter().filter(|one| !own.contains(&one.process().pid));
    started.for_each(|one| killed.note(one));
    group.kill_all();
    let until = Instant::now() + DEATHS;
    for handle in &held {
        let _ = handle.ends_within(until.saturating_duration_since(Instant::now()));
    }
    killed
}

/// Ends the jobs that were started for the account: none is without a session. What root's own jobs run in its name
/// (`sudo -u deploy backup`) is root's.
fn jobs(uid: u32, killed: &mut Killed) {
    let at_boot = Process::with_pid(1).ok().and_then(Process::login_uid);
    for unit in SCHEDULERS {
        let Some(group) = Cgroup::find(&format!("/system.slice/{unit}")) else {
            continue;
        };
        // Again while somebody is found: a job may start another.
        for _ in 0..ROUNDS {
            let all = group.pids().into_iter();
            let held = all.filter_map(|pid| Handle::open(pid).ok());
            let is_ours = |handle: &Handle| {
                let process = handle.process();
                process.ids().is_ok_and(|ids| ids.real_uid == uid)
                    && is_started_for(uid, process.login_uid(), at_boot)
            };
            let ours: Vec<Handle> = held.filter(is_ours).collect();
            if ours.is_empty() {
                break;
            }
            for handle in &ours {
                killed.kill(handle);
            }
            for handle in &ours {
                // Who lives on is found in the next round.
                let _ = handle.ends_within(DEATH);
            }
        }
    }
}

/// Whether a job of this login uid was started for the account. PAM sets it for each job (`pam_loginuid`) and only root can
/// change it afterwards. Where it could not be set a job has what the machine booted with, a container maybe somebody's,
/// and whose it is stays in doubt: then it goes.
fn is_started_for(uid: u32, login: Option<u32>, at_boot: Option<u32>) -> bool {
    login.is_none() || login == Some(uid) || login == at_boot
}

/// Removes what is new. What stood there before the session is the administrator's.
fn was_removed(path: &Path, since: i64) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| about.is_file() && about.mtime() >= since)
        && fs::remove_file(path).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_roots_own_jobs_run_as_the_account_is_no_job_of_the_accounts() {
        for (login, at_boot, is_started) in [
            (Some(1001), None, true),
            (None, None, true),
            (Some(0), None, false),
            (Some(1002), None, false),
            // A container's, in which nobody can set it.
            (Some(1000), Some(1000), true),
            (Some(0), Some(1000), false),
        ] {
            let found = is_started_for(1001, login, at_boot);
            assert_eq!(found, is_started, "{login:?}, at boot {at_boot:?}");
        }
    }
}
