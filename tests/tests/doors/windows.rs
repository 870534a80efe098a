//! What a window must be before it opens anything.

use std::time::Duration;

use daypass_tests::{ALICE, BOB, CAROL, MALLORY, Output, Result, Site, Wish};

use crate::Rows;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const ROWS: &Rows = &[
    ("scp_rsync_and_git_work_through_plain_ssh", other_tools),
    ("an_approved_window_opens_its_account_on_its_host", opens),
    ("a_window_granted_by_an_approver_opens_too", granted),
    ("without_a_window_nobody_gets_in", no_window),
    (
        "a_window_that_is_not_yet_approved_opens_nothing",
        not_approved,
    ),
    ("a_denied_window_opens_nothing", denied),
    ("nobody_approves_their_own_window", own_approval),
    ("a_window_that_has_not_started_opens_nothing", before_start),
    ("a_window_opens_no_other_host", wrong_host),
    ("a_window_opens_no_other_account", wrong_account),
    ("who_ends_one_window_gets_in_by_the_next_at_once", next_one),
    ("a_window_grants_its_sudo_command_and_no_other", sudo),
    ("a_window_without_sudo_grants_none", no_sudo),
];

fn refused(output: &Output) {
    assert!(!output.success() && output.stdout.is_empty(), "{output}");
}

/// Plain ssh gets no certificate, so sshd is shown none; the CA's journal says why there is none.
fn no_certificate(site: &Site, person: &str, code: &str) -> Result<()> {
    let (who, why) = (
        format!("\"person\":\"{person}\""),
        format!("\"code\":\"{code}"),
    );
    let told = || -> Result<usize> {
        let entries = site.servers_own_entries("ca")?.into_iter();
        let is_it = |entry: &String| {
            entry.contains("\"action\":\"certificate.refused\"")
                && entry.contains(&who)
                && entry.contains(&why)
        };
        Ok(entries.filter(is_it).count())
    };
    let before = told()?;
    refused(&site.person(person).ssh("deploy@db1", &["id"]).run()?);
    assert!(told()? > before, "no entry with {who} and {why}");
    Ok(())
}

/// A window for Carol from now on; whatever windows she had before are ended.
pub(crate) fn carol_gets(site: &Site, wish: &Wish) -> Result<String> {
    close_all(site)?;
    let window = site.person(CAROL).request(wish)?;
    site.person(BOB).approve(&window)?;
    Ok(window)
}

/// Ends every window of Carol's, so that the next row starts from nothing, certificates included.
pub(crate) fn close_all(site: &Site) -> Result<()> {
    let listed = site.person(CAROL).daypass(["windows", "-o", "json"]).ok()?;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap_or_default();
    for view in listed.as_array().into_iter().flatten() {
        let document: serde_json::Value =
            serde_json::from_str(view["window"].as_str().unwrap_or_default()).unwrap_or_default();
        let over = ["closed", "denied", "ended", "revoked", "lapsed"]
            .contains(&view["state"].as_str().unwrap_or_default());
        if let (false, Some(id)) = (over, document["id"].as_str()) {
            site.person(CAROL).daypass(["end", id]).ok()?;
        }
    }
    site.person(CAROL)
        .command(["rm", "-rf", ".local/share/daypass/certificates"])
        .ok()
        .map(drop)
}

fn opens(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    assert_eq!(
        site.person(CAROL).ssh("deploy@db1", &["id", "-un"]).ok()?,
        "deploy\n"
    );
    site.await_entry("db1", "session.open", &[CAROL, &window])?;
    site.await_entry("db1", "session.close", &[CAROL, &window])?;
    Ok(())
}

/// The certificate of the window that is over is not in the way of the next one.
fn next_one(site: &Site) -> Result<()> {
    let first = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    site.person(CAROL).daypass(["end", &first]).ok()?;
    refused(&site.person(CAROL).ssh("deploy@db1", &["true"]).run()?);
    let second = site.person(CAROL).request(&Wish::deploy_on("db1", HOUR))?;
    site.person(BOB).approve(&second)?;
    site.person(CAROL)
        .ssh("deploy@db1", &["true"])
        .ok()
        .map(drop)
}

fn other_tools(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let work = "export GIT_SSH_COMMAND='ssh -oBatchMode=yes' RSYNC_RSH='ssh -oBatchMode=yes'; \
        echo one > one; scp -q -oBatchMode=yes one deploy@db1:; rsync one deploy@db1:two; \
        ssh -oBatchMode=yes deploy@db1 'cat one two; git init -q --bare repository'; \
        git ls-remote deploy@db1:repository";
    let seen = site.person(CAROL).command(["sh", "-ec", work]).ok()?;
    assert_eq!(seen, "one\none\n");
    Ok(())
}

fn granted(site: &Site) -> Result<()> {
    close_all(site)?;
    site.person(BOB)
        .grant(CAROL, &Wish::deploy_on("db1", HOUR))?;
    assert_eq!(
        site.person(CAROL).ssh("deploy@db1", &["id", "-un"]).ok()?,
        "deploy\n"
    );
    Ok(())
}

fn no_window(site: &Site) -> Result<()> {
    no_certificate(site, MALLORY, "no-window\"")
}

fn not_approved(site: &Site) -> Result<()> {
    close_all(site)?;
    site.person(CAROL).request(&Wish::deploy_on("db1", HOUR))?;
    no_certificate(site, CAROL, "not-approved\"")
}

fn denied(site: &Site) -> Result<()> {
    close_all(site)?;
    let window = site.person(CAROL).request(&Wish::deploy_on("db1", HOUR))?;
    site.person(BOB).daypass(["deny", &window]).ok()?;
    // Of this window or of another one that is over: there is none else.
    no_certificate(site, CAROL, "window-")
}

