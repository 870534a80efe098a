//! What is taken away again: at once, on every host, and by whom.

use std::time::Duration;

use daypass_tests::{
    ALICE, BOB, CAROL, Forger, Forgery, MALLORY, Output, Result, SOON, Site, Wish,
};
use serde_json::Value;

use crate::Rows;
use crate::windows::{carol_gets, close_all};

const HOUR: Duration = Duration::from_secs(3600);
/// Where Carol's certificates are kept by `daypass login`.
const CERTIFICATES: &str = "/home/carol/.local/share/daypass/certificates";

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
        "where_two_must_approve_the_stolen_ca_and_one_approver_open_nothing",
        two_approvers,
    ),
    (
        "while_the_cas_key_is_rotated_contractors_get_in_as_before",
        rotated,
    ),
    (
        "a_revoked_host_comes_back_by_a_token_that_takes_its_place",
        replaced,
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

fn outside(output: &Output) {
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
fn hash_of(site: &Site, window: &str) -> Result<String> {
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

fn replaced(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db2", HOUR))?;
    let (db2, alice) = (site.network.host("db2")?, site.person(ALICE));
    let id = || site.person(CAROL).ssh("deploy@db2", &["id", "-un"]).run();
    assert!(id()?.success());
    site.person(BOB).daypass(["revoke", "--host", "db2"]).ok()?;
    site.await_entry("db2", "state.taken", &["new_revocations"])?;
    outside(&id()?);
    let enroll = |words: &[&str]| {
        let token = alice.daypass(["host", "token", "db2", "--replace"]).ok()?;
        let words = ["daypass-agent", "enroll"].iter().chain(words);
        db2.root(words).input(format!("{}\n", token.trim())).run()
    };
    let again = enroll(&[])?;
    assert!(again.stderr().contains("--anew"), "{again}");
    // Who comes back within the second of the revocation needs another token.
    daypass_tests::until("the host to come back", SOON, || {
        let anew = enroll(&["--anew"])?;
        let is_too_soon = anew.stderr().contains("revoked at this moment");
        assert!(anew.success() || is_too_soon, "{anew}");
        Ok(anew.success())
    })?;
    db2.script("ls -d /var/log/daypass/journal-*").ok()?;
    for name in [ALICE, BOB, CAROL, MALLORY] {
        site.person(name).daypass(["setup", "--refresh"]).ok()?;
    }
    site.person(CAROL)
        .command(["rm", "-rf", CERTIFICATES])
        .ok()?;
    let back = id()?;
    assert_eq!(back.stdout(), "deploy\n", "{back}");
    Ok(())
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
    // The cached certificate is refused, by the agent and by sshd.
    let ssh = format!(
        "ssh -oBatchMode=yes -F none -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null \
         -i .ssh/id_ed25519 -oCertificateFile=$(find {CERTIFICATES} -name '*-cert.pub' | head -n1) \
         deploy@db1 id"
    );
    outside(&site.person(CAROL).command(["sh", "-c", &ssh]).run()?);
    // Another certificate of the same window is as good as ever.
    site.person(CAROL)
        .command(["rm", "-rf", CERTIFICATES])
        .ok()?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    Ok(())
}

fn two_approvers(site: &Site) -> Result<()> {
    close_all(site)?;
    let alice = site.person(ALICE);
    let set = |approvals: u8| -> Result<String> {
        let change = format!(
            "daypass policy show | sed 's/^approvals = .*/approvals = {approvals}/' > policy.toml; \
             daypass policy set policy.toml --yes"
        );
        alice.command(["sh", "-ec", &change]).ok()
    };
    let said = set(2)?;
    let number = said
        .split_whitespace()
        .find_map(|word| word.trim_end_matches('.').parse::<u64>().ok())
        .unwrap_or_default();
    site.await_entry("db1", "state.taken", &[&format!("\"roster\":{number}")])?;
    let window = site.person(CAROL).request(&Wish::deploy_on("db1", HOUR))?;
    site.person(BOB).approve(&window)?;
    let forger = Forger::with_stolen_key(site)?;
    let papers = forger.papers(&window)?;
    // What the thief can add: Bob's signature once more, his key being stolen as well, and another's name over it.
    let twice = forger.sign(
        papers.clone(),
        &[
            ("request", CAROL, CAROL),
            ("approve", BOB, BOB),
            ("approve", BOB, BOB),
        ],
    )?;
    let renamed = forger.sign(
        papers.clone(),
        &[
            ("request", CAROL, CAROL),
            ("approve", BOB, BOB),
            ("approve", ALICE, BOB),
        ],
    )?;
    for (papers, code) in [
        (papers, "not-approved"),
        (twice, "approved-twice"),
        (renamed, "signature-foreign-key"),
    ] {
        outside(&forger.try_on("deploy@db1", &Forgery::of(papers))?);
        forger.await_refusal("db1", code)?;
    }
    set(1)?;
    Ok(())
}

/// After each step the host trusts what it should, and plain ssh with a fresh certificate works.
fn rotated(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let (server, db1) = (site.network.host("server")?, site.network.host("db1")?);
    let before = db1.script("cat /etc/daypass/ssh/user_ca.pub").ok()?;
    for (step, keys) in [("add", 2), ("use", 2), ("retire", 1)] {
        server.root(["daypass-ca", "key", step, "user-ca"]).ok()?;
        server.root(["systemctl", "restart", "daypass-ca"]).ok()?;
        let trusted = format!("test $(grep -c . /etc/daypass/ssh/user_ca.pub) = {keys}");
        db1.await_condition(&trusted, SOON)?;
        site.person(CAROL)
            .command(["rm", "-rf", CERTIFICATES])
            .ok()?;
        site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    }
    let after = db1.script("cat /etc/daypass/ssh/user_ca.pub").ok()?;
    assert_ne!(before, after);
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
