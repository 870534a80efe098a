//! Programs that try to outlive their session, in every way in which sshd may be started, and everybody else's
//! processes, which nobody may touch.

use std::time::Duration;

use daypass_tests::{BOB, CAROL, Host, Result, Running, SOON, Site, Wish};

use crate::Rows;
use crate::windows::{carol_gets, close_all};

const HOUR: Duration = Duration::from_secs(3600);
/// Every way out that a contractor might try. The last line says that all of them are under way.
const ESCAPES: &str = "\
    nohup sleep 2101 >/dev/null 2>&1 & \
    setsid -f sleep 2102 >/dev/null 2>&1; \
    (setsid sh -c 'sleep 2103 & exit' >/dev/null 2>&1 &); \
    tmux new-session -d 'sleep 2104'; \
    screen -d -m sleep 2105; \
    (trap '' HUP TERM INT; sleep 2106 >/dev/null 2>&1; sleep 2106) & \
    sudo -n -b /usr/bin/sleep 2107; \
    systemd-run --user --quiet sleep 2108; \
    echo 'sleep 2109' | at now 2>/dev/null; \
    echo '* * * * * sleep 2110' | crontab -; \
    nap 2111 >/dev/null 2>&1 & \
    strace -o /dev/null sleep 2112 >/dev/null 2>&1 & \
    python3 /usr/local/lib/sibling.py >/dev/null 2>&1 & \
    (ulimit -u 80; bomb() { bomb | bomb & }; bomb) >/dev/null 2>&1 & \
    until pgrep -f 'sleep 2101' && pgrep -f 'sleep 2107' && pgrep -f '^sleep 2109' && pgrep -f 'nap 2111' && pgrep -f '^sleep 2112' && pgrep -x holder; do :; done >/dev/null; \
    echo all under way; sleep 2113";
const SIBLING: &str = include_str!("sibling.py");
/// What is left of them, by name or by account.
const LEFT: &str = "pgrep -u deploy -a; pgrep -a -f '^[^ ]*(sleep|nap) 21[01][0-9]'; pgrep -a -x 'held|holder'; \
    ls /var/spool/cron/crontabs/deploy 2>/dev/null; find /var/spool/cron/atjobs -user deploy -type f";
/// Every process with its start, so that a pid that came to mean another is seen.
const CENSUS: &str = "for stat in /proc/[0-9]*/stat; do \
    sed 's/^\\([0-9]*\\) (\\(.*\\)) . /\\1 \\2 /' $stat 2>/dev/null || continue; done | awk '{ print $1, $2, $(NF - 30) }'";

pub(crate) const ROWS: &Rows = &[
    (
        "nothing_outlives_its_session_and_nobody_elses_process_is_touched",
        under_logind,
    ),
    (
        "without_logind_nothing_outlives_its_session_and_nobody_elses_process_is_touched",
        without_logind,
    ),
    (
        "under_an_sshd_started_by_hand_nothing_outlives_its_session_and_its_admin_stays",
        by_hand,
    ),
    (
        "who_logs_in_at_the_very_moment_of_the_end_is_out_as_well",
        at_the_moment,
    ),
    ("every_kind_of_login_is_seen_and_ended", every_kind),
    ("a_forced_command_runs_and_nothing_else", forced),
    ("a_revoked_windows_session_ends", revoked),
    ("a_session_ends_with_its_windows_hours", hours),
];

fn under_logind(site: &Site) -> Result<()> {
    nothing_escapes(site, "22")
}

fn without_logind(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    db1.script("systemctl mask --runtime --now systemd-logind.service")
        .ok()?;
    let shown = nothing_escapes(site, "22");
    db1.script("systemctl unmask --runtime systemd-logind.service; systemctl start systemd-logind")
        .ok()?;
    shown
}

fn by_hand(site: &Site) -> Result<()> {
    let start = "sudo -n /usr/sbin/sshd -p 2222 -o PidFile=/run/by-hand.pid; echo started; cat";
    let ssh = [
        "ssh",
        "-oBatchMode=yes",
        "-oStrictHostKeyChecking=no",
        "-oUserKnownHostsFile=/dev/null",
        "olga@db1",
        start,
    ];
    let mut olga = site.network.host("laptop")?.user("olga", ssh).spawn()?;
    olga.await_text("started", SOON)?;
    let shown = nothing_escapes(site, "2222");
    let there = olga
        .write(b"still there\n")
        .and_then(|()| olga.await_text("still there", SOON));
    site.network
        .host("db1")?
        .script("kill $(cat /run/by-hand.pid)")
        .ok()?;
    shown?;
    there
}

