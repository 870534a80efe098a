//! The doors beside sshd's: cron, atd, a user manager, the console, su.

use std::time::Duration;

use daypass_tests::{CAROL, Error, Host, Result, SOON, Site, Wish};

use crate::Rows;
use crate::windows::{carol_gets, close_all};

const CONSOLE: &str = include_str!("console.py");
const HOUR: Duration = Duration::from_secs(3600);
/// The doors that root's programs open in somebody's name, by their PAM services.
const DOORS: [&str; 4] = ["cron", "atd", "systemd-user", "login"];
/// A job of atd's. PAM is asked when it is to start.
const JOB: &str = "rm -f /tmp/ran; runuser -u deploy -- sh -c 'cd /tmp; echo touch /tmp/ran | at now' 2>/dev/null";
/// atd was refused, and takes no second try.
const JOB_REFUSED: &str = "journalctl -q --since -2min -t atd | grep -q 'daypass refused'";

pub(crate) const ROWS: &Rows = &[
    (
        "without_a_session_no_door_opens_to_a_managed_account_and_every_one_to_others",
        closed,
    ),
    (
        "during_a_session_the_accounts_own_jobs_run_and_su_stays_shut",
        open,
    ),
    (
        "what_a_session_starts_beside_itself_has_none_of_its_sudo",
        beside,
    ),
    (
        "a_door_that_is_left_open_is_open_at_all_times_and_the_others_stay_shut",
        left_open,
    ),
    (
        "the_console_lets_everybody_in_but_a_managed_account_and_is_journalled",
        console,
    ),
];

/// Whether PAM's account phase of this service says yes.
fn admits(host: &Host, service: &str, account: &str) -> Result<bool> {
    let knock = ["pamtester", service, account, "acct_mgmt"];
    Ok(host.root(knock).run()?.success())
}

/// A password for both, so that su's question for it is answered.
fn with_passwords(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let passwords = "deploy:let-me-in\nolga:let-me-in\n";
    db1.root(["chpasswd"]).input(passwords).ok().map(drop)
}

fn closed(site: &Site) -> Result<()> {
    close_all(site)?;
    with_passwords(site)?;
    let db1 = site.network.host("db1")?;
    db1.await_condition("[ -z \"$(ls /run/daypass/sessions)\" ]", SOON)?;
    for service in DOORS {
        assert!(!admits(db1, service, "deploy")?, "{service} for deploy");
        assert!(admits(db1, service, "olga")?, "{service} for olga");
    }
    let su = |who: &str, to: &str| {
        let su = db1.user(who, ["su", to, "-c", "id -un"]);
        su.input("let-me-in\n").run()
    };
    let into = su("olga", "deploy")?;
    assert!(!into.success() && into.stdout().is_empty(), "{into}");
    assert!(into.stderr().contains("approved windows only"), "{into}");
    assert_eq!(su("guest", "olga")?.stdout(), "olga\n");
    // It is journalled as that of whoever called it.
    let told = [
        "\"service\":\"su\"",
        "\"account\":\"olga\"",
        "\"account\":\"guest\"",
    ];
    for action in ["session.open", "session.close"] {
        site.await_entry("db1", action, &told)?;
    }
    // root's own su is root's business.
    assert_eq!(db1.root(["su", "deploy", "-c", "id -un"]).ok()?, "deploy\n");
    db1.script(JOB).ok()?;
    db1.await_condition(JOB_REFUSED, SOON)?;
    let ran = db1.root(["test", "-e", "/tmp/ran"]).run()?;
    assert!(!ran.success(), "the job ran");
    db1.script("find /var/spool/cron/atjobs -user deploy -delete")
        .ok()?;
    // That of a session that is over runs on for a few seconds.
    db1.script("systemctl stop user@$(id -u deploy)").ok()?;
    let manager = db1.script("systemctl start user@$(id -u deploy)").run()?;
    assert!(!manager.success(), "{manager}");
    db1.script("systemctl reset-failed").ok().map(drop)
}

fn open(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    with_passwords(site)?;
    let db1 = site.network.host("db1")?;
    let mut shell = site
        .person(CAROL)
        .ssh("deploy@db1", &["echo here; cat"])
        .spawn()?;
    shell.await_text("here", SOON)?;
    for service in DOORS {
        assert!(admits(db1, service, "deploy")?, "{service}");
    }
    db1.script(JOB).ok()?;
    db1.await_condition("test -e /tmp/ran", SOON)?;
    let su = "echo let-me-in | su olga -c 'id -un'";
    let su = site.person(CAROL).ssh("deploy@db1", &[su]).run()?;
    assert!(!su.success() && su.stdout().is_empty(), "{su}");
    assert!(su.stderr().contains("does not grant"), "{su}");
    Ok(())
}

