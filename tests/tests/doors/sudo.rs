//! sudo inside sessions: whose grant is whose, and what it waits for.

use std::time::Duration;

use daypass_tests::{BOB, CAROL, MALLORY, Result, Running, SOON, Site, Wish};

use crate::Rows;
use crate::sudo_rs::{says, shell, without};
use crate::windows::carol_gets;

const HOUR: Duration = Duration::from_secs(3600);
const JOURNAL: &str = "/var/log/daypass/journal";

pub(crate) const ROWS: &Rows = &[
    (
        "two_contractors_in_one_account_keep_their_own_grants",
        two_at_once,
    ),
    (
        "without_the_line_of_its_own_service_sudo_grants_contractors_nothing_and_goes_on_for_others",
        line_gone,
    ),
    ("two_hundred_grants_are_fine", two_hundred),
    (
        "a_hostile_command_line_is_journalled_byte_by_byte_and_shown_to_no_terminal",
        hostile,
    ),
    (
        "sudo_waits_for_the_collector_as_the_settings_say",
        forwarding,
    ),
];

/// sudo-rs asks for the account's groups, not for the process's, so there an account serves one person at a time.
fn two_at_once(site: &Site) -> Result<()> {
    let wish = |item| Wish::deploy_on("db1", HOUR).with("--sudo", item);
    carol_gets(site, &wish("/usr/bin/id -un"))?;
    let window = site.person(MALLORY).request(&wish("/usr/bin/id -gn"))?;
    site.person(BOB).approve(&window)?;
    let both = "sudo -n /usr/bin/id -un; sudo -n /usr/bin/id -gn; echo done; cat";
    let ssh = |person| site.person(person).ssh("deploy@db1", &[both]).spawn();
    let (mut carol, mut mallory) = (ssh(CAROL)?, ssh(MALLORY)?);
    for shell in [&mut carol, &mut mallory] {
        shell.await_text("done", SOON)?;
        // One of the two, and the refusal of the other.
        // What stands on another stream may come later.
        daypass_tests::until("the refusal", SOON, || {
            Ok(shell.so_far().1.contains("daypass show"))
        })?;
        let (said, refusal) = shell.so_far();
        assert_eq!(said, "root\ndone\n", "{refusal}");
        assert_eq!(refusal.matches("daypass show").count(), 1, "{refusal}");
    }
    site.person(MALLORY).daypass(["end", &window]).ok()?;
    for (who, item) in [(CAROL, "id -un"), (MALLORY, "id -gn")] {
        site.await_entry("db1", "sudo.start", &[who, item])?;
    }
    // The end of one is not the end of the other.
    site.await_entry("db1", "session.end", &[&window])?;
    carol.write(b"still here\n")?;
    carol.await_text("still here", SOON)
}

/// Without it PAM would let pass whatever the rules grant, and nobody would write it down.
fn line_gone(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let take = "cp -a /etc/pam.d/daypass-sudo /root/; sed -i '/^account.*pam_daypass/d' /etc/pam.d/daypass-sudo";
    let back = "mv /root/daypass-sudo /etc/pam.d/";
    without(site, db1, &["sudo"], take, back, || {
        let absent = ["stack-without-module", "daypass-sudo"];
        site.await_entry("db1", "gate.absent", &absent).map(drop)
    })
}

fn two_hundred(site: &Site) -> Result<()> {
    let items = (1..=200).map(|n| format!("/usr/bin/systemctl restart unit-{n}.service"));
    let wish = items.fold(Wish::deploy_on("db1", HOUR), |wish, item| {
        wish.with("--sudo", &item)
    });
    carol_gets(site, &wish.with("--sudo", "/usr/bin/id -un"))?;
    let carol = site.person(CAROL);
    let said = carol.ssh("deploy@db1", &["sudo -n /usr/bin/id -un"]).ok()?;
    assert_eq!(said, "root\n");
    let listed = carol.ssh("deploy@db1", &["sudo -n -l"]).ok()?;
    assert!(listed.contains("restart unit-200.service"), "{listed}");
    Ok(())
}

