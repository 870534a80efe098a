//! sudo-rs beside sudo, as Debian 13 has it: what a window grants runs, nothing else does, one window at a time, and
//! nobody else notices.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use daypass_tests::{BOB, CAROL, Host, MALLORY, Release, Result, Running, SOON, Site, Wish};

use crate::others::from_olga;
use crate::rules::{RULE, under};
use crate::sudo_settings::{LETS_ALL_PASS, OPEN, Visit, undone};
use crate::windows::carol_gets;
use crate::{Row, row};

const HOUR: Duration = Duration::from_secs(3600);
/// Where the root keeps the package.
const PACKAGE: &str = "/var/cache/daypass-tests/sudo-rs_*.deb";

/// Debian 12 has no sudo-rs.
pub(crate) fn rows() -> impl Iterator<Item = Row> {
    type Shown = fn(&Site, &Host) -> Result<()>;
    let rows: [(&'static str, Shown); 7] = [
        (
            "sudo_rs_runs_what_a_window_grants_and_what_it_refuses_by_itself_is_journalled",
            grants,
        ),
        ("sudo_rs_serves_one_window_of_an_account_at_a_time", in_turn),
        (
            "without_the_module_sudo_rs_grants_contractors_nothing_and_goes_on_for_others",
            module_gone,
        ),
        (
            "with_something_else_in_the_modules_place_sudo_rs_grants_contractors_nothing_and_goes_on_for_others",
            module_exchanged,
        ),
        (
            "without_pams_line_sudo_rs_grants_contractors_nothing_and_goes_on_for_others",
            line_gone,
        ),
        (
            "beside_sudo_rs_another_service_of_pams_grants_contractors_nothing",
            other_service,
        ),
        (
            "a_rule_of_the_host_ends_a_session_whichever_sudo_it_calls",
            rules,
        ),
    ];
    let has_sudo_rs = matches!(Release::chosen(), Ok(Release::Trixie));
    let rows = rows.into_iter().filter(move |_| has_sudo_rs);
    rows.map(|(name, shown)| row(name, move |site| beside(site, shown)))
}

/// With sudo-rs installed on db1, and removed afterwards whatever happened.
fn beside(site: &Site, shown: fn(&Site, &Host) -> Result<()>) -> Result<()> {
    let db1 = site.network.host("db1")?;
    db1.script(&format!("dpkg --install {PACKAGE}")).ok()?;
    let shown = catch_unwind(AssertUnwindSafe(|| shown(site, db1)));
    let removed = db1.script("dpkg --remove sudo-rs").ok();
    shown.unwrap_or_else(|panic| resume_unwind(panic))?;
    removed.map(drop)
}

fn wish(item: &str) -> Wish {
    Wish::deploy_on("db1", HOUR).with("--sudo", item)
}

/// A contractor's shell that does what it is told.
pub(crate) fn shell(site: &Site, who: &str) -> Result<Running> {
    shell_in(site, who, "deploy@db1")
}

/// The same in an account of one's choice.
pub(crate) fn shell_in(site: &Site, who: &str, account: &str) -> Result<Running> {
    let mut shell = site.person(who).ssh(account, &["sh 2>&1"]).spawn()?;
    shell.write(b"echo inside\n")?;
    shell.await_text("inside\n", SOON)?;
    Ok(shell)
}

/// What a line in it says, to the end.
pub(crate) fn says(shell: &mut Running, line: &str, number: u32) -> Result<String> {
    let (before, _) = shell.so_far();
    shell.write(format!("{line}; echo said {number}\n").as_bytes())?;
    let end = format!("said {number}\n");
    shell.await_text(&end, SOON)?;
    let (now, _) = shell.so_far();
    Ok(now[before.len()..].replace(&end, ""))
}

/// The ordinary user and root use it as ever, and read nothing of ours.
pub(crate) fn others_go_on(site: &Site, sudo: &str) -> Result<()> {
    for who in ["olga", "root"] {
        let output = from_olga(
            site,
            &[],
            &format!("{who}@db1"),
            &format!("{sudo} -n id -un"),
        )?;
        assert_eq!(output.stdout(), "root\n", "{who}: {output}");
        assert_eq!(output.stderr(), "", "{who}: {output}");
    }
    Ok(())
}

fn grants(site: &Site, db1: &Host) -> Result<()> {
    let window = carol_gets(site, &wish("/usr/bin/id -un"))?;
    let mut carol = shell(site, CAROL)?;
    assert_eq!(says(&mut carol, "sudo-rs -n id -un", 1)?, "root\n");
    // The original reads the same rules.
    assert_eq!(says(&mut carol, "sudo -n id -un", 2)?, "root\n");
    others_go_on(site, "sudo-rs")?;
    for action in ["sudo.request", "sudo.start", "sudo.end"] {
        site.await_entry("db1", action, &[&window, "sudo-rs -n id -un"])?;
    }
    // It tells nobody of what it refuses, so a single call may go unseen while a machine is busy.
    let mut number = 3;
    daypass_tests::until("the entry of a refused command", SOON, || {
        let said = says(&mut carol, "sudo-rs -n /usr/bin/true --help", number)?;
        assert!(said.contains("I'm sorry deploy"), "{said}");
        number += 1;
        let entry = site.last("db1", "sudo.denied")?;
        Ok(entry.is_some_and(|entry| entry.contains(&window) && entry.contains("true --help")))
    })?;
    let listed = says(&mut carol, "sudo-rs -n -l", number)?;
    assert!(listed.contains("/usr/bin/id -un"), "{listed}");
    let doctor = db1.root(["daypass-agent", "doctor"]).run()?.stdout();
    assert!(doctor.contains("sudo-rs is installed"), "{doctor}");
    Ok(())
}

fn in_turn(site: &Site, _: &Host) -> Result<()> {
    carol_gets(site, &wish("/usr/bin/id -un"))?;
    let mallorys = site.person(MALLORY).request(&wish("/usr/bin/id -gn"))?;
    site.person(BOB).approve(&mallorys)?;
    let mut carol = shell(site, CAROL)?;
    let mut mallory = shell(site, MALLORY)?;
    site.await_entry("db1", "session.open", &[&mallorys, "sudo_taken_by"])?;
    assert_eq!(says(&mut carol, "sudo-rs -n id -un", 1)?, "root\n");
    // Her rules are not his, with either sudo.
    for (number, sudo) in [(1, "sudo-rs"), (2, "sudo")] {
        let said = says(&mut mallory, &format!("{sudo} -n id -un"), number)?;
        assert!(!said.contains("root"), "{said}");
        let said = says(&mut mallory, &format!("{sudo} -n id -gn"), number + 2)?;
        assert!(!said.contains("root"), "{said}");
    }
    site.await_entry("db1", "sudo.denied", &[&mallorys, "sudo-taken", "carol"])?;
    // Her second session has it as well, and when the last is over it is his.
    let mut again = shell(site, CAROL)?;
    carol.close_input();
    carol.wait(SOON)?;
    assert_eq!(says(&mut again, "sudo-rs -n id -un", 1)?, "root\n");
    again.close_input();
    again.wait(SOON)?;
    let mut number = 5;
    daypass_tests::until("sudo for who comes next", SOON, || {
        number += 1;
        Ok(says(&mut mallory, "sudo-rs -n id -gn", number)? == "root\n")
    })?;
    site.person(MALLORY)
        .daypass(["end", &mallorys])
        .ok()
        .map(drop)
}

fn rules(site: &Site, db1: &Host) -> Result<()> {
    under(db1, RULE, || {
        for (command, action) in [
            ("sudo-rs -n id -G", "sudo.denied"),
            // Not granted: a look from outside finds it, unless the machine is busy.
            ("while :; do sudo-rs -n true -G; done", "session.end"),
        ] {
            let window = carol_gets(site, &wish("/usr/bin/id"))?;
            let mut carol = shell(site, CAROL)?;
            assert_eq!(says(&mut carol, "sudo-rs -n id -un", 1)?, "root\n");
            carol.write(format!("{command}\n").as_bytes())?;
            site.await_entry("db1", action, &[&window, "ended-by-rule"])?;
            site.await_entry("db1", "session.end", &[&window, "no-groups"])?;
            assert!(!carol.wait(SOON)?.success());
        }
        others_go_on(site, "sudo-rs")
    })
}

fn module_gone(site: &Site, db1: &Host) -> Result<()> {
    let take = "module=$(ls /usr/lib/*/security/pam_daypass.so); echo $module > /root/module; mv $module /root/";
    let back = "mv /root/pam_daypass.so $(cat /root/module)";
    without(site, db1, &["sudo-rs", "sudo"], take, back, || Ok(()))
}

fn module_exchanged(site: &Site, db1: &Host) -> Result<()> {
    let take = "module=$(ls /usr/lib/*/security/pam_daypass.so); echo $module > /root/module; mv $module /root/; \
        head -c 100000 /dev/urandom > $module";
    let back = "mv /root/pam_daypass.so $(cat /root/module)";
    without(site, db1, &["sudo-rs", "sudo"], take, back, || Ok(()))
}

fn line_gone(site: &Site, db1: &Host) -> Result<()> {
    let take =
        "cp -a /etc/pam.d/common-account /root/; sed -i /pam_daypass/d /etc/pam.d/common-account";
    let back = "mv /root/common-account /etc/pam.d/";
    without(site, db1, &["sudo-rs", "sudo"], take, back, || Ok(()))
}

/// The rules of an account say nothing about PAM, so that a site's words count wherever they stand. sudo-rs does not know them.
fn other_service(site: &Site, db1: &Host) -> Result<()> {
    let file = "/etc/sudoers.d/aa-site";
    undone(db1, &format!("rm -f {file} {OPEN}"), || {
        db1.write(OPEN, LETS_ALL_PASS)?;
        let (mut visit, _) = Visit::begin(site)?;
        for setting in ["pam_service=site-open", "!pam_session"] {
            let done = format!("echo 'Defaults {setting}' > {file}");
            let told = ["sudo-settings", &format!("`{setting}`")];
            visit.is_shut_out_by(&done, &format!("rm {file}"), &told, || Ok(()))?;
        }
        Ok(())
    })
}

/// What PAM asks us by is taken away for a while, and put back whatever happened. None of these sudos serves meanwhile, and
/// what is to be seen besides is `told`.
pub(crate) fn without(
    site: &Site,
    db1: &Host,
    sudos: &[&str],
    take: &str,
    back: &str,
    told: impl FnOnce() -> Result<()>,
) -> Result<()> {
    carol_gets(site, &wish("/usr/bin/id -un"))?;
    let mut carol = shell(site, CAROL)?;
    let mut number = 0;
    let mut says = |sudo: &str| {
        number += 1;
        says(&mut carol, &format!("{sudo} -n id -un"), number)
    };
    assert_eq!(says(sudos[0])?, "root\n");
    db1.script(take).ok()?;
    let shown = catch_unwind(AssertUnwindSafe(|| {
        db1.await_condition("[ -z \"$(ls /run/daypass/sudoers.d)\" ]", SOON)?;
        for sudo in sudos {
            let said = says(sudo)?;
            assert!(!said.contains("root"), "{said}");
        }
        others_go_on(site, sudos[0])?;
        told()
    }));
    db1.script(back).ok()?;
    shown.unwrap_or_else(|panic| resume_unwind(panic))?;
    daypass_tests::until("sudo as before", SOON, || Ok(says(sudos[0])? == "root\n"))
}
