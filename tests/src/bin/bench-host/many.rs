//! Many sessions at once, and the module's size.

use std::time::Duration;

use daypass_tests::{CAROL, Result, Site};

use crate::figures::row;
use crate::scene::window;

const SESSIONS: usize = 200;
/// How long the agent is watched at rest.
const REST: &str = "20";

pub(crate) fn sessions(site: &Site) -> Result<()> {
    window(site)?;
    let db1 = site.network.host("db1")?;
    let many = format!(
        "for n in $(seq {SESSIONS}); do ssh -oBatchMode=yes deploy@db1 'sleep 3000' & \
         [ $((n % 5)) -ne 0 ] || sleep 1; done; wait"
    );
    let held = site.person(CAROL).command(["bash", "-c", &many]).spawn()?;
    let there = format!("[ $(ls /run/daypass/sessions | wc -l) -ge {SESSIONS} ]");
    db1.await_condition(&there, Duration::from_secs(300))?;
    let look = format!(
        "agent=$(systemctl show --value --property=MainPID daypass-agent); \
         used() {{ awk '{{ print $14 + $15 }}' /proc/$agent/stat; }}; \
         sleep 5; before=$(used); sleep {REST}; after=$(used); \
         echo $(awk '/VmRSS/ {{ print $2 }}' /proc/$agent/status) $((after - before)) $(getconf CLK_TCK)"
    );
    let said = db1.script(&look).ok()?;
    let numbers: Vec<f64> = said
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    if let [resident, ticks, per_second] = numbers[..] {
        let rest: f64 = REST.parse().unwrap_or(1.0);
        row(
            "the agent with 200 sessions, resident",
            &format!("{:.1} MiB", resident / 1024.0),
            "<= 25 MiB",
        );
        row(
            "the agent with 200 sessions, idle",
            &format!("{:.2} % of a CPU", ticks / per_second / rest * 100.0),
            "<= 0.1 %",
        );
    }
    held.kill()
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
