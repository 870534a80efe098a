//! Break-glass, and what is left when even that fails.

use std::time::Duration;

use daypass_tests::{BOB, CAROL, Output, Result, SOON, Site, Wish};

use crate::Rows;
use crate::others::from_olga;
use crate::windows::{carol_gets, close_all};

const HOUR: Duration = Duration::from_secs(3600);
/// The timer looks every five seconds.
const LATER: Duration = Duration::from_secs(60);

pub(crate) const ROWS: &Rows = &[
    (
        "a_broken_glass_lets_an_accounts_own_keys_in_and_becomes_whole_by_itself",
        broken,
    ),
    (
        "the_glass_is_broken_with_the_agent_down_and_the_collector_hears_of_it_later",
        agent_down,
    ),
    (
        "sshd_serves_by_the_new_rules_once_the_glass_is_said_to_be_broken_or_whole",
        at_once,
    ),
    (
        "a_contractors_end_leaves_the_accounts_own_people_alone_while_the_glass_is_broken",
        let_go,
    ),
    (
        "a_damaged_note_of_the_glass_is_told_and_nothing_else_stops",
        damaged,
    ),
    (
        "a_glass_that_could_not_be_broken_is_journalled_as_that",
        not_broken,
    ),
    (
        "two_files_removed_by_hand_open_a_host_when_nothing_else_does",
        by_hand,
    ),
];

/// A key of Olga's in the managed account, which sshd ignores as long as it is managed.
fn plant(site: &Site) -> Result<()> {
    let key = site
        .network
        .host("laptop")?
        .read("/home/olga/.ssh/id_ed25519.pub")?;
    let plant =
        "umask 077; cd ~deploy; mkdir -p .ssh; cat > .ssh/authorized_keys; chown -R deploy: .ssh";
    site.network.host("db1")?.script(plant).input(key).ok()?;
    assert!(!gets_in(site)?, "the account was to be closed at first");
    Ok(())
}

fn gets_in(site: &Site) -> Result<bool> {
    Ok(knock(site)?.stdout() == "deploy\n")
}

fn knock(site: &Site) -> Result<Output> {
    from_olga(site, &[], "deploy@db1", "id -un")
}

fn broken(site: &Site) -> Result<()> {
    plant(site)?;
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let mut carol = site
        .person(CAROL)
        .ssh("deploy@db1", &["echo here; cat"])
        .spawn()?;
    carol.await_text("here", SOON)?;
    let db1 = site.network.host("db1")?;
    let glass = [
        "daypass-agent",
        "break-glass",
        "--for",
        "20s",
        "--reason",
        "order 4711",
        "deploy",
    ];
    let said = db1.root(glass).ok()?;
    assert!(
        said.contains("BREAK-GLASS: deploy is out of management until"),
        "{said}"
    );
    let again = db1.root(glass).run()?;
    assert!(again.stderr().contains("broken already"), "{again}");
    let inside = knock(site)?;
    assert_eq!(inside.stdout(), "deploy\n", "{inside}");
    // Another managed account stays closed.
    let porter = site.network.host("db1")?.read("/etc/daypass/managed")?;
    assert!(String::from_utf8_lossy(&porter).contains("porter"));
    let doctor = db1.root(["daypass-agent", "doctor"]).run()?;
    assert!(doctor.stdout().contains("BREAK-GLASS: deploy"), "{doctor}");
    let mut olga = {
        let laptop = site.network.host("laptop")?;
        let ssh = "ssh -oBatchMode=yes -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null deploy@db1 'echo here; cat'";
        laptop.user("olga", ["sh", "-c", ssh]).spawn()?
    };
    olga.await_text("here", SOON)?;
    site.await_entry(
        "db1",
        "break-glass",
        &["glass-broken", "order 4711", "deploy"],
    )?;
    site.await_entry_within("db1", "break-glass", &["glass-whole", "order 4711"], LATER)?;
    // Who came in by it is out, who has a window is not, and the account is closed again.
    assert!(!olga.wait(SOON)?.success());
    carol.write(b"still here\n")?;
    carol.await_text("still here", SOON)?;
    assert!(!gets_in(site)?);
    db1.await_condition(
        "! systemctl is-enabled --quiet daypass-break-glass.timer",
        SOON,
    )?;
    let whole = db1.root(["daypass-agent", "break-glass", "--end"]).run()?;
    assert!(whole.stderr().contains("the glass is whole"), "{whole}");
    assert!(
        site.entries("db1")?
            .iter()
            .any(|entry| entry.contains(&window))
    );
    Ok(())
}

