//! From the end of a window, or the word that revokes it, to the last process.

use std::time::Duration;

use daypass_tests::{BOB, CAROL, Result, Running, SOON, Site};

use crate::figures::{Samples, row};
use crate::scene::window_for;

const TIMES: usize = 10;
const FIFTY: &str = "for n in $(seq 50); do sleep 3000 & done; echo here; wait";
/// Says when the last of them is gone, in microseconds.
const WATCH: &str = "echo watching; while pgrep -u deploy -x sleep >/dev/null; do :; done; echo at ${EPOCHREALTIME/./}";
const LONG: Duration = Duration::from_secs(3600);

fn inside(site: &Site) -> Result<(Running, Running)> {
    let mut session = site.person(CAROL).ssh("deploy@db1", &[FIFTY]).spawn()?;
    session.await_text("here", SOON)?;
    let mut watch = site
        .network
        .host("db1")?
        .root(["bash", "-c", WATCH])
        .spawn()?;
    watch.await_text("watching", SOON)?;
    Ok((session, watch))
}

/// When the last was gone.
fn gone(watch: Running) -> Result<f64> {
    let said = watch.wait(Duration::from_secs(60))?.stdout();
    let at = said.lines().find_map(|line| line.strip_prefix("at "));
    Ok(at.and_then(|at| at.parse().ok()).unwrap_or(f64::NAN))
}

pub(crate) fn of_windows(site: &Site) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let window = window_for(site, Duration::from_secs(8))?;
        let (session, watch) = inside(site)?;
        let gone = gone(watch)?;
        session.wait(SOON)?;
        let open = site.await_entry("db1", "session.open", &[&window])?;
        times.push(gone - closes(site, &open)?);
    }
    let samples = Samples::of(times);
    row(
        "from a window's end to the last of 50 processes",
        &samples.spelled(),
        "<= 100 ms p99",
    );
    Ok(())
}

/// The time that the entry says, in microseconds.
fn closes(site: &Site, entry: &str) -> Result<f64> {
    let entry: serde_json::Value = serde_json::from_str(entry).unwrap_or_default();
    let closes = entry["detail"]["closes"].as_str().unwrap_or_default();
    let date = ["date", "-u", "-d", closes, "+%s"];
    let seconds = site.network.host("laptop")?.root(date).ok()?;
    Ok(seconds.trim().parse().unwrap_or(f64::NAN) * 1e6)
}

pub(crate) fn revocations(site: &Site) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let window = window_for(site, LONG)?;
        let (session, watch) = inside(site)?;
        let revoke = format!("echo ${{EPOCHREALTIME/./}}; daypass revoke {window} >/dev/null");
        let said = site.person(BOB).command(["bash", "-c", &revoke]).ok()?;
        let since: f64 = said.trim().parse().unwrap_or(f64::NAN);
        times.push(gone(watch)? - since);
        session.wait(SOON)?;
    }
    let samples = Samples::of(times);
    row(
        "from `daypass revoke` to the last of 50 processes",
        &samples.spelled(),
        "<= 1 s p99",
    );
    Ok(())
}
