//! What changes at the authority: its policy, its key, and whose the place of a host is.

use std::time::Duration;

use daypass_tests::{ALICE, BOB, CAROL, Forger, Forgery, MALLORY, Result, SOON, Site, Wish};

use crate::Rows;
use crate::revocations::{CERTIFICATES, outside};
use crate::windows::{carol_gets, close_all};

const HOUR: Duration = Duration::from_secs(3600);
/// Where Carol's ssh reads which hosts to refuse.
const REVOKED_HOSTS: &str = "/home/carol/.local/share/daypass/revoked_hosts";

pub(crate) const ROWS: &Rows = &[
    (
        "where_two_must_approve_the_stolen_ca_and_one_approver_open_nothing",
        two_approvers,
    ),
    (
        "while_the_cas_key_is_rotated_contractors_get_in_as_before",
        rotated,
    ),
    (
        "a_revoked_host_is_refused_by_peoples_ssh_and_comes_back_by_a_token_that_takes_its_place",
        replaced,
    ),
];

fn replaced(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db2", HOUR))?;
    let (db2, alice) = (site.network.host("db2")?, site.person(ALICE));
    let id = || site.person(CAROL).ssh("deploy@db2", &["id", "-un"]).run();
    assert!(id()?.success());
    site.person(BOB).daypass(["revoke", "--host", "db2"]).ok()?;
    site.await_entry("db2", "state.taken", &["new_revocations"])?;
    // Before the host says anything of Carol, her own ssh has heard of it, and believes its certificate no more.
    site.person(CAROL)
        .command(["touch", "-d", "-6 minutes", REVOKED_HOSTS])
        .ok()?;
    let refused = id()?;
    outside(&refused);
    let says = |text| refused.stderr().contains(text);
    assert!(says("revoked by file") && says(REVOKED_HOSTS), "{refused}");
    let (laptop, host_key) = (
        site.network.host("laptop")?,
        db2.script("cat /etc/ssh/ssh_host_ed25519_key.pub").ok()?,
    );
    laptop.write("/root/db2.pub", host_key)?;
    let listed = laptop
        .root(["ssh-keygen", "-Qf", REVOKED_HOSTS, "/root/db2.pub"])
        .run()?;
    assert!(listed.stdout().contains("REVOKED"), "{listed}");
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
