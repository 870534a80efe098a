//! What PAM leaves out: a session phase that never comes, one that says no, and ends that nobody tells of.

use std::time::Duration;

use daypass_tests::{CAROL, Host, Result, SOON, Site, Wish};
use serde_json::Value;

use crate::Rows;
use crate::others::others_get_in;
use crate::windows::{carol_gets, close_all};

const HOUR: Duration = Duration::from_secs(3600);
/// A login may stand for half a minute without the session phase.
const HALF_A_MINUTE: Duration = Duration::from_secs(30);
/// All further session modules of sshd's are passed over, daypass's among them.
const PASS_OVER: &str = "cp -a /etc/pam.d/sshd /root/pam-sshd; \
    sed -i '1i session [success=done default=done] pam_permit.so' /etc/pam.d/sshd";

pub(crate) const ROWS: &Rows = &[
    (
        "while_a_line_of_pams_is_edited_away_contractors_are_refused_at_once_and_nobody_else",
        edited,
    ),
    (
        "a_login_without_pams_session_phase_is_cut_off_and_journalled",
        absent,
    ),
    (
        "a_login_that_the_last_gate_refuses_is_cut_off_though_it_runs_nothing",
        refused_at_last,
    ),
    ("a_login_that_no_gate_has_seen_is_told", unseen),
    (
        "whose_monitor_is_killed_is_journalled_and_gone_with_the_window",
        monitor_killed,
    ),
    (
        "a_sudo_that_is_killed_has_its_end_in_the_journal",
        sudo_killed,
    ),
];

fn nothing_runs(db1: &Host) -> Result<()> {
    db1.await_condition("! pgrep -u deploy", SOON)
}

/// By hand, as pam-auth-update leaves it from then on. Gate 1 sees it at the next login, not at the next round.
fn edited(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let login = || site.person(CAROL).ssh("deploy@db1", &["id", "-un"]).run();
    assert_eq!(login()?.stdout(), "deploy\n");
    let db1 = site.network.host("db1")?;
    for stack in ["account", "session", "auth"] {
        let file = format!("/etc/pam.d/common-{stack}");
        let missing = format!("pam_daypass.so is missing in PAM's {stack} stack of sshd");
        db1.script(&format!("sed -i.kept /pam_daypass/d {file}"))
            .ok()?;
        let (refused, others) = (login(), others_get_in(site));
        let told = site.await_entry("db1", "gate.absent", &["\"failed\"", &missing]);
        db1.script(&format!("mv {file}.kept {file}")).ok()?;
        let refused = refused?;
        assert!(
            !refused.success() && refused.stdout.is_empty(),
            "{stack}: {refused}"
        );
        others?;
        told?;
        assert_eq!(login()?.stdout(), "deploy\n", "{stack} is back");
        site.await_entry("db1", "login.denied", &[CAROL, "gate-absent", &missing])?;
        site.await_entry("db1", "gate.absent", &["gate-back", &missing])?;
    }
    Ok(())
}

fn absent(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let db1 = site.network.host("db1")?;
    db1.script(PASS_OVER).ok()?;
    let stood = site
        .person(CAROL)
        .ssh("deploy@db1", &["echo here; sleep 2301"])
        .spawn()
        .and_then(|mut login| {
            login.await_text("here", SOON)?;
            login.wait(HALF_A_MINUTE + SOON)
        });
    db1.script("mv /root/pam-sshd /etc/pam.d/sshd").ok()?;
    let stood = stood?;
    assert!(!stood.success(), "{stood}");
    site.await_entry("db1", "gate.absent", &["no-session-phase"])?;
    nothing_runs(db1)?;
    site.person(CAROL)
        .ssh("deploy@db1", &["true"])
        .ok()
        .map(drop)
}

