//! Sessions while the agent is restarted, killed, upgraded, or has lost what it had noted.

use std::time::Duration;

use daypass_tests::{CAROL, Result, SOON, Site, Wish};

use crate::Rows;
use crate::ends::{SHORT, nothing_is_left};
use crate::inside::{Gets, Inside};
use crate::others::from_olga;
use crate::windows::{carol_gets, close_all};

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const ROWS: &Rows = &[
    (
        "a_session_outlives_a_restart_of_the_agent_and_not_its_window",
        restart,
    ),
    (
        "whoever_comes_while_a_killed_agent_starts_again_is_served",
        killed,
    ),
    (
        "what_others_do_while_the_agent_is_down_is_in_the_system_log",
        logged,
    ),
    (
        "a_deadline_that_passed_while_the_agent_was_down_is_enforced_at_its_start",
        passed_deadline,
    ),
    (
        "a_session_whose_notes_are_wiped_has_its_sudo_and_ends_with_its_window",
        wiped,
    ),
    ("an_upgrade_refuses_nobody_and_loses_no_session", upgrade),
    (
        "an_upgrade_lays_sshds_block_out_as_the_new_version_has_it",
        renewed,
    ),
];

fn restart(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", SHORT))?;
    let mut terminal = site
        .person(CAROL)
        .terminal("deploy@db1", "echo here; cat")?;
    terminal.await_text("here", SOON)?;
    let db1 = site.network.host("db1")?;
    db1.root([
        "systemctl",
        "kill",
        "--signal=KILL",
        "daypass-agent.service",
    ])
    .ok()?;
    db1.await_condition("systemctl is-active --quiet daypass-agent.service", SOON)?;
    terminal.write(b"still there\n")?;
    terminal.await_text("still there", SOON)?;
    site.await_entry_within("db1", "session.end", &[&window], SHORT + SOON)?;
    assert!(!terminal.wait(SOON)?.success());
    nothing_is_left(site)
}

/// The sockets are systemd's: who knocks waits until there is an agent again.
fn killed(site: &Site) -> Result<()> {
    let wish = Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/id -un");
    let window = carol_gets(site, &wish)?;
    let mut session = Inside::enter(site)?;
    session.sudo("before")?;
    session.gets("before", Gets::Served)?;
    let kill = "systemctl kill --signal=KILL daypass-agent.service";
    site.network.host("db1")?.script(kill).ok()?;
    session.sudo("meanwhile")?;
    let login = site
        .person(CAROL)
        .ssh("deploy@db1", &["id", "-un"])
        .spawn()?;
    let other = from_olga(site, &[], "olga@db1", "sudo -n id -un")?;
    assert_eq!(other.stdout(), "root\n", "{other}");
    let login = login.wait(SOON)?;
    assert_eq!(login.stdout(), "deploy\n", "{login}");
    session.gets("meanwhile", Gets::Served)?;
    // The one from before is known still, and ends with its window.
    site.await_entry("db1", "agent.start", &["\"stopped_cleanly\":false"])?;
    close_all(site)?;
    site.await_entry("db1", "session.end", &[&window])?;
    session.gets("afterwards", Gets::Ended)?;
    nothing_is_left(site)
}

/// Nobody journals it then, and the module says so. The journal has the agent's stop and its start around it.
fn logged(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let begun = db1.script("date +%s").ok()?;
    let units = "daypass-agent.socket daypass-principals.socket daypass-agent.service";
    db1.script(&format!("systemctl stop {units}")).ok()?;
    let other = from_olga(site, &[], "olga@db1", "sudo -n id -un");
    db1.script(&format!("systemctl start {units}")).ok()?;
    let other = other?;
    assert_eq!(other.stdout(), "root\n", "{other}");
    // At least her login and her sudo.
    let told = format!(
        "[ $(journalctl --quiet --since=@{} | grep -c 'daypass did not see .*\"olga\", who is not under management') -ge 2 ]",
        begun.trim()
    );
    db1.await_condition(&told, SOON)
}

