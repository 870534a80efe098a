//! Logins to managed accounts that no gate has seen: an sshd with a configuration of its own, or without PAM. sshd keeps one
//! process as root for each login, and one as whoever is in, so that they show by what the kernel knows.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use daypass_protocol::event::{Action, Event, Outcome};

use super::principals::origin;
use super::{Gates, account_identity};
use crate::facts::{Process, TICKS_PER_SECOND, connection_of, pids, since_boot};
use crate::managed::Managed;

/// How long one may have been there without an entry: the gates take less.
const GRACE: Duration = Duration::from_secs(10);
/// Logins that are remembered at once; of more it is told in later rounds.
const MOST: usize = 1024;
/// After so many rounds everybody is looked at again: a process may have become somebody else's long after it was made, or
/// numbers have come round.
const ALL_ROUNDS: u32 = 30;
/// So many numbers of new processes are tried one by one; where there are more, everybody is looked at.
const MOST_NEW: i32 = 4096;

/// Somebody who is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Login {
    monitor: Process,
    uid: u32,
}

/// Those that were noticed, since when, and whether that was told.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    noticed: Mutex<BTreeMap<Process, Noticed>>,
    met: Mutex<Met>,
}

/// Up to which number processes were met: on a host with hundreds of sessions nearly everybody was there before.
#[derive(Debug, Default)]
struct Met {
    round: u32,
    /// The newest process of the last round and of the one before. One that was met while it was becoming somebody's is
    /// looked at a second time.
    newest: [Option<i32>; 2],
}

impl Met {
    /// The numbers that are to be tried now; `None` for everybody.
    fn strangers(&mut self, newest: Option<i32>) -> Option<RangeInclusive<i32>> {
        let [last, before] = self.newest;
        self.newest = [newest, last];
        self.round = (self.round + 1) % ALL_ROUNDS;
        let (before, newest) = (before?, newest?);
        let is_plain = self.round != 0 && last? >= before && newest >= last?;
        (is_plain && newest - before <= MOST_NEW).then_some(before + 1..=newest)
    }
}

/// The number of the newest process: the last field of `/proc/loadavg`, see proc_loadavg(5).
fn newest_pid() -> Option<i32> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_ascii_whitespace().nth(4)?.parse().ok()
}

#[derive(Clone, Copy, Debug)]
struct Noticed {
    uid: u32,
    since: Instant,
    is_told: bool,
}

impl Unseen {
    fn strangers(&self) -> Vec<i32> {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        match met.strangers(newest_pid()) {
            Some(few) => few.collect(),
            None => pids().collect(),
        }
    }

    /// Those that were noticed before and have not ended.
    fn still_there(&self) -> Vec<Login> {
        let noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        let here = noticed.iter().filter(|(monitor, _)| {
            Process::with_pid(monitor.pid).is_ok_and(|process| process == **monitor)
        });
        here.map(|(monitor, noticed)| Login {
            monitor: *monitor,
            uid: noticed.uid,
        })
        .collect()
    }

    /// Those of them that are to be told of now, each once. Whoever is not among them any more is forgotten.
    fn to_tell(&self, here: &[Login], now: Instant) -> Vec<Login> {
        let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        noticed.retain(|monitor, _| here.iter().any(|login| login.monitor == *monitor));
        let mut due = Vec::new();
        for login in here {
            if noticed.len() >= MOST && !noticed.contains_key(&login.monitor) {
                continue;
            }
            let known = noticed.entry(login.monitor).or_insert(Noticed {
                uid: login.uid,
                since: now,
                is_told: false,
            });
            if !known.is_told && now.saturating_duration_since(known.since) >= GRACE {
                known.is_told = true;
                due.push(*login);
            }
        }
        due
    }
}

impl Gates {
    /// Tells of those that have been there for long enough to have an entry. They stay: whoever set that up may be at it.
    pub(super) fn look_for_unseen(&self) {
        let managed = self.managed.last();
        if managed.is_empty() {
            return;
        }
        // Who was in before the accounts were managed came by right.
        let changed = fs::metadata(self.layout.managed()).and_then(|about| about.modified());
        let since = changed.map_or(0, ticks_at);
        let mut here = logins(&managed, self.unseen.strangers());
        here.extend(self.unseen.still_there());
        here.retain(|login| login.monitor.start >= since && !self.has_seen(login.monitor));
        for login in self.unseen.to_tell(&here, Instant::now()) {
            let names = managed.iter().find(|(uid, _)| *uid == login.uid);
            let name = names.and_then(|(_, names)| names.first());
            let name = name.map(String::as_str).unwrap_or_default();
            let event = Event::new(Action::GateAbsent)
                .outcome(Outcome::Failed)
                .because(
                    "login-without-entry",
                    format!("somebody is logged in to {name} whom no gate has seen"),
                )
                .by(account_identity(name, Some(login.uid)))
                .on(self.resource("sshd", Some(name)))
                .from(origin(connection_of(login.monitor)))
                .detail("monitor", login.monitor.pid);
            self.intake.note(&event);
        }
    }

    /// Whether it has its session, is part of one, or is on its way through the gates, which see to what becomes of it.
    fn has_seen(&self, monitor: Process) -> bool {
        let is_on_its_way = self.verdicts.awaits_session(monitor)
            || !self.verdicts.allowed_uids(monitor).is_empty();
        // One that has ended is nobody's any more.
        let ids = monitor.ids();
        is_on_its_way || ids.is_ok_and(|ids| self.sessions.of(monitor, &ids).is_some())
    }
}

