//! Asking systemd to reload and start services.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::command::{self, Error};
use crate::file_mark::FileMark;

const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// How long systemd may take to say how things stand.
const TO_SAY: Duration = Duration::from_secs(10);
/// The same while the agent stops, for which it has a while only itself.
const AT_STOP: Duration = Duration::from_secs(3);
/// How long it may take to do something: as long as it gives a service to start, and a little more.
const TO_DO: Duration = Duration::from_secs(100);
/// Where sshd notes its process id, unless the site has it do so elsewhere or not at all.
const SSHD_PID: &str = "/run/sshd.pid";
/// How long sshd may take to listen again: some milliseconds are usual.
const TO_LISTEN: Duration = Duration::from_secs(3);
/// How often one looks whether it does.
const LOOK: Duration = Duration::from_millis(2);
/// Debian calls it ssh, others sshd; the second may be an alias of the first.
const SSHD_UNITS: [&str; 2] = ["ssh.service", "sshd.service"];

/// What became of the request to reload a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// It reads its files anew.
    Done,
    /// It does not run under systemd, so there was nothing to do.
    NotRunning,
}

/// Lets the running sshd read its configuration anew; connections live on.
///
/// systemd is done once it has sent the signal. sshd then closes its sockets, executes itself anew and listens again,
/// and whoever comes in between is let in by the old rules or turned away. It removes the note of its process id at
/// first and writes it again once it listens (`sighup_restart` and `main` of OpenSSH's sshd.c), so that is awaited.
/// Where it writes none, or elsewhere, there is nothing to await.
///
/// # Errors
/// systemd refused.
pub fn reload_sshd() -> Result<Reloaded, Error> {
    for unit in SSHD_UNITS {
        if runs(unit)? {
            let before = FileMark::of(Path::new(SSHD_PID));
            let reloaded = reload(unit)?;
            if before.is_some() {
                await_change(Path::new(SSHD_PID), before, TO_LISTEN);
            }
            return Ok(reloaded);
        }
    }
    Ok(Reloaded::NotRunning)
}

/// Waits until this file is there and another one than it was, for so long at most.
fn await_change(path: &Path, before: Option<FileMark>, patience: Duration) {
    let until = Instant::now() + patience;
    let is_anew = || FileMark::of(path).is_some_and(|mark| Some(mark) != before);
    while !is_anew() && Instant::now() < until {
        thread::sleep(LOOK);
    }
}

/// Tells the running agent to look at its files.
///
/// # Errors
/// systemd refused.
pub fn reload_agent() -> Result<Reloaded, Error> {
    if runs("daypass-agent.service")? {
        return reload("daypass-agent.service");
    }
    Ok(Reloaded::NotRunning)
}

/// Starts the agent and its sockets, now and at every boot.
///
/// # Errors
/// systemd refused, or does not run here.
pub fn enable_agent() -> Result<(), Error> {
    let units = [
        "enable",
        "--now",
        "daypass-agent.socket",
        "daypass-principals.socket",
        "daypass-agent.service",
    ];
    systemctl(&units)
}

/// Stops the agent and its sockets, also at the next boot.
///
/// # Errors
/// systemd refused, or does not run here.
pub fn disable_agent() -> Result<(), Error> {
    let units = [
        "disable",
        "--now",
        "daypass-agent.service",
        "daypass-agent.socket",
        "daypass-principals.socket",
    ];
    systemctl(&units)
}

/// Starts a unit, now and at every boot.
///
/// # Errors
/// systemd refused, or does not run here.
pub fn enable(unit: &str) -> Result<(), Error> {
    systemctl(&["enable", "--now", unit])
}

/// Stops a unit, also at the next boot.
///
/// # Errors
/// systemd refused, or does not run here.
pub fn disable(unit: &str) -> Result<(), Error> {
    systemctl(&["disable", "--now", unit])
}

/// Is this machine being powered off or halted? A reboot is neither.
#[must_use]
pub fn powers_off() -> bool {
    let jobs = command::run_within(
        AT_STOP,
        Path::new(SYSTEMCTL),
        &["list-jobs", "--plain", "--no-legend"],
    );
    jobs.is_ok_and(|jobs| jobs.lines().any(is_of_power_off))
}

/// A job as systemctl lists it: its number, unit, type and state.
fn is_of_power_off(job: &str) -> bool {
    let words: Vec<_> = job.split_whitespace().collect();
    matches!(
        words[..],
        [_, "poweroff.target" | "halt.target", "start", ..]
    )
}

/// Does this unit run?
///
/// # Errors
/// systemd does not say.
pub fn is_active(unit: &str) -> Result<bool, Error> {
    let arguments = ["is-active", unit];
    let output = command::hear(TO_SAY, Path::new(SYSTEMCTL), &arguments)?;
    // Of one that does not run it says "inactive" or the like and fails; asked in vain, it has no word for it.
    if output.status.success() || !output.stdout.is_empty() {
        return Ok(output.status.success());
    }
    Err(command::failed(Path::new(SYSTEMCTL), &arguments, &output))
}

/// The same for whoever would have it reload: where there is no systemd there is nothing to reload.
fn runs(unit: &str) -> Result<bool, Error> {
    match is_active(unit) {
        Err(error) if error.is_late() => Err(error),
        known => Ok(known.unwrap_or(false)),
    }
}

fn reload(unit: &str) -> Result<Reloaded, Error> {
    systemctl(&["reload", unit]).map(|()| Reloaded::Done)
}

fn systemctl(arguments: &[&str]) -> Result<(), Error> {
    command::run_within(TO_DO, Path::new(SYSTEMCTL), arguments).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reboot_is_no_end() {
        assert!(is_of_power_off("2811 poweroff.target  start waiting"));
        assert!(is_of_power_off("77 halt.target start waiting"));
        assert!(!is_of_power_off("2811 reboot.target  start waiting"));
        assert!(!is_of_power_off("2811 poweroff.target  stop  waiting"));
        assert!(!is_of_power_off("No jobs running."));
    }
}
