//! What is taken away again: at once, on every host, and by whom.

use std::time::Duration;

use daypass_tests::{ALICE, BOB, CAROL, Output, Result, SOON, Site, Wish};
use serde_json::Value;

use crate::Rows;
use crate::others::move_in;
use crate::windows::{carol_gets, close_all};

const HOUR: Duration = Duration::from_secs(3600);
/// Where Carol's certificates are kept by `daypass login`.
pub(crate) const CERTIFICATES: &str = "/home/carol/.local/share/daypass/certificates";

/// What is measured by the clock, to be played while nothing else is.
pub(crate) const BY_THE_CLOCK: &Rows = &[(
    "a_revoked_window_ends_its_session_within_a_second",
    within_a_second,
)];

pub(crate) const ROWS: &Rows = &[
    (
        "a_revoked_certificate_is_refused_by_sshds_own_list_too",
        listed,
    ),
    (
        "a_revocation_reaches_a_host_that_was_away_through_the_collector_while_the_ca_is_down",
        through_the_collector,
    ),
    (
        "what_a_revoked_key_granted_admits_no_new_login_and_whoever_is_in_stays",
        revoked_approver,
    ),
    (
        "a_person_who_is_removed_loses_sessions_and_windows_in_one_command",
        offboarded,
    ),
];

pub(crate) fn outside(output: &Output) {
    assert!(!output.success() && output.stdout.is_empty(), "{output}");
}

fn within_a_second(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let mut terminal = site
        .person(CAROL)
        .terminal("deploy@db1", "echo here; sleep 2011")?;
    terminal.await_text("here", SOON)?;
    site.person(BOB).daypass(["revoke", &window]).ok()?;
    let deadline = site
        .network
        .host("laptop")?
        .root(["date", "-u", "-d", "+1 second", "+%Y-%m-%dT%H:%M:%S.%6NZ"])
        .ok()?;
    let end = site.await_entry("db1", "session.end", &[&window])?;
    let end: Value = serde_json::from_str(&end).unwrap_or_default();
    let time = end["time"].as_str().unwrap_or("never");
    assert!(time <= deadline.trim(), "{end} came after {deadline}");
    assert!(!terminal.wait(SOON)?.success());
    outside(&site.person(CAROL).ssh("deploy@db1", &["id"]).run()?);
    Ok(())
}

/// The hash of a window's document, which statements name.
pub(crate) fn hash_of(site: &Site, window: &str) -> Result<String> {
    let shown = site.person(BOB).daypass(["show", window]).ok()?;
    let hash = shown.split("sha256 ").nth(1).unwrap_or_default();
    Ok(hash.chars().take(64).collect())
}

/// The CA says it and is gone; the host, which was away, hears of it all the same.
fn through_the_collector(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    let (server, db1) = (site.network.host("server")?, site.network.host("db1")?);
    // The sockets stay: whoever comes meanwhile waits for the agent.
    db1.root(["systemctl", "stop", "daypass-agent.service"])
        .ok()?;
    site.person(BOB).daypass(["revoke", &window]).ok()?;
    let known = format!(
        "grep -qF {} /var/lib/daypass/collector/authority.json",
        hash_of(site, &window)?
    );
    let stopped = server
        .await_condition(&known, SOON)
        .and_then(|()| {
            let units = [
                "systemctl",
                "stop",
                "daypass-ca.service",
                "daypass-ca.socket",
            ];
            server.root(units).ok()
        })
        .and_then(|_| {
            db1.root(["systemctl", "start", "daypass-agent.service"])
                .ok()
        })
        .and_then(|_| site.await_entry("db1", "state.taken", &["\"via\":", "new_stops"]))
        .and_then(|_| site.person(CAROL).ssh("deploy@db1", &["id"]).run());
    server.root(["systemctl", "start", "daypass-ca"]).ok()?;
    outside(&stopped?);
    site.await_entry("db1", "login.denied", &["window-revoked"])?;
    site.await_reader(BOB)
}

