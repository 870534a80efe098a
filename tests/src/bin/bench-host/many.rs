//! Many sessions at once, and the module's size.

use std::time::Duration;

use daypass_tests::{CAROL, Result, Site};

use crate::figures::row;
use crate::scene::window;

const SESSIONS: usize = 200;
const AT_ONCE: usize = 50;
const CALLS: usize = 1000;
/// How long the agent is watched at rest, and how long it is left alone before: what the logins made it wait for is over then.
const REST: &str = "45";
const BEFORE: &str = "40";
/// As packages leave it: the other parts ask the CA for its state every second.
const SETTINGS: &str = "[journal]\nforward = \"before-sudo\"\n";

pub(crate) fn sessions(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    db1.write("/etc/daypass/agent.toml", SETTINGS)?;
    db1.root(["systemctl", "restart", "daypass-agent"]).ok()?;
    window(site)?;
    let many = format!(
        "for n in $(seq {SESSIONS}); do ssh -oBatchMode=yes deploy@db1 'sleep 3000' & \
         [ $((n % 5)) -ne 0 ] || sleep 1; done; wait"
    );
    let held = site.person(CAROL).command(["bash", "-c", &many]).spawn()?;
    let there = format!("[ $(ls /run/daypass/sessions | wc -l) -ge {SESSIONS} ]");
    db1.await_condition(&there, Duration::from_secs(300))?;
    let look = format!(
        "agent=$(systemctl show --value --property=MainPID daypass-agent); \
         used() {{ cat /proc/$agent/task/*/schedstat | awk '{{ all += $1 }} END {{ printf \"%d\", all / 1000 }}'; }}; \
         sleep {BEFORE}; before=$(used); sleep {REST}; after=$(used); \
         echo $(awk '/VmRSS/ {{ print $2 }}' /proc/$agent/status) $((after - before))"
    );
    let said = db1.script(&look).ok()?;
    let numbers: Vec<f64> = said
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    if let [resident, microseconds] = numbers[..] {
        let rest: f64 = REST.parse().unwrap_or(1.0);
        row(
            "the agent with 200 sessions, resident",
            &format!("{:.1} MiB", resident / 1024.0),
            "<= 25 MiB",
        );
        row(
            "the agent with 200 sessions, idle",
            &format!("{:.2} % of a CPU", microseconds / 1e6 / rest * 100.0),
            "<= 0.1 %",
        );
    }
    held.kill()
}

/// Logins that authenticate at the same moment, and sudo from several hands at once: how many were served, how fast.
pub(crate) fn rush(site: &Site) -> Result<()> {
    window(site)?;
    let many = format!(
        "s=$EPOCHREALTIME; for n in $(seq {AT_ONCE}); do ssh -oBatchMode=yes deploy@db1 'echo in' & done; wait; \
         e=$EPOCHREALTIME; echo $(( ${{e/./}} - ${{s/./}} ))"
    );
    let said = site.person(CAROL).command(["bash", "-c", &many]).ok()?;
    let inside = said.lines().filter(|line| *line == "in").count();
    let took: f64 = said
        .lines()
        .last()
        .and_then(|line| line.parse().ok())
        .unwrap_or(f64::NAN);
    row(
        "50 logins at once",
        &format!("{inside} in, after {:.1} s", took / 1e6),
        "50",
    );
    let hands = format!(
        "s=$EPOCHREALTIME; for hand in 1 2 3 4; do \
         (for n in $(seq {}); do sudo -n /usr/bin/true && echo ok; done) & done; wait; \
         e=$EPOCHREALTIME; echo $(( ${{e/./}} - ${{s/./}} ))",
        CALLS / 4
    );
    let hands = ["bash", "-c", &format!("'{hands}'")].join(" ");
    let said = site
        .person(CAROL)
        .ssh("deploy@db1", &[&hands])
        .within(Duration::from_secs(300))
        .ok()?;
    let served = said.lines().filter(|line| *line == "ok").count();
    let took: f64 = said
        .lines()
        .last()
        .and_then(|line| line.parse().ok())
        .unwrap_or(f64::NAN);
    let rate = f64::from(u32::try_from(served).unwrap_or(0)) / took * 60e6;
    row(
        "sudo from four hands, a minute",
        &format!("{rate:.0} ({served} of {CALLS} served)"),
        ">= 5000",
    );
    Ok(())
}

pub(crate) fn module(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let said = db1
        .script("cd /usr/lib/*/security; stat -c %s pam_daypass.so; ldd pam_daypass.so | awk '{ print $1 }' | tr '\\n' ' '")
        .ok()?;
    let (size, needs) = said.split_once('\n').unwrap_or((&said, ""));
    row("pam_daypass.so, bytes", size, "<= 700000");
    row(
        "pam_daypass.so, needs",
        needs.trim(),
        "libc, libgcc_s, libpam",
    );
    Ok(())
}
