//! Asking systemd to reload and start services.

use std::path::Path;

use crate::command::{self, Error};

const SYSTEMCTL: &str = "/usr/bin/systemctl";
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
/// # Errors
/// systemd refused.
pub fn reload_sshd() -> Result<Reloaded, Error> {
    for unit in SSHD_UNITS {
        if is_active(unit) {
            return reload(unit);
        }
    }
    Ok(Reloaded::NotRunning)
}

/// Tells the running agent to look at its files.
///
/// # Errors
/// systemd refused.
pub fn reload_agent() -> Result<Reloaded, Error> {
    if is_active("daypass-agent.service") {
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
    let jobs = command::run(
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
#[must_use]
pub fn is_active(unit: &str) -> bool {
    systemctl(&["is-active", "--quiet", unit]).is_ok()
}

fn reload(unit: &str) -> Result<Reloaded, Error> {
    systemctl(&["reload", unit]).map(|()| Reloaded::Done)
}

fn systemctl(arguments: &[&str]) -> Result<(), Error> {
    command::run(Path::new(SYSTEMCTL), arguments).map(drop)
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
