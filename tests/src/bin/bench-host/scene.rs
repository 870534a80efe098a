//! The machines: db1 with all gates, the server, a contractor and an ordinary user.

use std::time::Duration;

use daypass_tests::{BOB, CAROL, Host, Result, Site, Wish};

/// Long enough for everything that is measured in one window.
const HOURS: Duration = Duration::from_secs(4 * 3600);
/// How an ssh is called that is to say nothing and to ask nobody.
pub(crate) const QUIET: [&str; 6] = [
    "-Fnone",
    "-oBatchMode=yes",
    "-oStrictHostKeyChecking=no",
    "-oUserKnownHostsFile=/dev/null",
    "-oLogLevel=ERROR",
    "-oConnectTimeout=10",
];
/// An ordinary user on db1.
pub(crate) const PLAIN: &str = "plain";
const KEY: &str = "/home/plain/.ssh/id_ed25519.pub";

pub(crate) fn set() -> Result<Site> {
    let site = Site::with_managed(&["db1"])?;
    let laptop = site.network.host("laptop")?;
    laptop.add_user(PLAIN)?;
    let keygen = "mkdir -m700 .ssh; ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519";
    laptop.user(PLAIN, ["sh", "-ec", keygen]).ok()?;
    let key = laptop.read(KEY)?;
    let db1 = site.network.host("db1")?;
    welcome(db1, PLAIN, &key)?;
    db1.write(
        "/etc/sudoers.d/plain",
        "plain ALL=(ALL) NOPASSWD: /usr/bin/true\n",
    )?;
    db1.write("/etc/ssh/sshd_config.d/10-many.conf", "MaxStartups 400\n")?;
    db1.reload_sshd()?;
    Ok(site)
}

/// A user of db1's, who comes with this key.
fn welcome(db1: &Host, user: &str, key: &[u8]) -> Result<()> {
    db1.add_user(user)?;
    let keep = "mkdir -m700 .ssh; cat > .ssh/authorized_keys";
    db1.user(user, ["sh", "-ec", keep]).input(key).ok()?;
    Ok(())
}

/// Another user of db1's, who comes with the ordinary user's key.
pub(crate) fn another(site: &Site, user: &str) -> Result<()> {
    let key = site.network.host("laptop")?.read(KEY)?;
    welcome(site.network.host("db1")?, user, &key)
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

/// The collector does nothing while this lasts, as one on another machine takes nothing of this one's processors. Hosts send to it, and
/// have no answer.
pub(crate) fn without_collector<T>(site: &Site, what: impl FnOnce() -> Result<T>) -> Result<T> {
    let server = site.network.host("server")?;
    let signal = |name: &str| {
        let signal = format!("--signal={name}");
        let kill = [
            "systemctl",
            "kill",
            "--kill-whom=main",
            &signal,
            "daypass-collector",
        ];
        server.root(kill).ok()
    };
    signal("STOP")?;
    let done = what();
    signal("CONT")?;
    done
}

/// A service of db1's wants every processor for all of this time, as on a host that has much to do.
pub(crate) fn busily<T>(site: &Site, what: impl FnOnce() -> Result<T>) -> Result<T> {
    let db1 = site.network.host("db1")?;
    let work = "for n in $(seq $(nproc)); do while :; do :; done & done; wait";
    let start = ["systemd-run", "--quiet", "--unit=work", "sh", "-c", work];
    db1.root(start).ok()?;
    let done = what();
    db1.root(["systemctl", "stop", "work"]).ok()?;
    done
}

/// Whether the server's programs take processors that somebody else wants.
#[derive(Clone, Copy)]
pub(crate) enum Server {
    /// It answers what is waited for, as a machine of its own would.
    Answers,
    /// Nobody waits for it: it takes what is left over, since another machine would take nothing from this one.
    StandsAside,
}

/// The server shares this machine's processors, which it does not where it is another one.
pub(crate) fn let_server(site: &Site, how: Server) -> Result<()> {
    let policy = match how {
        Server::Answers => "--other",
        Server::StandsAside => "--idle",
    };
    let change = format!(
        "for unit in daypass-ca daypass-collector; do \
            chrt --all-tasks {policy} --pid 0 $(systemctl show --property=MainPID --value $unit); done"
    );
    site.network
        .host("server")?
        .root(["sh", "-ec", &change])
        .ok()?;
    Ok(())
}
