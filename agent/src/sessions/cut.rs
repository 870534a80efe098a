//! Cutting off a login that never became a session. Its monitor alone is not enough: sshd's own process and the shell
//! live on without it.

use super::cgroup::Cgroup;
use super::logind::scope_led_by;
use crate::facts::{Handle, descendants};

/// Kills a monitor and everything that it started.
pub fn cut_off(monitor: &Handle) {
    let scope = scope_led_by(monitor.process()).and_then(|path| Cgroup::find(&path));
    // Found while the monitor lives: afterwards they are orphans like any others.
    let started: Vec<Handle> = descendants(monitor.process().pid)
        .into_iter()
        .filter_map(|pid| Handle::open(pid).ok())
        .collect();
    monitor.kill();
    for process in started {
        process.kill();
    }
    if let Some(scope) = scope {
        scope.kill_all();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_a_login_started_does_not_outlive_it() {
        let mut login = Command::new("sh")
            .args(["-c", "sleep 600 & echo $!; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(login.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let child = Handle::open(line.trim().parse().unwrap()).unwrap();
        cut_off(&Handle::open(login.id() as i32).unwrap());
        login.wait().unwrap();
        assert!(child.ends_within(Duration::from_secs(60)));
    }
}