/// The logins by sshd to an account of these that show by one of these processes.
fn logins(managed: &Managed, pids: Vec<i32>) -> Vec<Login> {
    let uid_of = |pid: i32| fs::metadata(format!("/proc/{pid}")).map(|about| about.uid());
    let all = pids.into_iter().filter_map(|pid| {
        let uid = uid_of(pid).ok().filter(|uid| managed.contains(*uid))?;
        // First what most of them are not.
        is_sshd(pid).then_some(())?;
        let (process, parent) = Process::with_parent(pid).ok()?;
        let monitor = Process::with_pid(parent).ok()?;
        let is_login = monitor.program() == process.program()
            && monitor.ids().is_ok_and(|ids| ids.real_uid == 0);
        is_login.then_some(Login { monitor, uid })
    });
    all.collect()
}

/// By its file's name: `sshd` until 9.7, then `sshd-session`. Nobody but root runs one whose parent is root's and runs the same.
fn is_sshd(pid: i32) -> bool {
    let program = fs::read_link(format!("/proc/{pid}/exe"));
    program.is_ok_and(|path| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        name.starts_with(b"sshd")
    })
}

/// A time by the clock as starts of processes are counted; 0 for any before the boot.
fn ticks_at(time: SystemTime) -> u64 {
    let ago = SystemTime::now().duration_since(time).unwrap_or_default();
    let at = since_boot().saturating_sub(ago).as_millis() * u128::from(TICKS_PER_SECOND) / 1000;
    u64::try_from(at).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(pid: i32, start: u64) -> Login {
        Login {
            monitor: Process { pid, start },
            uid: 1001,
        }
    }

    #[test]
    fn whoever_stays_is_told_of_once_and_whoever_passes_is_not() {
        let unseen = Unseen::default();
        let begun = Instant::now();
        let at =
            |here: &[Login], seconds| unseen.to_tell(here, begun + Duration::from_secs(seconds));
        let (stays, passes) = (login(1, 5), login(2, 5));
        assert_eq!(at(&[stays, passes], 0), []);
        assert_eq!(at(&[stays], 9), []);
        assert_eq!(at(&[stays, passes], 10), [stays]);
        assert_eq!(at(&[stays, passes], 19), []);
        // The same number, somebody else.
        let next = login(1, 6);
        assert_eq!(at(&[next], 30), []);
        assert_eq!(at(&[next], 40), [next]);
        assert_eq!(at(&[stays], 41), []);
    }

    #[test]
    fn many_take_no_more_memory_and_are_told_of_when_others_have_gone() {
        let unseen = Unseen::default();
        let many: Vec<_> = (0..3000).map(|pid| login(pid, 1)).collect();
        let (begun, later) = (Instant::now(), Instant::now() + GRACE);
        assert_eq!(unseen.to_tell(&many, begun), []);
        assert_eq!(unseen.to_tell(&many, later).len(), MOST);
        assert_eq!(unseen.to_tell(&many[MOST..], later), []);
        assert_eq!(unseen.to_tell(&many[MOST..], later + GRACE).len(), MOST);
    }

    #[test]
    fn new_processes_are_looked_at_twice_and_everybody_where_that_is_not_sure() {
        let mut met = Met::default();
        // Nothing is known of before.
        assert_eq!(met.strangers(Some(100)), None);
        assert_eq!(met.strangers(Some(100)), None);
        let few = |met: &mut Met, newest| met.strangers(Some(newest)).map(Vec::from_iter);
        assert_eq!(few(&mut met, 102), Some(vec![101, 102]));
        assert_eq!(few(&mut met, 103), Some(vec![101, 102, 103]));
        assert_eq!(few(&mut met, 103), Some(vec![103]));
        assert_eq!(few(&mut met, 103), Some(vec![]));
        // Too many, in both rounds that they count in.
        assert_eq!(few(&mut met, 104 + MOST_NEW), None);
        assert_eq!(few(&mut met, 104 + MOST_NEW), None);
        assert_eq!(few(&mut met, 104 + MOST_NEW), Some(vec![]));
        // The numbers have come round.
        assert_eq!(few(&mut met, 7), None);
        assert_eq!(few(&mut met, 8), None);
        assert_eq!(few(&mut met, 8), Some(vec![8]));
        // Nobody says.
        assert_eq!(met.strangers(None), None);
        let all = (0..ALL_ROUNDS + 3).filter(|_| met.strangers(Some(9)).is_none());
        // Two after that, and one in its turn.
        assert_eq!(all.count(), 3);
    }

    #[test]
    fn the_newest_process_is_told() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let newest = newest_pid().unwrap();
        child.wait().unwrap();
        // Others make some, too, and begin again from the start at most.
        assert!(newest >= child.id() as i32 || newest < 100_000, "{newest}");
    }

    #[test]
    fn times_are_counted_as_starts_are() {
        let this = Process::with_pid(std::process::id() as i32).unwrap();
        let second = Duration::from_secs(1);
        let now = ticks_at(SystemTime::now());
        assert!(now >= this.start);
        let earlier = ticks_at(SystemTime::now() - second);
        assert!(now - earlier >= TICKS_PER_SECOND - 1);
        assert_eq!(ticks_at(SystemTime::UNIX_EPOCH), 0);
    }
}
