//! In which order a removal takes things away, while somebody's sudo hangs on them.

use daypass_tests::{Packages, Result};

use crate::Site;

/// Notes what stands when PAM's lines are about to change, and goes on with that.
const AT_THAT_MOMENT: &str = "#!/bin/sh\n\
    { ls /run/daypass/sudoers.d; systemctl is-active daypass-agent.service; } >/root/at-that-moment 2>/dev/null\n\
    exec /usr/sbin/pam-auth-update \"$@\"\n";
/// In the place of the agent of a host that is enrolled.
const STAND_IN: &str = "[Unit]\nConditionPathExists=\n[Service]\nType=exec\nExecStart=\nExecStart=/bin/sleep infinity\n";

#[test]
fn rules_and_agent_go_before_pam_stops_asking_and_stay_in_an_upgrade() -> Result<()> {
    let site = Site::start()?;
    let db1 = site.db1()?;
    Packages::built()?.install(db1, &["daypass-host"])?;
    let drop_ins = "/etc/systemd/system/daypass-agent.service.d";
    db1.root(["mkdir", drop_ins]).ok()?;
    db1.write(&format!("{drop_ins}/stand-in.conf"), STAND_IN)?;
    db1.script("systemctl daemon-reload; systemctl start daypass-agent.service")
        .ok()?;
    db1.write("/run/daypass/sudoers.d/rules", "# of a session\n")?;
    db1.write("/usr/local/sbin/pam-auth-update", AT_THAT_MOMENT)?;
    db1.script("chmod 755 /usr/local/sbin/pam-auth-update")
        .ok()?;
    let seen = || -> Result<String> {
        let seen = db1.read("/root/at-that-moment")?;
        Ok(String::from_utf8_lossy(&seen).into_owned())
    };
    // By dpkg: apt installs no version twice, and looks for programs in places of its own.
    db1.root(["dpkg", "--install", "/var/tmp/daypass-host.deb"])
        .ok()?;
    assert_eq!(seen()?, "rules\nactive\n");
    db1.root(["dpkg", "--remove", "daypass-host"]).ok()?;
    assert_eq!(seen()?, "inactive\n");
    Ok(())
}
