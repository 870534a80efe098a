//! How a visit ends, and what is left to show of it.

use std::time::Duration;

use daypass_tests::{BOB, CAROL, Result, SOON, Site, Wish};

use crate::Rows;
use crate::windows::{carol_gets, close_all};

/// Long enough to be asked for, approved and entered on a machine that has much else to do.
pub(crate) const SHORT: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(3600);
/// What a contractor might leave behind, and the line that says it is there.
const CLING: &str = "nohup sleep 2001 >/dev/null 2>&1 & setsid -f sleep 2002 >/dev/null 2>&1; \
    tmux new-session -d 'sleep 2003'; (trap '' HUP TERM; sleep 2004) & echo here; sleep 2005";

pub(crate) const ROWS: &Rows = &[
    (
        "a_session_ends_with_its_window_and_leaves_nothing_running",
        end_of_window,
    ),
    ("a_window_that_is_ended_early_ends_its_session", ended_early),
    (
        "a_session_lasts_as_long_as_its_approved_extension_and_no_longer",
        extended,
    ),
    (
        "a_narrowed_window_takes_sudo_and_time_from_its_open_session",
        narrowed,
    ),
    (
        "a_window_narrowed_to_other_hosts_ends_its_session",
        narrowed_away,
    ),
    (
        "the_journal_is_proven_and_a_changed_byte_is_named",
        journal_proven,
    ),
];

/// Nothing of the account runs on db1 any more.
pub(crate) fn nothing_is_left(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    db1.await_condition("! pgrep -u deploy", SOON)
}

fn end_of_window(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    db1.write(
        "/etc/daypass/agent.toml",
        "[sessions]\nwarn_seconds = [6]\n",
    )?;
    db1.root(["systemctl", "restart", "daypass-agent"]).ok()?;
    let shown = warned_and_ended(site);
    db1.script("rm /etc/daypass/agent.toml; systemctl restart daypass-agent")
        .ok()?;
    shown
}

fn warned_and_ended(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", SHORT))?;
    let mut terminal = site.person(CAROL).terminal("deploy@db1", CLING)?;
    terminal.await_text("here", SOON)?;
    let end = site.await_entry_within("db1", "session.end", &[&window], SHORT + SOON)?;
    assert!(end.contains("killed"), "{end}");
    site.await_entry("db1", "session.warned", &[&window])?;
    let output = terminal.wait(SOON)?;
    assert!(output.stdout().contains("this session ends in"), "{output}");
    assert!(output.stdout().contains("its window has ended"), "{output}");
    assert!(!output.success(), "{output}");
    nothing_is_left(site)
}

fn narrowed(site: &Site) -> Result<()> {
    let wish = Wish::deploy_on("db1", HOUR)
        .with("--sudo", "/usr/bin/id")
        .with("--sudo", "/usr/bin/true");
    let window = carol_gets(site, &wish)?;
    let mut terminal = site
        .person(CAROL)
        .terminal("deploy@db1", "sudo -n id -un; echo here; cat")?;
    terminal.await_text("root", SOON)?;
    terminal.await_text("here", SOON)?;
    // Carol needs one of the two no more, and says so herself.
    let kept = ["narrow", &window, "--sudo", "/usr/bin/true"];
    site.person(CAROL).daypass(kept).ok()?;
    site.await_entry("db1", "session.narrowed", &[&window, "/usr/bin/true"])?;
    let login = |command: &[&str]| site.person(CAROL).ssh("deploy@db1", command).run();
    let (refused, granted) = (
        login(&["sudo", "-n", "id", "-un"])?,
        login(&["sudo", "-n", "true"])?,
    );
    assert!(
        !refused.success() && granted.success(),
        "{refused}{granted}"
    );
    // Rules of the logins before may go while they are read.
    let rules = "cat /run/daypass/sudoers.d/* 2>/dev/null || true";
    let rules = site.network.host("db1")?.script(rules).ok()?;
    assert!(
        rules.contains("true") && !rules.contains("/usr/bin/id"),
        "{rules}"
    );
    // What takes something away is remembered: the agent starts anew, without the CA.
    let db1 = site.network.host("db1")?;
    db1.root(["systemctl", "restart", "daypass-agent"]).ok()?;
    assert!(!login(&["sudo", "-n", "id", "-un"])?.success());
    // Bob gives it an end: with it the session that is open ends, and no other begins.
    let earlier = ["narrow", &window, "--until", "5s"];
    site.person(BOB).daypass(earlier).ok()?;
    let end = site.await_entry("db1", "session.end", &[&window])?;
    assert!(end.contains("window-ended"), "{end}");
    assert!(!terminal.wait(SOON)?.success());
    assert!(!login(&["true"])?.success());
    nothing_is_left(site)
}