fn nothing_escapes(site: &Site, port: &str) -> Result<()> {
    let db1 = site.network.host("db1")?;
    db1.script("install -o olga -m 4755 $(readlink -f /bin/sleep) /usr/local/bin/nap")
        .ok()?;
    db1.write("/usr/local/lib/sibling.py", SIBLING)?;
    let wish = Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/sleep 2107");
    let window = carol_gets(site, &wish)?;
    let others = everybody(db1)?;
    let mut session = enter(site, port, ESCAPES)?;
    session.await_text("all under way", SOON)?;
    close_all(site)?;
    let end = site.await_entry("db1", "session.end", &[&window])?;
    assert!(end.contains("killed"), "{end}");
    assert!(!session.wait(SOON)?.success());
    daypass_tests::until("nothing is left of the session", SOON, || {
        let left = db1.root(["sh", "-c", LEFT]).run()?.stdout();
        Ok(left.is_empty())
    })
    .inspect_err(|_| {
        let left = db1.root(["sh", "-c", LEFT]).run();
        eprintln!("left: {:?}", left.map(|left| left.stdout()));
    })?;
    let now = census(db1)?;
    let touched: Vec<&String> = others.iter().filter(|one| !now.contains(one)).collect();
    assert!(touched.is_empty(), "gone with the session: {touched:#?}");
    // atd's job ran beside the session: it is named, and with it the crontab that went.
    let told = [
        &window,
        "crontabs/deploy",
        "\"killed\":[{",
        "\"name\":\"sleep\"",
    ];
    let patience = Duration::from_secs(60);
    site.await_entry_within("db1", "session.planted", &told, patience)
        .map(drop)
}

fn enter(site: &Site, port: &str, command: &str) -> Result<Running> {
    let ssh = [
        "ssh",
        "-oBatchMode=yes",
        "-oStrictHostKeyChecking=no",
        "-p",
        port,
        "deploy@db1",
        command,
    ];
    site.person(CAROL).command(ssh).spawn()
}

/// Who is there to stay: seen twice, so that what only passes by is not counted.
fn everybody(host: &Host) -> Result<Vec<String>> {
    // What an earlier row's sessions left behind by right (a user manager's last seconds) is gone first.
    host.await_condition("! pgrep -u deploy", SOON)?;
    let first = census(host)?;
    let second = census(host)?;
    let passing = ["systemd-userwor", "(sd-pam)", "systemd-hostnam"];
    Ok(first
        .into_iter()
        .filter(|one| second.contains(one) && !passing.iter().any(|name| one.contains(name)))
        .collect())
}

fn census(host: &Host) -> Result<Vec<String>> {
    let text = host.script(CENSUS).ok()?;
    Ok(text.lines().map(ToOwned::to_owned).collect())
}

fn at_the_moment(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    let certificates = ".local/share/daypass/certificates";
    let keep = format!("cp -a {certificates} kept");
    site.person(CAROL).command(["sh", "-c", &keep]).ok()?;
    // Logins one after another, from before the end until well after it.
    let again = "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do \
        ssh -F none -oBatchMode=yes -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -oIdentitiesOnly=yes \
        -oCertificateFile=$(ls kept/*-cert.pub | head -n 1) -i .ssh/id_ed25519 deploy@db1 \
        'setsid -f sleep 2114 >/dev/null 2>&1; sleep 2114' 2>/dev/null & \
        sleep 0.2; done; wait; rm -r kept";
    let logins = site.person(CAROL).command(["sh", "-c", again]).spawn()?;
    db1.await_condition("pgrep -f '^sleep 2114'", SOON)?;
    close_all(site)?;
    logins.wait(SOON)?;
    db1.await_condition("! pgrep -u deploy", SOON)
}