/// sudo's rules cannot be put in place, so gate 3 refuses; sshd itself would leave `-N` connected.
fn refused_at_last(site: &Site) -> Result<()> {
    // Of an item that has not been looked at before.
    let wish = Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/id --version");
    let window = carol_gets(site, &wish)?;
    let db1 = site.network.host("db1")?;
    db1.script(
        "mv /usr/sbin/visudo /root/visudo; printf '#!/bin/sh\\nexit 1\\n' > /usr/sbin/visudo; chmod 755 /usr/sbin/visudo",
    )
    .ok()?;
    let ssh = ["ssh", "-oBatchMode=yes", "-N", "deploy@db1"];
    let refused = site
        .person(CAROL)
        .command(ssh)
        .spawn()
        .and_then(|login| login.wait(SOON));
    db1.script("mv -f /root/visudo /usr/sbin/visudo").ok()?;
    let refused = refused?;
    assert!(!refused.success(), "{refused}");
    site.await_entry("db1", "login.denied", &["sudo-rules", "\"gate\":3"])?;
    let opened = format!("\"window\":\"{window}\"");
    let entries = site.entries("db1")?;
    let is_open = |entry: &&String| entry.contains("\"session.open\"") && entry.contains(&opened);
    assert_eq!(entries.iter().find(is_open), None);
    nothing_runs(db1)
}

/// By an sshd that root runs with a configuration of its own, and without PAM.
fn unseen(site: &Site) -> Result<()> {
    let (db1, laptop) = (site.network.host("db1")?, site.network.host("laptop")?);
    let key = laptop.read("/home/olga/.ssh/id_ed25519.pub")?;
    db1.write("/etc/ssh/unseen_keys", key)?;
    let config =
        "Port 2223\nPidFile /run/unseen.pid\nAuthorizedKeysFile /etc/ssh/unseen_keys\nUsePAM no\n";
    db1.write("/root/unseen.conf", config)?;
    // In a unit of its own, so that it outlives what started it. The lock on the account's password is sshd's without PAM.
    db1.script(
        "usermod --password '*' deploy; systemd-run --quiet --unit=unseen /usr/sbin/sshd -D -f /root/unseen.conf; \
         timeout 60 sh -c 'until [ -e /run/unseen.pid ]; do :; done'",
    )
    .ok()?;
    let ssh = "ssh -oBatchMode=yes -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -p 2223 deploy@db1 'echo here; cat'";
    let told = laptop
        .user("olga", ["sh", "-c", ssh])
        .spawn()
        .and_then(|mut login| {
            login.await_text("here", SOON)?;
            site.await_entry("db1", "gate.absent", &["login-without-entry", "deploy"])?;
            login.write(b"still here\n")?;
            login.await_text("still here", SOON)
        });
    db1.script("systemctl stop unseen; rm /root/unseen.conf /etc/ssh/unseen_keys")
        .ok()?;
    told?;
    let entries = site.entries("db1")?;
    let told = entries
        .iter()
        .filter(|entry| entry.contains("login-without-entry"));
    assert_eq!(told.count(), 1, "once");
    nothing_runs(db1)
}

/// PAM is not there any more to tell of it. What was left running is the session's still, and ends with the window.
fn monitor_killed(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let db1 = site.network.host("db1")?;
    let mut login = site
        .person(CAROL)
        .ssh(
            "deploy@db1",
            &["setsid -f sleep 2302 >/dev/null 2>&1; echo here; cat"],
        )
        .spawn()?;
    login.await_text("here", SOON)?;
    let opened = site.await_entry("db1", "session.open", &[&window])?;
    let opened: Value = serde_json::from_str(&opened).unwrap_or_default();
    let monitor = opened["detail"]["monitor"].to_string();
    db1.root(["kill", "-KILL", &monitor]).ok()?;
    site.await_entry("db1", "session.close", &[&window])?;
    db1.script("pgrep -f '^sleep 2302'").ok()?;
    close_all(site)?;
    assert!(!login.wait(SOON)?.success());
    nothing_runs(db1)
}

fn sudo_killed(site: &Site) -> Result<()> {
    let wish = Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/sleep 2303");
    let window = carol_gets(site, &wish)?;
    let db1 = site.network.host("db1")?;
    let command = "sudo -n /usr/bin/sleep 2303; echo over; cat";
    let mut login = site.person(CAROL).ssh("deploy@db1", &[command]).spawn()?;
    db1.await_condition("pgrep -f '^/usr/bin/sleep 2303'", SOON)?;
    let told = [&window, "sleep 2303"];
    site.await_entry("db1", "sudo.start", &told)?;
    db1.script("pkill -KILL -f '^sudo -n /usr/bin/sleep 2303'")
        .ok()?;
    login.await_text("over", SOON)?;
    site.await_entry("db1", "sudo.end", &told)?;
    login.write(b"the session goes on\n")?;
    login.await_text("the session goes on", SOON)?;
    close_all(site)?;
    assert!(!login.wait(SOON)?.success());
    nothing_runs(db1)
}