/// The grant is the session's, not the account's.
fn beside(site: &Site) -> Result<()> {
    let wish = Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/id -un");
    carol_gets(site, &wish)?;
    let db1 = site.network.host("db1")?;
    db1.script("rm -f /tmp/beside-*").ok()?;
    let mut shell = site.person(CAROL).ssh("deploy@db1", &["sh"]).spawn()?;
    let asks = |file: &str| {
        format!(
            "sudo -n /usr/bin/id -un >/tmp/beside-{file}.tmp 2>&1; mv /tmp/beside-{file}.tmp /tmp/beside-{file}"
        )
    };
    let (own, later, managed) = (asks("own"), asks("at"), asks("manager"));
    let lines = format!(
        "{own}\necho '{later}' | at now 2>/dev/null\nsystemd-run --user --quiet sh -c '{managed}'\n"
    );
    shell.write(lines.as_bytes())?;
    for file in ["own", "at", "manager"] {
        db1.await_condition(&format!("test -e /tmp/beside-{file}"), SOON)?;
        let said = db1.root(["cat", &format!("/tmp/beside-{file}")]).ok()?;
        let is_root = said.lines().any(|line| line == "root");
        assert_eq!(is_root, file == "own", "{file}: {said}");
    }
    Ok(())
}

fn left_open(site: &Site) -> Result<()> {
    close_all(site)?;
    let db1 = site.network.host("db1")?;
    db1.await_condition("[ -z \"$(ls /run/daypass/sessions)\" ]", SOON)?;
    let allow = "[[allow]]\naccount = \"deploy\"\nservice = \"cron\"\n";
    db1.write("/etc/daypass/agent.toml", allow)?;
    db1.script("systemctl restart daypass-agent").ok()?;
    let admitted = DOORS.map(|service| admits(db1, service, "deploy"));
    let other = admits(db1, "cron", "porter");
    let doctor = db1.root(["daypass-agent", "doctor"]).run();
    db1.script("rm /etc/daypass/agent.toml; systemctl restart daypass-agent")
        .ok()?;
    for (service, admitted) in DOORS.into_iter().zip(admitted) {
        assert_eq!(admitted?, service == "cron", "{service}");
    }
    assert!(!other?, "the door is another account's");
    let doctor = doctor?.stdout();
    assert!(doctor.contains("note   cron is open to deploy"), "{doctor}");
    assert!(!admits(db1, "cron", "deploy")?);
    Ok(())
}

/// login, as getty starts it, on a terminal of its own.
fn console(site: &Site) -> Result<()> {
    close_all(site)?;
    with_passwords(site)?;
    let db1 = site.network.host("db1")?;
    db1.root(["chpasswd"]).input("root:let-me-in\n").ok()?;
    let shown = knock_at_console(site, db1);
    db1.root(["usermod", "--lock", "root"]).ok()?;
    shown
}

fn knock_at_console(site: &Site, db1: &Host) -> Result<()> {
    db1.write("/root/console.py", CONSOLE)?;
    let knock = |who: &str| {
        let words = ["python3", "/root/console.py", "login", who];
        let mut console = db1.root(words).spawn()?;
        console.await_text("Password:", SOON)?;
        console.write(b"let-me-in\n")?;
        Ok::<_, Error>(console)
    };
    for who in ["olga", "root"] {
        let mut console = knock(who)?;
        // What is typed before is thrown away with the password's line.
        console.await_text(&format!("{who}@db1"), SOON)?;
        console.write(b"echo I am $(id -un); exit\n")?;
        console.await_text(&format!("I am {who}"), SOON)?;
        console.wait(SOON)?;
        for action in ["session.open", "session.close"] {
            let account = format!("\"account\":\"{who}\"");
            site.await_entry("db1", action, &["\"service\":\"login\"", &account])?;
        }
    }
    let mut console = knock("deploy")?;
    console.await_text("nobody is logged in to it with an open window", SOON)?;
    console.kill()?;
    let refused = [
        "\"service\":\"login\"",
        "\"account\":\"deploy\"",
        "no-session",
    ];
    site.await_entry("db1", "login.denied", &refused).map(drop)
}
