//! The machines: db1 with all gates, the server, a contractor and an ordinary user.

use std::time::Duration;

use daypass_tests::{BOB, CAROL, Result, Site, Wish};

/// Long enough for everything that is measured in one window.
const HOURS: Duration = Duration::from_secs(4 * 3600);
/// An ordinary user on db1.
pub(crate) const PLAIN: &str = "plain";

pub(crate) fn set() -> Result<Site> {
    let site = Site::with_managed(&["db1"])?;
    let laptop = site.network.host("laptop")?;
    laptop.add_user(PLAIN)?;
    let keygen = "mkdir -m700 .ssh; ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519";
    laptop.user(PLAIN, ["sh", "-ec", keygen]).ok()?;
    let key = laptop.read("/home/plain/.ssh/id_ed25519.pub")?;
    let db1 = site.network.host("db1")?;
    db1.add_user(PLAIN)?;
    let keep = "mkdir -m700 .ssh; cat > .ssh/authorized_keys";
    db1.user(PLAIN, ["sh", "-ec", keep]).input(&key).ok()?;
    db1.write(
        "/etc/sudoers.d/plain",
        "plain ALL=(ALL) NOPASSWD: /usr/bin/true\n",
    )?;
    db1.write("/etc/ssh/sshd_config.d/10-many.conf", "MaxStartups 400\n")?;
    db1.root(["systemctl", "reload", "ssh"]).ok()?;
    Ok(site)
}

/// A window of Carol's with `sudo /usr/bin/true`.
pub(crate) fn window(site: &Site) -> Result<String> {
    window_for(site, HOURS)
}

pub(crate) fn window_for(site: &Site, time: Duration) -> Result<String> {
    // The one before would serve as well, and its sessions would go on; one that is over cannot be ended.
    let end = "for window in $(daypass windows | grep -o 'w-[0-9a-z]*'); do daypass end $window; done; true";
    site.person(CAROL).command(["sh", "-c", end]).ok()?;
    let wish = Wish::deploy_on("db1", time).with("--sudo", "/usr/bin/true");
    let window = site.person(CAROL).request(&wish)?;
    site.person(BOB).approve(&window)?;
    // The first login fetches the certificate, which is not what is measured.
    site.person(CAROL)
        .command(["rm", "-rf", ".local/share/daypass/certificates"])
        .ok()?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    Ok(window)
}

/// db1's agent with this setting.
pub(crate) fn forward(site: &Site, how: &str) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let text = format!("[journal]\nforward = \"{how}\"\n[state]\npoll_seconds = 1\n");
    db1.write("/etc/daypass/agent.toml", text)?;
    db1.root(["systemctl", "restart", "daypass-agent"]).ok()?;
    site.await_cosigned("db1")
}
