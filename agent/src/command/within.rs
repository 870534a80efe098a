//! A program that has so much time and no more, and may say so much and no more.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::facts::{FactError, Handle};

/// The most that a program may say on each of its outputs: all accounts of a large directory are less.
pub(super) const MOST_SAID: usize = 64 * 1024 * 1024;
/// How long somebody who was killed may take to be gone.
const DEATH: Duration = Duration::from_millis(200);
/// Killed programs that the kernel does not let go (a disk that hangs). More are not started beside them.
const MOST_STUCK: usize = 8;

/// How many there are.
static STUCK: AtomicUsize = AtomicUsize::new(0);

/// Why there is no output.
#[derive(Debug)]
pub(super) enum Cut {
    /// It could not be started or listened to.
    System(io::Error),
    /// Its time was up.
    Late,
    /// It says more than anybody wants to hear.
    TooMuch,
    /// Too many before it have not ended yet.
    Stuck,
}

/// Runs it to its end. What it started dies with it when its time is up.
pub(super) fn output(command: &mut Command, patience: Duration) -> Result<Output, Cut> {
    if STUCK.load(Ordering::Acquire) >= MOST_STUCK {
        return Err(Cut::Stuck);
    }
    let until = Instant::now() + patience;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(Cut::System)?;
    match attend(&mut child, until) {
        Ok((status, [stdout, stderr])) => Ok(Output {
            status,
            stdout,
            stderr,
        }),
        Err(cut) => {
            end(child);
            Err(cut)
        }
    }
}

fn attend(child: &mut Child, until: Instant) -> Result<(ExitStatus, [Vec<u8>; 2]), Cut> {
    let said = match (child.stdout.take(), child.stderr.take()) {
        (Some(out), Some(err)) => listen([out.into(), err.into()], until)?,
        _ => <[Vec<u8>; 2]>::default(),
    };
    // Both outputs have ended, which does not say that it has.
    match Handle::open(pid(child)) {
        Ok(handle) if !handle.ends_within(left(until)) => return Err(Cut::Late),
        Ok(_) | Err(FactError::Gone { .. }) => {}
        Err(error) => return Err(Cut::System(io::Error::other(error))),
    }
    let status = child.wait().map_err(Cut::System)?;
    Ok((status, said))
}

/// Hears both outputs to their ends: a program that waits for one to be taken says nothing on the other.
fn listen(outputs: [OwnedFd; 2], until: Instant) -> Result<[Vec<u8>; 2], Cut> {
    let mut pipes = outputs.map(|output| (Some(File::from(output)), Vec::new()));
    while pipes.iter().any(|(pipe, _)| pipe.is_some()) {
        for ready in await_news(&pipes, until)? {
            let (pipe, said) = &mut pipes[ready];
            hear(pipe, said)?;
        }
    }
    Ok(pipes.map(|(_, said)| said))
}

/// Which of them have something to say, or have ended.
fn await_news(pipes: &[(Option<File>, Vec<u8>); 2], until: Instant) -> Result<Vec<usize>, Cut> {
    let left = left(until);
    if left.is_zero() {
        return Err(Cut::Late);
    }
    let open = pipes.iter().enumerate();
    let open = open.filter_map(|(place, (pipe, _))| Some((place, pipe.as_ref()?)));
    let (places, mut wanted): (Vec<usize>, Vec<PollFd<'_>>) = open
        .map(|(place, pipe)| (place, PollFd::new(pipe, PollFlags::IN)))
        .unzip();
    let time = Timespec {
        tv_sec: left.as_secs().cast_signed(),
        tv_nsec: left.subsec_nanos().into(),
    };
    match poll(&mut wanted, Some(&time)) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
        Err(error) => return Err(Cut::System(error.into())),
    }
    let news = places.into_iter().zip(&wanted);
    let news = news.filter(|(_, polled)| !polled.revents().is_empty());
    Ok(news.map(|(place, _)| place).collect())
}

fn hear(pipe: &mut Option<File>, said: &mut Vec<u8>) -> Result<(), Cut> {
    let Some(open) = pipe else {
        return Ok(());
    };
    let mut piece = [0; 16 * 1024];
    match open.read(&mut piece) {
        Ok(0) => *pipe = None,
        Ok(length) if said.len() + length > MOST_SAID => return Err(Cut::TooMuch),
        Ok(length) => said.extend_from_slice(&piece[..length]),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
        Err(error) => return Err(Cut::System(error)),
    }
    Ok(())
}

/// Kills it with all that it started. Whoever the kernel holds is waited for by a thread, and by nobody else.
fn end(mut child: Child) {
    // ESRCH is the goal.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    if Handle::open(pid(&child)).is_ok_and(|handle| !handle.ends_within(DEATH)) {
        STUCK.fetch_add(1, Ordering::AcqRel);
        let wait = move || {
            let _ = child.wait();
            STUCK.fetch_sub(1, Ordering::AcqRel);
        };
        // Without a thread it stays counted: then fewer are started, which is right where there are no threads.
        let _ = thread::Builder::new()
            .name("reap".to_owned())
            .stack_size(64 * 1024)
            .spawn(wait);
        return;
    }
    let _ = child.wait();
}

fn pid(child: &Child) -> i32 {
    // The kernel's own pids are never larger.
    i32::try_from(child.id()).unwrap_or(i32::MAX)
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_hangs_is_killed_with_all_that_it_started_when_its_time_is_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", path.display());
        // As much time as this machine needs, today, to come to the point where there is something to kill.
        let mut patience = Duration::from_millis(500);
        let started: i32 = loop {
            let cut = output(&mut sh(&script), patience).unwrap_err();
            assert!(matches!(cut, Cut::Late));
            if let Ok(pid) = std::fs::read_to_string(&path)
                .unwrap_or_default()
                .trim()
                .parse()
            {
                break pid;
            }
            patience *= 2;
        };
        let lives =
            Handle::open(started).is_ok_and(|handle| !handle.ends_within(Duration::from_secs(60)));
        assert!(!lives, "what it started lives on");
    }

    #[test]
    fn who_closes_its_outputs_and_stays_is_late_as_well() {
        let cut = output(
            &mut sh("exec >&- 2>&-; sleep 600"),
            Duration::from_millis(500),
        );
        assert!(matches!(cut.unwrap_err(), Cut::Late));
    }

    #[test]
    fn both_outputs_are_heard_whichever_fills_first() {
        let script = "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; exit 3";
        let said = output(&mut sh(script), Duration::from_secs(60)).unwrap();
        assert_eq!((said.stdout.len(), said.stderr.len()), (300_000, 300_000));
        assert_eq!(said.status.code(), Some(3));
    }

    #[test]
    fn who_says_too_much_is_cut_off() {
        let cut = output(&mut sh("cat /dev/zero"), Duration::from_secs(60)).unwrap_err();
        assert!(matches!(cut, Cut::TooMuch));
    }
}