fn narrowed_away(site: &Site) -> Result<()> {
    let wish = Wish::deploy_on("db1", HOUR).with("--host", "db2");
    let window = carol_gets(site, &wish)?;
    let mut terminal = site
        .person(CAROL)
        .terminal("deploy@db1", "echo here; cat")?;
    terminal.await_text("here", SOON)?;
    let strange = site
        .person(BOB)
        .daypass(["narrow", &window, "--host", "db9"]);
    assert_eq!(strange.run()?.code(), Some(64));
    site.person(BOB)
        .daypass(["narrow", &window, "--host", "db2"])
        .ok()?;
    let end = site.await_entry("db1", "session.end", &[&window])?;
    assert!(end.contains("window-narrowed"), "{end}");
    assert!(!terminal.wait(SOON)?.success());
    let login = |host: &str| site.person(CAROL).ssh(host, &["true"]).run();
    assert!(!login("deploy@db1")?.success() && login("deploy@db2")?.success());
    nothing_is_left(site)
}

fn extended(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", Duration::from_secs(30)))?;
    let mut terminal = site
        .person(CAROL)
        .terminal("deploy@db1", "echo here; cat")?;
    terminal.await_text("here", SOON)?;
    let asked = ["extend", &window, "--for", "1h", "--yes", "-o", "json"];
    let asked = site.person(CAROL).daypass(asked).ok()?;
    let asked: serde_json::Value = serde_json::from_str(&asked).unwrap_or_default();
    let document = asked["window"].as_str().unwrap_or_default();
    let document: serde_json::Value = serde_json::from_str(document).unwrap_or_default();
    let extension = document["id"].as_str().unwrap_or_default().to_owned();
    site.person(BOB).approve(&extension)?;
    let login = [
        "login", "--host", "db1", "--user", "deploy", "--window", &extension,
    ];
    site.person(CAROL).daypass(login).ok()?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    site.await_entry("db1", "session.extended", &[&extension, &window])?;
    // After the end of the first window the session is as it was, and its agent's restart does not forget why.
    daypass_tests::until("the window's end", Duration::from_secs(60), || {
        let shown = site.person(CAROL).daypass(["show", &window]).ok()?;
        Ok(shown.contains("closed"))
    })?;
    let db1 = site.network.host("db1")?;
    db1.root(["systemctl", "restart", "daypass-agent.service"])
        .ok()?;
    terminal.write(b"still there\n")?;
    terminal.await_text("still there", SOON)?;
    site.person(BOB).daypass(["revoke", &extension]).ok()?;
    site.await_entry("db1", "session.end", &[&window])?;
    assert!(!terminal.wait(SOON)?.success());
    nothing_is_left(site)
}

fn ended_early(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let mut terminal = site
        .person(CAROL)
        .terminal("deploy@db1", "echo here; sleep 2006")?;
    terminal.await_text("here", SOON)?;
    close_all(site)?;
    site.await_entry("db1", "session.end", &[&window])?;
    assert!(!terminal.wait(SOON)?.success());
    nothing_is_left(site)
}

fn journal_proven(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    // What comes in between the cosignature and the copy makes it incomplete, and nothing makes it tampered with.
    daypass_tests::until("a copy that is cosigned to its end", SOON, || {
        site.copy_journal("db1", "/root/copy")?;
        let proven = site.verify("db1", Some("/root/copy"))?;
        assert_ne!(proven.code, 1, "{}", proven.text);
        Ok(proven.code == 0)
    })?;
    let altered = "file=$(grep -l '\"session.open\"' /root/copy/*.jsonl | head -n 1); \
        grep -m1 '\"session.open\"' \"$file\" | sed 's/.*\"seq\":\\([0-9]*\\).*/\\1/'; \
        sed -i '0,/\"session.open\"/s//\"session.oPen\"/' \"$file\"";
    let sequence = db1.script(altered).ok()?;
    let caught = site.verify("db1", Some("/root/copy"))?;
    assert_eq!(caught.code, 1, "{}", caught.text);
    assert!(
        caught.text.contains(sequence.trim()),
        "entry {sequence}: {}",
        caught.text
    );
    Ok(())
}
