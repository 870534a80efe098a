//! What a window does not permit, asked for at the real sshd, one thing at a time; and that it is done where it is permitted.

use std::time::Duration;

use daypass_tests::{CAROL, Output, Result, SOON, Site, Wish};

use crate::Rows;
use crate::others::from_olga;
use crate::windows::carol_gets;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const ROWS: &Rows = &[
    (
        "what_a_window_does_not_permit_sshd_does_not_forward",
        forwarding,
    ),
    ("without_a_terminal_permitted_there_is_none", terminal),
    (
        "a_window_for_certain_addresses_opens_from_no_other",
        sources,
    ),
    (
        "outside_hours_that_are_only_reported_a_login_is_let_in_and_told",
        outside_hours,
    ),
    (
        "what_monitoring_runs_all_day_is_counted_and_others_can_be_left_out_of_the_journal",
        left_out,
    ),
];

/// Each kind by itself, as Carol types it; what comes back.
fn tries(site: &Site) -> Result<[(&'static str, Output); 5]> {
    let carol = |line: &str| {
        let words = ["timeout", "20", "sh", "-c", line];
        site.person(CAROL).command(words).run()
    };
    Ok([
        (
            "to the host",
            carol("ssh -oBatchMode=yes -W localhost:22 deploy@db1 </dev/null")?,
        ),
        (
            "from the host",
            carol(
                "ssh -oBatchMode=yes -oExitOnForwardFailure=yes -R 2399:localhost:22 deploy@db1 echo SSH-2.0",
            )?,
        ),
        (
            "from a socket of the host's",
            carol(
                "ssh -oBatchMode=yes -oExitOnForwardFailure=yes -R /tmp/forwarded-$$:localhost:22 deploy@db1 echo SSH-2.0",
            )?,
        ),
        (
            "the agent",
            carol(
                "ssh-agent sh -c 'ssh -oBatchMode=yes -A deploy@db1 \"test -S \\\"\\$SSH_AUTH_SOCK\\\" && echo SSH-2.0\"'",
            )?,
        ),
        (
            "a display",
            carol("DISPLAY=:9 ssh -oBatchMode=yes -Y deploy@db1 'echo ${DISPLAY:+SSH-2.0}'")?,
        ),
    ])
}

/// sshd forwards displays where there is a program that it hands their cookies to; and the site would let everybody tunnel.
const WILLING: &str = "\
    [ -e /usr/bin/xauth ] || printf '#!/bin/sh\\nexec cat >/dev/null\\n' > /usr/bin/xauth; chmod 755 /usr/bin/xauth; \
    echo 'PermitTunnel yes' > /etc/ssh/sshd_config.d/10-tunnel.conf; \
    sshd -T -C user=olga | grep -x 'permittunnel yes'; \
    sshd -T -C user=deploy | grep -x 'permittunnel no'";

fn forwarding(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let willing = db1.script(WILLING).ok().and_then(|_| db1.reload_sshd());
    let tried = willing.and_then(|()| one_by_one(site));
    db1.root(["rm", "/etc/ssh/sshd_config.d/10-tunnel.conf"])
        .ok()?;
    db1.reload_sshd()?;
    tried
}

fn one_by_one(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    for (what, output) in tries(site)? {
        assert!(!output.stdout().contains("SSH-2.0"), "{what}: {output}");
    }
    let all = "pty,port-forwarding,agent-forwarding,X11-forwarding";
    carol_gets(site, &Wish::deploy_on("db1", HOUR).with("--permit", all))?;
    for (what, output) in tries(site)? {
        assert!(output.stdout().contains("SSH-2.0"), "{what}: {output}");
    }
    Ok(())
}

fn terminal(site: &Site) -> Result<()> {
    let carol = site.person(CAROL);
    let is_one = || -> Result<bool> {
        let tty = "tty >/dev/null && echo a terminal";
        let said = carol.terminal("deploy@db1", tty)?.wait(SOON)?;
        Ok(said.stdout().contains("a terminal"))
    };
    carol_gets(site, &Wish::deploy_on("db1", HOUR).with("--permit", "none"))?;
    assert!(!is_one()?);
    assert_eq!(carol.ssh("deploy@db1", &["id", "-un"]).ok()?, "deploy\n");
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    assert!(is_one()?);
    Ok(())
}

/// The addresses are the laptop's, or they are not.
fn sources(site: &Site) -> Result<()> {
    let id = || site.person(CAROL).ssh("deploy@db1", &["id", "-un"]).run();
    let from = |network| Wish::deploy_on("db1", HOUR).with("--source", network);
    carol_gets(site, &from("198.51.100.0/24"))?;
    let elsewhere = id()?;
    assert!(
        !elsewhere.success() && elsewhere.stdout.is_empty(),
        "{elsewhere}"
    );
    carol_gets(site, &from("192.0.2.0/24"))?;
    let here = id()?;
    assert_eq!(here.stdout(), "deploy\n", "{here}");
    Ok(())
}

/// Half an hour of each day, two hours from now.
fn outside_hours(site: &Site) -> Result<()> {
    let hour = "date -u -d 'now + 2 hours' +%H";
    let hour = site.network.host("laptop")?.script(hour).ok()?;
    let hours = format!("mon-sun {0}:00-{0}:30", hour.trim());
    let wish = Wish::deploy_on("db1", HOUR)
        .with("--hours", &hours)
        .with("--zone", "UTC")
        .with("--outside", "alert");
    let window = carol_gets(site, &wish)?;
    let login = site.person(CAROL).ssh("deploy@db1", &["id", "-un"]);
    assert_eq!(login.ok()?, "deploy\n");
    let told = [&window, "\"outside_hours\":true"];
    site.await_entry("db1", "session.open", &told)?;
    let denying = Wish::deploy_on("db1", HOUR)
        .with("--hours", &hours)
        .with("--zone", "UTC");
    carol_gets(site, &denying)?;
    let refused = site.person(CAROL).ssh("deploy@db1", &["id", "-un"]).run()?;
    assert!(!refused.success() && refused.stdout.is_empty(), "{refused}");
    Ok(())
}

fn left_out(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let set = |settings: &str| {
        db1.write("/etc/daypass/agent.toml", settings)?;
        db1.script("systemctl restart daypass-agent").ok()
    };
    let sudo = |command: &str| {
        let said = from_olga(site, &[], "olga@db1", &format!("sudo -n {command}"))?;
        assert!(said.success(), "{said}");
        Ok::<_, daypass_tests::Error>(())
    };
    let played = (|| -> Result<()> {
        set("[journal]\nexclude = [{ account = \"olga\", command = \"/usr/bin/true 4711\" }]\n")?;
        for command in [
            "/usr/bin/true 4711",
            "/usr/bin/true 4711",
            "/usr/bin/true 4712",
        ] {
            sudo(command)?;
        }
        // Told at the latest when the agent stops.
        set("[journal]\nlog = \"managed\"\n")?;
        let counted = ["/usr/bin/true 4711", "\"count\":2"];
        site.await_entry("db1", "sudo.counted", &counted)?;
        sudo("/usr/bin/true 4713")?;
        let wish = Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/true 4714");
        carol_gets(site, &wish)?;
        let granted = ["sudo", "-n", "/usr/bin/true", "4714"];
        site.person(CAROL).ssh("deploy@db1", &granted).ok()?;
        site.await_entry("db1", "sudo.end", &[CAROL, "true 4714"])?;
        let entries = site.entries("db1")?;
        let told = |line: &str| {
            let entries = entries.iter();
            entries
                .filter(|entry| entry.contains("\"sudo.request\"") && entry.contains(line))
                .count()
        };
        let numbers = ["true 4711", "true 4712", "true 4713", "true 4714"].map(told);
        assert_eq!(numbers, [0, 1, 0, 1]);
        Ok(())
    })();
    db1.script("rm -f /etc/daypass/agent.toml; systemctl restart daypass-agent")
        .ok()?;
    played
}