/// No pty, a pty, nothing but forwarding, sftp, several channels of one connection: each a session of its own.
fn every_kind(site: &Site) -> Result<()> {
    let wish = Wish::deploy_on("db1", HOUR).with("--permit", "pty,port-forwarding");
    let window = carol_gets(site, &wish)?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    let kinds = [
        "ssh -oBatchMode=yes deploy@db1 'sleep 2201'",
        "ssh -oBatchMode=yes -tt deploy@db1 'sleep 2202'",
        "ssh -oBatchMode=yes -N deploy@db1",
        "ssh -oBatchMode=yes -N -L 2299:localhost:22 deploy@db1",
        "sftp -oBatchMode=yes deploy@db1",
        "ssh -oBatchMode=yes -M -S ~/mux deploy@db1 'sleep 2203'",
    ];
    let mut logins = Vec::new();
    for kind in kinds {
        logins.push(site.person(CAROL).command(["sh", "-c", kind]).spawn()?);
    }
    let count = |action: &str| -> Result<usize> {
        let wanted = format!("\"action\":\"{action}\"");
        let entries = site.entries("db1")?;
        let ours = entries.iter().filter(|entry| entry.contains(&window));
        Ok(ours.filter(|entry| entry.contains(&wanted)).count())
    };
    // The first login of all fetched the certificate.
    daypass_tests::until("an entry for each login", SOON, || {
        Ok(count("session.open")? == kinds.len() + 1)
    })?;
    let channel = "ssh -oBatchMode=yes -S ~/mux deploy@db1 'echo second; sleep 2204'";
    let mut channel = site.person(CAROL).command(["sh", "-c", channel]).spawn()?;
    channel.await_text("second", SOON)?;
    logins.push(channel);
    close_all(site)?;
    for mut login in logins {
        // sftp sees the end of its connection only when it is asked for something.
        login.close_input();
        login.wait(SOON)?;
    }
    daypass_tests::until("an end for each login", SOON, || {
        Ok(count("session.end")? == kinds.len())
    })?;
    assert_eq!(
        count("session.open")?,
        kinds.len() + 1,
        "a channel is no login"
    );
    site.network
        .host("db1")?
        .await_condition("! pgrep -u deploy", SOON)
}

fn forced(site: &Site) -> Result<()> {
    let wish = Wish::deploy_on("db1", HOUR).with("--force-command", "echo forced; sleep 2206");
    let window = carol_gets(site, &wish)?;
    let mut login = site
        .person(CAROL)
        .ssh("deploy@db1", &["echo free"])
        .spawn()?;
    login.await_text("forced", SOON)?;
    site.await_entry("db1", "session.open", &[&window])?;
    close_all(site)?;
    site.await_entry("db1", "session.end", &[&window])?;
    let output = login.wait(SOON)?;
    assert!(!output.stdout().contains("free"), "{output}");
    assert!(!output.success(), "{output}");
    Ok(())
}

fn revoked(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let mut terminal = site
        .person(CAROL)
        .terminal("deploy@db1", "echo here; sleep 2115")?;
    terminal.await_text("here", SOON)?;
    site.person(BOB).daypass(["revoke", &window]).ok()?;
    site.await_entry("db1", "session.end", &[&window, "\"revoked\""])?;
    let output = terminal.wait(SOON)?;
    assert!(
        output.stdout().contains("bob revoked the window"),
        "{output}"
    );
    site.network
        .host("db1")?
        .await_condition("! pgrep -u deploy", SOON)
}

/// Hours are whole minutes, so this takes up to a minute and a half.
fn hours(site: &Site) -> Result<()> {
    let laptop = site.network.host("laptop")?;
    let until = laptop
        .script("now=$(date +%s); date -u -d @$(( (now + 80) / 60 * 60 )) +%H:%M")
        .ok()?;
    if until.trim() == "00:00" {
        // A minute before midnight the schedule would have to be another one.
        return Ok(());
    }
    let hours = format!("mon-sun 00:00-{}", until.trim());
    let wish = Wish::deploy_on("db1", HOUR)
        .with("--hours", &hours)
        .with("--zone", "UTC");
    let window = carol_gets(site, &wish)?;
    let mut terminal = site
        .person(CAROL)
        .terminal("deploy@db1", "echo here; sleep 2116")?;
    terminal.await_text("here", SOON)?;
    let patience = Duration::from_secs(100);
    site.await_entry_within("db1", "session.end", &[&window, "hours-ended"], patience)?;
    let output = terminal.wait(SOON)?;
    assert!(output.stdout().contains("hours are over"), "{output}");
    let refused = site.person(CAROL).ssh("deploy@db1", &["id"]).run()?;
    assert!(!refused.success(), "{refused}");
    Ok(())
}