fn agent_down(site: &Site) -> Result<()> {
    plant(site)?;
    let db1 = site.network.host("db1")?;
    let units = "daypass-agent.socket daypass-principals.socket daypass-agent.service";
    db1.script(&format!("systemctl stop {units}")).ok()?;
    let opened = db1
        .script("daypass-agent break-glass --for 1h --reason 'nobody is at hand'")
        .ok();
    let inside = opened.and_then(|_| knock(site));
    let ended = db1.script("daypass-agent break-glass --end").ok();
    db1.script(&format!("systemctl start {units}")).ok()?;
    ended?;
    let inside = inside?;
    assert_eq!(inside.stdout(), "deploy\n", "{inside}");
    assert!(!gets_in(site)?);
    daypass_tests::until("both entries at the collector", SOON, || {
        let told = site.collected(BOB, &["--action", "break-glass"])?;
        let ours = told
            .iter()
            .filter(|entry| entry.contains("nobody is at hand"));
        Ok(ours.count() == 2)
    })
}

/// systemd is done with a reload before sshd listens again: a connection made by the next command would be refused.
fn at_once(site: &Site) -> Result<()> {
    const GREETED: &str = "bash -c 'read -r greeting < /dev/tcp/127.0.0.1/22; echo \"$greeting\"'";
    plant(site)?;
    let db1 = site.network.host("db1")?;
    let broken = db1
        .script(&format!(
            "daypass-agent break-glass --for 1h --reason 'order 4714' deploy; {GREETED}"
        ))
        .run();
    let whole = db1
        .script(&format!("daypass-agent break-glass --end; {GREETED}"))
        .run();
    for greeted in [broken?, whole?] {
        assert!(greeted.stdout().contains("SSH-2.0-OpenSSH"), "{greeted}");
    }
    Ok(())
}

/// What the account's own people set up meanwhile is not swept away with a contractor's session.
fn let_go(site: &Site) -> Result<()> {
    plant(site)?;
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let mut carol = site
        .person(CAROL)
        .ssh("deploy@db1", &["echo here; cat"])
        .spawn()?;
    carol.await_text("here", SOON)?;
    let db1 = site.network.host("db1")?;
    db1.script("daypass-agent break-glass --for 1h --reason 'order 4712' deploy")
        .ok()?;
    let job = "echo '0 0 1 1 * true' | crontab -";
    let kept = from_olga(site, &[], "deploy@db1", job).and_then(|_| {
        close_all(site)?;
        site.await_entry("db1", "session.end", &[&window])?;
        assert!(!carol.wait(SOON)?.success());
        db1.root(["crontab", "-u", "deploy", "-l"]).ok()
    });
    db1.script("daypass-agent break-glass --end; crontab -u deploy -r")
        .ok()?;
    assert!(kept?.contains("0 0 1 1"));
    assert!(!gets_in(site)?);
    Ok(())
}

fn damaged(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let note = "/var/lib/daypass/agent/break-glass";
    db1.write(note, "{\"v\":1,\"accounts\"")?;
    let told =
        [["daypass-agent", "status"], ["daypass-agent", "doctor"]].map(|c| db1.root(c).run());
    db1.root(["rm", note]).ok()?;
    let [status, doctor] = told;
    let (status, doctor) = (status?, doctor?);
    assert!(status.success(), "{status}");
    assert!(status.stdout().contains("cannot be told"), "{status}");
    assert!(status.stdout().contains("managed   deploy"), "{status}");
    assert!(doctor.stdout().contains("FAULT  BREAK-GLASS"), "{doctor}");
    assert!(doctor.stdout().contains("daypass-agent manage"), "{doctor}");
    Ok(())
}

/// sshd does not accept its configuration as it stands, so nothing is changed in it.
fn not_broken(site: &Site) -> Result<()> {
    plant(site)?;
    let db1 = site.network.host("db1")?;
    let broken = "/etc/ssh/sshd_config.d/99-broken.conf";
    db1.write(broken, "Nonsense yes\n")?;
    let glass = "daypass-agent break-glass --for 1h --reason 'order 4713' deploy";
    let tried = db1.script(glass).run();
    db1.root(["rm", broken]).ok()?;
    let tried = tried?;
    assert_eq!(tried.code(), Some(1), "{tried}");
    site.await_entry("db1", "break-glass", &["glass-not-broken", "order 4713"])?;
    let status = db1.root(["daypass-agent", "status"]).ok()?;
    assert!(!status.contains("BREAK-GLASS"), "{status}");
    assert!(!gets_in(site)?);
    Ok(())
}

/// As the manual says under "if even that fails".
fn by_hand(site: &Site) -> Result<()> {
    plant(site)?;
    let db1 = site.network.host("db1")?;
    let opened = db1
        .script(
            "mv /usr/bin/daypass-agent /root/; \
             rm -f /etc/ssh/sshd_config.d/50-daypass.conf /etc/daypass/managed; \
             systemctl stop daypass-agent.socket daypass-principals.socket daypass-agent",
        )
        .ok()
        .and_then(|_| db1.reload_sshd());
    let inside = opened.and_then(|()| knock(site));
    db1.script(
        "mv /root/daypass-agent /usr/bin/; \
         systemctl start daypass-agent.socket daypass-principals.socket daypass-agent; \
         daypass-agent manage deploy; daypass-agent manage porter",
    )
    .ok()?;
    let inside = inside?;
    assert_eq!(inside.stdout(), "deploy\n", "{inside}");
    assert!(!gets_in(site)?);
    Ok(())
}