/// A line break, an escape, a control byte of eight bits, a change of direction and a byte that is no text; then a line of
/// a megabyte and a half.
fn hostile(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let wish = Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/true");
    let window = carol_gets(site, &wish)?;
    let mut carol = shell(site, CAROL)?;
    let word = r"a\nb\033[2J\302\233m\342\200\256z\377";
    let line =
        format!("hostile=$(printf '{word}'); sudo -n /usr/bin/true \"$hostile\"; echo code $?");
    assert_eq!(says(&mut carol, &line, 1)?, "code 0\n");
    let exact = format!("printf \"sudo -n /usr/bin/true '{word}'\" | base64 -w0");
    let exact = format!("\"base64\":\"{}\"", db1.script(&exact).ok()?.trim());
    site.await_entry("db1", "sudo.request", &[&window, &exact])?;
    let shown = db1
        .root(["daypass", "log", "/var/log/daypass/journal"])
        .run()?;
    let shown = String::from_utf8(shown.stdout).expect("text");
    let obeyed = |letter: char| letter != '\n' && (letter.is_control() || letter == '\u{202e}');
    let line = shown.lines().find(|line| line.contains(obeyed));
    assert_eq!(line, None, "what a terminal obeys");
    assert!(shown.contains("\\x1b[2J"), "it is not shown at all");
    long_line(site, &mut carol, &window)
}

/// sudo may find it too long to run; what was asked for is in the journal all the same, and whole.
fn long_line(site: &Site, carol: &mut Running, window: &str) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let words = "set --; for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do set -- \"$@\" $(head -c 100000 /dev/zero | tr '\\0' x); done";
    carol.write(format!("{words}; sudo -n /usr/bin/true \"$@\"; echo asked\n").as_bytes())?;
    carol.await_text("asked\n", SOON)?;
    let whole = format!(
        "{words}; printf %s \"sudo -n /usr/bin/true $*\" > /root/whole; sha256sum < /root/whole | cut -c1-64"
    );
    let hash = db1.script(&whole).ok()?;
    let hash = hash.trim();
    let length = "sudo -n /usr/bin/true".len() + 15 * 100_001;
    let length = format!("\"length\":{length},");
    let parts = [window, hash, &length, "\"blob\":true"];
    site.await_entry("db1", "sudo.request", &parts)?;
    let kept = format!("{JOURNAL}/blobs/{hash}");
    db1.script(&format!("cmp /root/whole {kept}")).ok()?;
    let modes = format!("cd {JOURNAL}; stat -c '%a %U:%G' . blobs *.jsonl blobs/* | sort -u");
    assert_eq!(db1.script(&modes).ok()?, "640 root:adm\n750 root:adm\n");
    let shown = db1.root(["daypass", "log", JOURNAL, "--whole", "--window", window]);
    let shown = shown.ok()?;
    assert!(
        shown.lines().any(|line| line.len() > 15 * 100_001),
        "it is not shown whole"
    );
    // One letter of it.
    daypass_tests::until("a copy that is cosigned to its end", SOON, || {
        site.copy_journal("db1", "/root/long")?;
        let proven = site.verify("db1", Some("/root/long"))?;
        assert_ne!(proven.code, 1, "{}", proven.text);
        Ok(proven.code == 0)
    })?;
    let alter = format!(
        "printf y | dd of=/root/long/blobs/{hash} bs=1 seek=1000000 conv=notrunc status=none"
    );
    db1.script(&alter).ok()?;
    let caught = site.verify("db1", Some("/root/long"))?;
    assert_eq!(caught.code, 1, "{}", caught.text);
    db1.script("rm -rf /root/long /root/whole").ok().map(drop)
}

fn forwarding(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    carol_gets(
        site,
        &Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/id -un"),
    )?;
    let sudo = || {
        site.person(CAROL)
            .ssh("deploy@db1", &["sudo -n /usr/bin/id -un"])
            .run()
    };
    let set = |forward: &str| {
        db1.write(
            "/etc/daypass/agent.toml",
            format!("[journal]\nforward = \"{forward}\"\n"),
        )?;
        db1.script("systemctl restart daypass-agent").ok()
    };
    set("strict")?;
    site.await_cosigned("db1")?;
    let witnessed = sudo();
    site.stop_collector()?;
    let unwitnessed = sudo();
    let waiting = set("async").and_then(|_| sudo());
    let default = set("before-sudo").and_then(|_| sudo());
    site.start_collector()?;
    db1.script("rm /etc/daypass/agent.toml; systemctl restart daypass-agent")
        .ok()?;
    let (witnessed, unwitnessed) = (witnessed?, unwitnessed?);
    assert_eq!(witnessed.stdout(), "root\n", "{witnessed}");
    assert!(
        !unwitnessed.success() && unwitnessed.stdout().is_empty(),
        "{unwitnessed}"
    );
    assert!(
        unwitnessed.stderr().contains("collector has confirmed"),
        "{unwitnessed}"
    );
    for served in [waiting?, default?] {
        assert_eq!(served.stdout(), "root\n", "{served}");
    }
    Ok(())
}
