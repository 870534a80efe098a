//! A host's own rules: what ends the session of whoever does it, at once.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use daypass_tests::{BOB, CAROL, Host, Result, SOON, Site, Wish};

use crate::Rows;
use crate::others::from_olga;
use crate::windows::carol_gets;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const ROWS: &Rows = &[(
    "a_rule_of_the_host_ends_the_session_that_breaks_it_and_touches_nobody_else",
    ended,
)];

/// No groups, whatever shows them.
pub(crate) const RULE: &str = r#"
[[end]]
name = "no-groups"
title = "Groups are nobody's business"
when.actions = ["sudo"]
when.commands = [{ program = "id|true", options = ["G groups"] }]
"#;

fn ended(site: &Site) -> Result<()> {
    under(site.network.host("db1")?, RULE, || under_the_rule(site))
}

/// With these settings of the agent, for as long as it takes.
pub(crate) fn under(host: &Host, settings: &str, shown: impl FnOnce() -> Result<()>) -> Result<()> {
    host.write("/etc/daypass/agent.toml", settings)?;
    let restarted = host.root(["systemctl", "restart", "daypass-agent"]).ok();
    let shown = catch_unwind(AssertUnwindSafe(|| restarted.and_then(|_| shown())));
    host.script("rm /etc/daypass/agent.toml; systemctl restart daypass-agent")
        .ok()?;
    shown.unwrap_or_else(|panic| resume_unwind(panic))
}

fn under_the_rule(site: &Site) -> Result<()> {
    let wish = Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/id");
    let window = carol_gets(site, &wish)?;
    let shell = || site.person(CAROL).ssh("deploy@db1", &["sh"]).spawn();
    let (mut breaks, mut keeps) = (shell()?, shell()?);
    for session in [&mut breaks, &mut keeps] {
        session.write(b"sudo -n /usr/bin/id -un; echo here\n")?;
        session.await_text("root\nhere\n", SOON)?;
    }
    let others = || -> Result<()> {
        for (who, command) in [
            ("olga", "sudo -n id -G"),
            ("root", "sudo -n id -G"),
            ("root", "id -G"),
        ] {
            let output = from_olga(site, &[], &format!("{who}@db1"), command)?;
            assert_eq!(output.stdout(), "0\n", "{who}: {output}");
        }
        Ok(())
    };
    others()?;
    breaks.write(b"sleep 2017 & sudo -n -u root -- /usr/bin/id --gr; echo not here\n")?;
    let denied = site.await_entry("db1", "sudo.denied", &[&window, "ended-by-rule"])?;
    assert!(denied.contains("\"rule\":\"no-groups\""), "{denied}");
    let end = site.await_entry("db1", "session.end", &[&window, "ended-by-rule"])?;
    assert!(end.contains("\"rule\":\"no-groups\""), "{end}");
    let output = breaks.wait(SOON)?;
    assert!(!output.success(), "{output}");
    assert_eq!(output.stdout(), "root\nhere\n", "{output}");
    site.network
        .host("db1")?
        .await_condition("! pgrep -f 'sleep 201[7]'", SOON)?;

    // The other session of the same person, and whoever else is there, go on.
    keeps.write(b"sudo -n /usr/bin/id -un; echo still here\n")?;
    keeps.await_text("root\nstill here\n", SOON)?;
    others()?;
    let again = site
        .person(CAROL)
        .ssh("deploy@db1", &["sudo -n /usr/bin/id -un"])
        .ok()?;
    assert_eq!(again, "root\n");
    daypass_tests::until("the alert", SOON, || {
        let alerts = site.person(BOB).daypass(["alerts"]).ok()?;
        Ok(alerts.contains("session-ended-by-rule"))
    })
}
