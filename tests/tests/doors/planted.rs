//! What sessions leave for those who come later.

use std::time::Duration;

use daypass_tests::{BOB, CAROL, Result, Site, Wish};

use crate::Rows;
use crate::ends::nothing_is_left;
use crate::windows::carol_gets;

const HOUR: Duration = Duration::from_secs(3600);
/// What is planted is told when somebody has looked, which takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const ROWS: &Rows = &[
    ("what_a_session_plants_is_told_at_its_end", planted),
    (
        "what_is_planted_after_a_session_closed_is_told_as_well",
        planted_later,
    ),
];

/// One command of the contractor's, in a session of its own.
fn visit(site: &Site, line: &str) -> Result<()> {
    let visit = site.person(CAROL).ssh("deploy@db1", &[line]).run()?;
    assert!(visit.success(), "{visit}");
    Ok(())
}

/// A session that leaves something for those who come later, and one that leaves nothing.
fn planted(site: &Site) -> Result<()> {
    // Rows before may have left keys there.
    let bare = "rm -rf ~deploy/.ssh ~deploy/.bash_aliases";
    site.network.host("db1")?.script(bare).ok()?;
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let visit = |line: &str| visit(site, line);
    // The time that an owner can set back is not what is asked.
    visit(
        "umask 077 && mkdir -p .ssh work && chmod 700 .ssh && echo ': planted' >> .bash_aliases && echo 'ssh-ed25519 AAAA' > .ssh/authorized_keys && \
         cp /bin/true work/lent && chmod 4755 work/lent && touch -d 2020-01-01 .bash_aliases .ssh/authorized_keys work/lent",
    )?;
    let told = site.await_entry_within(
        "db1",
        "session.planted",
        &[
            &window,
            ".bash_aliases",
            ".ssh/authorized_keys",
            "work/lent",
            "\"setuid\"",
        ],
        PATIENCE,
    )?;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap_or_default();
    // Those three, and the directory of the keys.
    assert_eq!(told["detail"]["files_count"], 4, "{told}");
    let session = told["origin"]["session"].as_str().unwrap_or_default();
    site.await_entry("db1", "session.close", &[&window, session])?;
    // The next one finds it there and changes nothing; the one after cleans up, which plants nothing either.
    visit("cat .bash_aliases")?;
    visit("rm -r .bash_aliases .ssh/authorized_keys work")?;
    visit("echo ': again' > .bash_aliases")?;
    site.await_entry_within(
        "db1",
        "session.planted",
        &[&window, "\"files_count\":1"],
        PATIENCE,
    )?;
    let entries = site.entries("db1")?;
    let of_the_window = entries
        .iter()
        .filter(|entry| entry.contains("\"session.planted\"") && entry.contains(&window));
    assert_eq!(of_the_window.count(), 2);
    site.network
        .host("db1")?
        .script("rm -f ~deploy/.bash_aliases")
        .ok()?;
    site.person(BOB).daypass(["revoke", &window]).ok()?;
    nothing_is_left(site)
}

/// The user manager and a job go on for a few seconds, and work for who has left.
fn planted_later(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let later = "sleep 2; echo : late > ~/.bash_aliases";
    let job = "echo 'sleep 2120' | at now 2>/dev/null; until pgrep -f '^sleep 2120'; do :; done";
    visit(
        site,
        &format!("systemd-run --user --quiet sh -c '{later}'; {job}"),
    )?;
    let close = site.await_entry("db1", "session.close", &[&window])?;
    let close: serde_json::Value = serde_json::from_str(&close).unwrap_or_default();
    let session = close["origin"]["session"].as_str().unwrap_or_default();
    let db1 = site.network.host("db1")?;
    let told = [
        session,
        ".bash_aliases",
        "\"files_count\":1",
        "\"name\":\"sleep\"",
    ];
    let told = site.await_entry_within("db1", "session.planted", &told, PATIENCE);
    db1.script("rm -f ~deploy/.bash_aliases").ok()?;
    told?;
    site.person(BOB).daypass(["revoke", &window]).ok()?;
    nothing_is_left(site)
}
