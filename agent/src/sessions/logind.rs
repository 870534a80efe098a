//! Which logind scope a monitor leads. Another scope that it happens to stand in is somebody else's.

use std::fs;

use crate::facts::Process;

/// Where logind notes its sessions.
const SESSIONS: &str = "/run/systemd/sessions";

/// The cgroup path of the `session-*.scope` whose leader is this very process.
#[must_use]
pub fn scope_led_by(monitor: Process) -> Option<String> {
    let path = monitor.cgroup()?;
    let number = path
        .rsplit('/')
        .next()?
        .strip_prefix("session-")?
        .strip_suffix(".scope")?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let note = fs::read_to_string(format!("{SESSIONS}/{number}")).ok()?;
    let leader = note.lines().find_map(|line| line.strip_prefix("LEADER="))?;
    (leader.parse() == Ok(monitor.pid)).then_some(path)
}
