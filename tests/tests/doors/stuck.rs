//! Sessions in which something waits for the kernel: on a file system that never answers.

use std::time::Duration;

use daypass_tests::{CAROL, Host, Result, Running, SOON, Site, Wish};

use crate::Rows;
use crate::windows::{carol_gets, close_all};

const HOUR: Duration = Duration::from_secs(3600);
const STUCK: &str = include_str!("stuck.py");

pub(crate) const ROWS: &Rows = &[
    (
        "who_is_stuck_on_a_file_system_is_gone_with_the_session",
        stuck,
    ),
    (
        "whom_the_kernel_does_not_let_die_yet_is_gone_as_soon_as_it_does_and_all_others_at_once",
        undying,
    ),
];

/// A file system of this kind at `/mnt/stuck`, as long as its program runs.
fn mounted(db1: &Host, kind: &[&str]) -> Result<Running> {
    db1.write("/root/stuck.py", STUCK)?;
    // systemd-nspawn lends no such device.
    db1.script("[ -e /dev/fuse ] || mknod -m 666 /dev/fuse c 10 229")
        .ok()?;
    let words = ["python3", "/root/stuck.py", "/mnt/stuck"];
    let mut program = db1.root(words.iter().chain(kind)).spawn()?;
    program.await_text("mounted", SOON)?;
    Ok(program)
}

fn unmounted(db1: &Host, program: &Running) -> Result<()> {
    program.kill()?;
    db1.script("umount --lazy /mnt/stuck").ok().map(drop)
}

/// Nobody has taken the request: the kernel does not freeze who waits, and lets them die.
fn stuck(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let program = mounted(db1, &[])?;
    let shown = ended_while_stuck(site, db1);
    let gone = shown.and_then(|()| db1.await_condition("! pgrep -u deploy", SOON));
    unmounted(db1, &program)?;
    gone
}

/// Somebody has it and does not answer: nothing kills who waits.
fn undying(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let mut program = mounted(db1, &["takes"])?;
    let shown = ended_while_stuck(site, db1).and_then(|()| {
        program.await_text("taken", SOON)?;
        db1.await_condition("! pgrep -u deploy -x sleep", SOON)?;
        db1.await_condition("pgrep -u deploy -x cat", SOON)
    });
    unmounted(db1, &program)?;
    shown?;
    db1.await_condition("! pgrep -u deploy", SOON)
}

fn ended_while_stuck(site: &Site, db1: &Host) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let command = "cat /mnt/stuck/file & sleep 2301 & echo here; sleep 2302";
    let mut session = site.person(CAROL).ssh("deploy@db1", &[command]).spawn()?;
    session.await_text("here", SOON)?;
    db1.await_condition("pgrep -u deploy -x cat", SOON)?;
    close_all(site)?;
    let end = site.await_entry("db1", "session.end", &[&window])?;
    assert!(end.contains("\"cat\""), "{end}");
    session.wait(SOON).map(drop)
}