fn own_approval(site: &Site) -> Result<()> {
    close_all(site)?;
    let window = site.person(CAROL).request(&Wish::deploy_on("db1", HOUR))?;
    let own = site
        .person(CAROL)
        .daypass(["approve", "--yes", &window])
        .run()?;
    assert_eq!(own.code(), Some(1), "{own}");
    let granted = site
        .person(BOB)
        .daypass([
            "grant",
            "--yes",
            "--to",
            BOB,
            "--host",
            "db1",
            "--account",
            "deploy",
            "--for",
            "1h",
            "--reason",
            "mine",
        ])
        .run()?;
    assert_eq!(granted.code(), Some(1), "{granted}");
    refused(&site.person(CAROL).ssh("deploy@db1", &["id"]).run()?);
    Ok(())
}

fn before_start(site: &Site) -> Result<()> {
    close_all(site)?;
    later_window(site)?;
    no_certificate(site, CAROL, "window-not-open-yet\"")
}

/// An approved window of Carol's that opens in an hour; its id.
pub(crate) fn later_window(site: &Site) -> Result<String> {
    let laptop = site.network.host("laptop")?;
    let at = |offset: &str| {
        laptop
            .root(["date", "-u", "-d", offset, "+%Y-%m-%dT%H:%M:%SZ"])
            .ok()
    };
    let (from, until) = (at("now + 1 hour")?, at("now + 2 hours")?);
    let request = [
        "request",
        "--yes",
        "--host",
        "db1",
        "--account",
        "deploy",
        "--from",
        from.trim(),
        "--until",
        until.trim(),
        "--reason",
        "later",
    ];
    let printed = site.person(CAROL).daypass(request).ok()?;
    let window = printed
        .split_whitespace()
        .find(|word| word.starts_with("w-"))
        .unwrap_or_default();
    site.person(BOB).approve(window)?;
    Ok(window.to_owned())
}

fn wrong_host(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    refused(&site.person(CAROL).ssh("deploy@db2", &["id"]).run()?);
    // The same certificate, shown to db2 all the same.
    let by_hand = "ssh -F none -oBatchMode=yes -oIdentitiesOnly=yes -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null \
        -oCertificateFile=$(ls .local/share/daypass/certificates/*-cert.pub | head -n 1) -i .ssh/id_ed25519 deploy@db2 id";
    refused(&site.person(CAROL).command(["sh", "-c", by_hand]).run()?);
    let code = "\"code\":\"wrong-host\"";
    site.await_entry("db2", "login.denied", &[&window, code])?;
    Ok(())
}

fn wrong_account(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    let by_hand = "ssh -F none -oBatchMode=yes -oIdentitiesOnly=yes -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null \
        -oCertificateFile=$(ls .local/share/daypass/certificates/*-cert.pub | head -n 1) -i .ssh/id_ed25519 backup@db1 id";
    refused(
        &site
            .person(CAROL)
            .command(["sh", "-c", &by_hand.replace("backup@", "porter@")])
            .run()?,
    );
    let parts = [
        &window,
        "\"code\":\"wrong-account\"",
        "\"account\":\"porter\"",
    ];
    site.await_entry("db1", "login.denied", &parts)?;
    Ok(())
}

fn sudo(site: &Site) -> Result<()> {
    let window = carol_gets(
        site,
        &Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/systemctl restart cron.service"),
    )?;
    let carol = site.person(CAROL);
    carol
        .ssh(
            "deploy@db1",
            &["sudo -n /usr/bin/systemctl restart cron.service"],
        )
        .ok()?;
    site.await_entry("db1", "sudo.request", &[CAROL, "restart cron.service"])?;
    site.await_entry("db1", "sudo.start", &[CAROL])?;
    site.await_entry("db1", "sudo.end", &[CAROL])?;
    // With -n and without: nobody is asked for a password, and the journal has the command line.
    for other in [
        "-n /usr/bin/systemctl stop cron.service",
        "/usr/bin/id --user",
        "-n -i",
        "-n -u nobody /usr/bin/true",
    ] {
        let refusal = carol.ssh("deploy@db1", &[&format!("sudo {other}")]).run()?;
        refused(&refusal);
        assert!(
            refusal.stderr().contains(&format!("daypass show {window}")),
            "{refusal}"
        );
        let line = format!("sudo {other}\"");
        site.await_entry(
            "db1",
            "sudo.denied",
            &[CAROL, &window, &line, "sudo-not-granted", "\"s-"],
        )?;
    }
    // What runs nothing and needs no password is no denial.
    carol.ssh("deploy@db1", &["sudo -n -l"]).ok()?;
    carol.ssh("deploy@db1", &["sudo -n -v"]).ok()?;
    let entries = site.entries("db1")?;
    let told = |line: &str| {
        let line = format!("{line}\"");
        let denials = entries
            .iter()
            .filter(|entry| entry.contains("\"sudo.denied\""));
        denials.filter(|entry| entry.contains(&line)).count()
    };
    assert_eq!(told("sudo -n -l"), 0);
    assert_eq!(told("sudo -n -v"), 0);
    assert_eq!(told("sudo /usr/bin/id --user"), 1, "once");
    Ok(())
}

fn no_sudo(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    refused(
        &site
            .person(CAROL)
            .ssh("deploy@db1", &["sudo -n /usr/bin/id"])
            .run()?,
    );
    let line = "sudo -n /usr/bin/id\"";
    site.await_entry("db1", "sudo.denied", &[CAROL, &window, line])?;
    assert!(
        site.person(ALICE)
            .daypass(["windows"])
            .ok()?
            .contains(CAROL)
    );
    Ok(())
}