fn passed_deadline(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", SHORT))?;
    let mut login = site
        .person(CAROL)
        .ssh("deploy@db1", &["echo here; cat"])
        .spawn()?;
    login.await_text("here", SOON)?;
    let db1 = site.network.host("db1")?;
    let units = "daypass-agent.socket daypass-principals.socket daypass-agent.service";
    db1.script(&format!("systemctl stop {units}")).ok()?;
    let closed = daypass_tests::until("the window's end", SHORT + SOON, || {
        let shown = site.person(CAROL).daypass(["show", &window]).ok()?;
        Ok(shown.contains("closed"))
    });
    let lives = login
        .write(b"nobody is there to end it\n")
        .and_then(|()| login.await_text("nobody is there to end it", SOON));
    db1.script(&format!("systemctl start {units}")).ok()?;
    closed?;
    lives?;
    site.await_entry("db1", "session.end", &[&window])?;
    assert!(!login.wait(SOON)?.success());
    nothing_is_left(site)
}

/// With the agent down and all of `/run` gone, the journal and the kernel still know who is in.
fn wiped(site: &Site) -> Result<()> {
    let wish = Wish::deploy_on("db1", Duration::from_secs(45)).with("--sudo", "/usr/bin/id -un");
    let window = carol_gets(site, &wish)?;
    let mut shell = site.person(CAROL).ssh("deploy@db1", &["sh"]).spawn()?;
    shell.write(b"nohup sleep 2007 >/dev/null 2>&1 & echo here\n")?;
    shell.await_text("here", SOON)?;
    site.await_entry("db1", "session.open", &[&window])?;
    let db1 = site.network.host("db1")?;
    let units = "daypass-agent.socket daypass-principals.socket daypass-agent.service";
    db1.script(&format!(
        "systemctl stop {units}; rm -rf /run/daypass; systemd-tmpfiles --create; systemctl start {units}"
    ))
    .ok()?;
    db1.await_condition(
        "ls /run/daypass/sessions/s-* /run/daypass/sudoers.d/w-*",
        SOON,
    )?;
    shell.write(b"sudo -n /usr/bin/id -un; echo still here\n")?;
    shell.await_text("root\nstill here", SOON)?;
    site.await_entry("db1", "sudo.start", &[&window, "id -un"])?;
    let patience = Duration::from_secs(45) + SOON;
    let end = site.await_entry_within("db1", "session.end", &[&window], patience)?;
    assert!(end.contains("window-ended"), "{end}");
    assert!(!shell.wait(SOON)?.success());
    nothing_is_left(site)
}

/// The package is installed over itself while people log in, one after another.
fn upgrade(site: &Site) -> Result<()> {
    let wish = Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/id -un");
    carol_gets(site, &wish)?;
    let mut session = site.person(CAROL).ssh("deploy@db1", &["sh"]).spawn()?;
    session.write(b"echo here\n")?;
    session.await_text("here", SOON)?;
    let install = [
        "apt-get",
        "install",
        "--yes",
        "--reinstall",
        "/var/tmp/daypass-host.deb",
    ];
    let db1 = site.network.host("db1")?;
    let mut upgrade = db1
        .root(install)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .spawn()?;
    let mut logins = 0;
    while !upgrade.has_ended() {
        let said = site.person(CAROL).ssh("deploy@db1", &["id", "-un"]).run()?;
        assert_eq!(said.stdout(), "deploy\n", "{said}");
        let said = from_olga(site, &[], "olga@db1", "sudo -n id -un")?;
        assert_eq!(said.stdout(), "root\n", "{said}");
        logins += 1;
    }
    let output = upgrade.wait(SOON)?;
    assert!(output.success(), "{output}");
    assert!(logins > 0, "nobody logged in meanwhile");
    session.write(b"sudo -n /usr/bin/id -un; echo still here\n")?;
    session.await_text("root\nstill here", SOON)?;
    close_all(site)?;
    assert!(!session.wait(SOON)?.success());
    nothing_is_left(site)
}

/// What an older version wrote lacks what this one counts on.
fn renewed(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let block = "/etc/ssh/sshd_config.d/50-daypass.conf";
    db1.script(&format!(
        "sed -i '/RevokedKeys/d' {block}; rm /etc/daypass/ssh/revoked_keys"
    ))
    .ok()?;
    db1.reload_sshd()?;
    db1.script("DEBIAN_FRONTEND=noninteractive apt-get install --yes --reinstall /var/tmp/daypass-host.deb")
        .ok()?;
    db1.script(&format!("grep -q RevokedKeys {block}")).ok()?;
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    site.person(CAROL)
        .ssh("deploy@db1", &["true"])
        .ok()
        .map(drop)
}
