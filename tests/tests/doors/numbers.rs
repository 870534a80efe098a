//! Process numbers that come again: the kernel gives a dead monitor's to somebody else, who is nobody of the session's, or
//! to one of those that the session left running.

use std::time::Duration;

use daypass_tests::{CAROL, Host, Result, Running, SOON, Site, Wish};
use serde_json::Value;

use crate::Rows;
use crate::ends::nothing_is_left;
use crate::windows::{carol_gets, close_all};

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const ROWS: &Rows = &[
    (
        "whoever_got_a_dead_monitors_number_while_the_agent_was_down_is_left_alone",
        somebody_else,
    ),
    (
        "what_a_session_left_running_ends_with_it_under_its_monitors_number_too",
        its_own,
    ),
];

/// A `/proc` in which the number that the kernel gave last can be set; the host's own is for reading.
const PROC: &str = "mkdir -p /run/numbers; mountpoint -q /run/numbers || mount -t proc proc /run/numbers; \
    last=/run/numbers/sys/kernel/ns_last_pid";
/// As a program of its own, so that it can be told from the contractor's. Until the number is free it gets another one.
const BYSTANDER: &str = "cp /bin/sleep /run/bystander; \
    { until echo $(($1 - 1)) > $last; /run/bystander 2402 & [ $! = $1 ]; do kill $!; wait $! || true; done; } 2>/dev/null; \
    echo standing; wait";

/// Ends a monitor, and sshd's process for whoever is in: as long as that lives the number is its session's.
fn end(monitor: &str) -> String {
    format!("kill -KILL {monitor}; pkill -KILL -u deploy '^sshd'")
}

/// A login of Carol's that runs this and goes on; its window and its monitor's number.
fn visit(site: &Site, line: &str) -> Result<(Running, String, String)> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let line = format!("{line} >/dev/null 2>&1; echo here; cat");
    let mut login = site.person(CAROL).ssh("deploy@db1", &[&line]).spawn()?;
    login.await_text("here", SOON)?;
    let opened = site.await_entry("db1", "session.open", &[&window])?;
    let opened: Value = serde_json::from_str(&opened).unwrap_or_default();
    let monitor = opened["detail"]["monitor"].to_string();
    Ok((login, window, monitor))
}

/// Whether the agent holds the process that has this number, by what the kernel says of its descriptors.
fn is_held(db1: &Host, number: &str) -> Result<bool> {
    let held = format!(
        "grep -qs '^Pid:[[:space:]]*{number}$' /proc/$(systemctl show --value --property=MainPID daypass-agent)/fdinfo/*"
    );
    Ok(db1.script(&held).run()?.success())
}

fn somebody_else(site: &Site) -> Result<()> {
    let (login, window, monitor) = visit(site, "setsid -f sleep 2401")?;
    let db1 = site.network.host("db1")?;
    assert!(is_held(db1, &monitor)?, "the agent was to hold the monitor");
    let units = "daypass-agent.socket daypass-principals.socket daypass-agent.service";
    db1.script(&format!("systemctl stop {units}; {}", end(&monitor)))
        .ok()?;
    let stands = format!("{PROC}; {BYSTANDER}");
    let mut bystander = db1.root(["sh", "-euc", &stands, "sh", &monitor]).spawn()?;
    let stands = bystander.await_text("standing", SOON);
    db1.script(&format!("systemctl start {units}")).ok()?;
    stands?;
    // The agent is back, and has the end that nobody saw in its journal.
    site.await_entry("db1", "session.close", &[&window])?;
    assert!(!is_held(db1, &monitor)?, "the agent holds somebody else");
    // What the session left running is known all the same, and is all that ends with the window.
    db1.script("pgrep -f '^sleep 2401'").ok()?;
    close_all(site)?;
    let end = site.await_entry("db1", "session.end", &[&window])?;
    assert!(
        end.contains("\"sleep\"") && !end.contains("bystander"),
        "{end}"
    );
    nothing_is_left(site)?;
    db1.script(&format!(
        "[ $(readlink /proc/{monitor}/exe) = /run/bystander ]"
    ))
    .ok()?;
    bystander.kill()?;
    login.wait(SOON).map(drop)
}

/// Carol goes on making processes until one has it.
fn its_own(site: &Site) -> Result<()> {
    let line = "monitor=$(ps -o ppid= -p $PPID); setsid -f sh -c \
        'until [ \"$!\" = \"$1\" ]; do kill $!; wait; sleep 2403 & :; done; wait' sh $monitor";
    let (login, window, monitor) = visit(site, line)?;
    let db1 = site.network.host("db1")?;
    // Nothing but what is built into the shell: a program would have the number itself.
    let taken = format!(
        "{PROC}; {}; {{ until echo $(({monitor} - 1)) > $last; \
         read name < /proc/{monitor}/comm && [ \"$name\" = sleep ]; do :; done; }} 2>/dev/null",
        end(&monitor)
    );
    db1.script(&taken).within(SOON).ok()?;
    close_all(site)?;
    let end = site.await_entry("db1", "session.end", &[&window])?;
    let end: Value = serde_json::from_str(&end).unwrap_or_default();
    let killed = end["detail"]["killed"].as_array();
    let number: i64 = monitor.parse().unwrap_or_default();
    let is_it = |one: &Value| one["pid"] == number && one["name"] == "sleep";
    assert!(
        killed.is_some_and(|killed| killed.iter().any(is_it)),
        "{end}"
    );
    nothing_is_left(site)?;
    login.wait(SOON).map(drop)
}