/// `ssh-keygen -Q` is the judge of the list that stands before sshd.
fn listed(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    let (laptop, db1) = (site.network.host("laptop")?, site.network.host("db1")?);
    let certificate = laptop
        .script(&format!(
            "cat $(find {CERTIFICATES} -name '*-cert.pub' | head -n1)"
        ))
        .ok()?;
    db1.write("/root/carol-cert.pub", &certificate)?;
    let query = "ssh-keygen -Q -f /etc/daypass/ssh/revoked_keys /root/carol-cert.pub";
    db1.script(query).ok()?;
    let shown = db1
        .root(["ssh-keygen", "-L", "-f", "/root/carol-cert.pub"])
        .ok()?;
    let serial = shown
        .lines()
        .find_map(|line| line.trim().strip_prefix("Serial: "))
        .unwrap_or_default()
        .to_owned();
    site.person(BOB)
        .daypass(["revoke", "--serial", &serial])
        .ok()?;
    db1.await_condition(&format!("! {query}"), SOON)?;
    // The cached certificate is refused by sshd, before it asks the agent.
    move_in(site, "192.0.2.94")?;
    let ssh = format!(
        "ssh -b 192.0.2.94 -oBatchMode=yes -F none -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null \
         -i .ssh/id_ed25519 -oCertificateFile=$(find {CERTIFICATES} -name '*-cert.pub' | head -n1) \
         deploy@db1 id"
    );
    outside(&site.person(CAROL).command(["sh", "-c", &ssh]).run()?);
    let shown = format!("(serial {serial}) CA ");
    let denied = ["\"code\":\"on-revoked-list\"", &shown];
    site.await_entry("db1", "login.denied", &denied)?;
    // Another certificate of the same window is as good as ever.
    site.person(CAROL)
        .command(["rm", "-rf", CERTIFICATES])
        .ok()?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    Ok(())
}

/// An approver for this row alone: the others' keys are needed still.
fn revoked_approver(site: &Site) -> Result<()> {
    const DORA: &str = "dora";
    close_all(site)?;
    site.hire(DORA, "approver")?;
    let fingerprint = ["ssh-keygen", "-lf", ".ssh/id_ed25519.pub"];
    let said = site.person(DORA).command(fingerprint).ok()?;
    let key = said.split_whitespace().nth(1).unwrap_or_default();
    let alice = site.person(ALICE);
    site.person(DORA)
        .grant(CAROL, &Wish::deploy_on("db1", HOUR))?;

    let carol = site.person(CAROL);
    let mut inside = carol.ssh("deploy@db1", &["echo here; cat"]).spawn()?;
    inside.await_text("here", SOON)?;
    let id = || carol.ssh("deploy@db1", &["id", "-un"]).run();
    assert!(id()?.success());
    alice.daypass(["revoke", "--key", key]).ok()?;
    // With the certificate that she has; and there is no other one.
    daypass_tests::until("the host to hear of it", SOON, || Ok(!id()?.success()))?;
    let denied = site.await_entry("db1", "login.denied", &["statement-key-revoked"])?;
    assert!(denied.contains(key), "{denied}");
    carol.command(["rm", "-rf", CERTIFICATES]).ok()?;
    outside(&id()?);
    let why = carol
        .daypass(["login", "--host", "db1", "--user", "deploy"])
        .run()?;
    assert!(why.stderr().contains("needs a new approval"), "{why}");
    inside.write(b"still here\n")?;
    inside.await_text("still here", SOON)?;

    alice.daypass(["person", "remove", DORA, "--yes"]).ok()?;
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let again = id()?;
    assert_eq!(again.stdout(), "deploy\n", "{again}");
    Ok(())
}

/// A contractor for this row alone: the rows to come have work for the others.
fn offboarded(site: &Site) -> Result<()> {
    const ERIN: &str = "erin";
    site.hire(ERIN, "contractor")?;
    let wish = Wish::deploy_on("db1", HOUR);
    let window = site.person(BOB).grant(ERIN, &wish)?;
    let mut terminal = site
        .person(ERIN)
        .terminal("deploy@db1", "echo here; sleep 2012")?;
    terminal.await_text("here", SOON)?;
    site.person(ALICE)
        .daypass(["person", "remove", ERIN, "--yes"])
        .ok()?;
    site.await_entry("db1", "session.end", &[ERIN, &window])?;
    assert!(!terminal.wait(SOON)?.success());
    outside(&site.person(ERIN).ssh("deploy@db1", &["id"]).run()?);
    let people = site.person(ALICE).daypass(["person", "list"]).ok()?;
    assert!(!people.contains(ERIN), "{people}");
    let again = site
        .person(BOB)
        .daypass([
            "grant",
            "--yes",
            "--to",
            ERIN,
            "--host",
            "db1",
            "--account",
            "deploy",
            "--for",
            "1h",
            "--reason",
            "back",
        ])
        .run()?;
    assert_eq!(again.code(), Some(1), "{again}");
    Ok(())
}
