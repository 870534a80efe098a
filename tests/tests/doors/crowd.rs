//! Many at once: sessions that are held, logins at the same moment, sudo without a pause.

use std::time::Duration;

use daypass_tests::{CAROL, Host, Result, Running, SOON, Site, Wish};

use crate::Rows;
use crate::windows::carol_gets;

const HOUR: Duration = Duration::from_secs(3600);
/// A machine that is busy with something else takes minutes for what an idle one does in half of one.
const PATIENCE: Duration = Duration::from_secs(600);
const HELD: usize = 500;
const AT_ONCE: usize = 50;
/// Hands that call sudo, and how often each does.
const HANDS: usize = 4;
const CALLS: usize = 125;

pub(crate) const ROWS: &Rows = &[(
    "five_hundred_sessions_are_held_while_fifty_log_in_at_once_and_sudo_goes_on",
    crowd,
)];

/// Cheap for the laptop: what is tried is the host.
const SSH: &str = "ssh -F none -oBatchMode=yes -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null \
    -oLogLevel=ERROR -oIdentitiesOnly=yes -oCertificateFile=kept-cert.pub -i .ssh/id_ed25519 \
    -oConnectTimeout=60";

fn crowd(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let many = "/etc/ssh/sshd_config.d/10-crowd.conf";
    db1.write(many, "MaxStartups 1000\n")?;
    let shown = db1.reload_sshd().and_then(|()| served(site, db1));
    db1.root(["rm", many]).ok()?;
    db1.reload_sshd()?;
    shown
}

fn served(site: &Site, db1: &Host) -> Result<()> {
    let wish = Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/true");
    let window = carol_gets(site, &wish)?;
    let carol = site.person(CAROL);
    carol.ssh("deploy@db1", &["true"]).ok()?;
    let keep = "cp $(ls .local/share/daypass/certificates/*-cert.pub | head -n 1) kept-cert.pub";
    carol.command(["sh", "-c", keep]).ok()?;
    let mut held = hold(site, db1)?;

    let login = format!("{SSH} deploy@db1 'echo in; sudo -n /usr/bin/true && echo served'");
    let logins = format!("for n in $(seq {AT_ONCE}); do {login} & done; wait");
    let calls = format!(
        "for hand in $(seq {HANDS}); do (for n in $(seq {CALLS}); do sudo -n /usr/bin/true && echo ok; done) & done; wait"
    );
    let calls = format!("{SSH} deploy@db1 '{calls}'");
    let calling = carol.command(["sh", "-c", &calls]).spawn()?;
    let logins = carol
        .command(["sh", "-c", &logins])
        .within(PATIENCE)
        .run()?;
    let calls = calling.wait(PATIENCE)?;
    let count = |text: &str, word: &str| text.lines().filter(|line| *line == word).count();
    assert_eq!(count(&logins.stdout(), "in"), AT_ONCE, "{logins}");
    assert_eq!(count(&logins.stdout(), "served"), AT_ONCE, "{logins}");
    assert_eq!(count(&calls.stdout(), "ok"), HANDS * CALLS, "{calls}");

    // All are tracked: with the window they are gone, each with its entry.
    site.person(CAROL).daypass(["end", &window]).ok()?;
    db1.await_condition("! pgrep -u deploy", PATIENCE)?;
    held.close_input();
    held.wait(PATIENCE)?;
    daypass_tests::until("an end for each session", PATIENCE, || {
        let entries = site.entries("db1")?;
        let ended = entries.iter().filter(|entry| {
            entry.contains("\"action\":\"session.end\"") && entry.contains(&window)
        });
        Ok(ended.count() >= HELD)
    })
}

/// Sessions that stay, ten of them coming in at a time.
fn hold(site: &Site, db1: &Host) -> Result<Running> {
    let each = HELD / 10;
    let hold = format!(
        "for lane in 0 1 2 3 4 5 6 7 8 9; do (for n in $(seq {each}); do \
         {SSH} -fN deploy@db1 >/dev/null; done) & done; wait; echo all; cat"
    );
    let mut held = site
        .person(CAROL)
        .command(["sh", "-c", &hold])
        .within(PATIENCE + PATIENCE)
        .spawn()?;
    held.await_text("all", PATIENCE)?;
    let there = format!("[ $(ls /run/daypass/sessions/s-* | wc -l) -ge {HELD} ]");
    db1.await_condition(&there, SOON)?;
    Ok(held)
}
