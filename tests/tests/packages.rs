//! What installing and removing the packages does to a host, and to people who have nothing to do
//! with daypass.

#[path = "packages/removal.rs"]
mod removal;

use daypass_tests::{Host, Network, Packages, Result};

/// A host with the package `daypass-host`, and a laptop whose user `alice` gets in on it by her own
/// key as root and as `ordinary`, who may use sudo.
struct Site {
    network: Network,
}

impl Site {
    fn start() -> Result<Self> {
        let network = Network::of(["laptop", "db1"])?;
        let site = Self { network };
        let (laptop, db1) = (site.laptop()?, site.db1()?);
        laptop.add_user("alice")?;
        db1.add_user("ordinary")?;
        db1.script("echo 'ordinary ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/site; chmod 440 /etc/sudoers.d/site").ok()?;
        let keygen = "mkdir -m700 .ssh; ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519";
        laptop.user("alice", ["sh", "-ec", keygen]).ok()?;
        let key = laptop.read("/home/alice/.ssh/id_ed25519.pub")?;
        for user in ["root", "ordinary"] {
            let keep = "mkdir -pm700 .ssh; cat > .ssh/authorized_keys";
            db1.user(user, ["sh", "-ec", keep]).input(&key).ok()?;
        }
        Ok(site)
    }

    fn laptop(&self) -> Result<&Host> {
        self.network.host("laptop")
    }

    fn db1(&self) -> Result<&Host> {
        self.network.host("db1")
    }

    /// Root and the ordinary user log in and use sudo; no unit has failed.
    fn everybody_gets_in(&self) -> Result<()> {
        for (user, command) in [
            ("root", "id -u"),
            ("ordinary", "sudo -n id -u"),
            ("ordinary", "sudo -n -i id -u"),
        ] {
            let login = format!("{user}@db1");
            let ssh = [
                "ssh",
                "-oBatchMode=yes",
                "-oStrictHostKeyChecking=accept-new",
                &login,
                command,
            ];
            assert_eq!(
                self.laptop()?.user("alice", ssh).ok()?,
                "0\n",
                "{user}: {command}"
            );
        }
        let failed = self
            .db1()?
            .root([
                "systemctl",
                "list-units",
                "--failed",
                "--plain",
                "--no-legend",
            ])
            .ok()?;
        assert_eq!(failed, "");
        Ok(())
    }
}

/// The files that a package must not leave behind, with their contents.
const WATCHED: &str =
    "cd /etc && find pam.d sudoers.d ssh/sshd_config.d -type f | sort | xargs sha256sum";

#[test]
fn a_host_with_the_package_is_as_it_was_for_everybody() -> Result<()> {
    let site = Site::start()?;
    site.everybody_gets_in()?;
    Packages::built()?.install(site.db1()?, &["daypass-host"])?;
    site.everybody_gets_in()?;
    site.db1()?.pull_plug()?;
    site.db1()?.boot()?;
    site.everybody_gets_in()
}

#[test]
fn the_package_puts_the_module_into_every_stack_that_counts() -> Result<()> {
    let site = Site::start()?;
    let db1 = site.db1()?;
    Packages::built()?.install(db1, &["daypass-host"])?;
    for stack in ["auth", "account", "session", "session-noninteractive"] {
        let text =
            String::from_utf8_lossy(&db1.read(&format!("/etc/pam.d/common-{stack}"))?).into_owned();
        let ours = text
            .lines()
            .position(|line| line.contains("pam_daypass.so"));
        assert!(ours.is_some(), "common-{stack}:\n{text}");
        // What the agent asks of logind must be there by then.
        let logind = text
            .lines()
            .position(|line| line.contains("pam_systemd.so"));
        assert!(logind < ours, "common-{stack}:\n{text}");
    }
    db1.root(["visudo", "-c"]).ok()?;
    assert_eq!(
        db1.root(["stat", "-c%a %U %G", "/etc/sudoers.d/daypass"])
            .ok()?,
        "440 root root\n"
    );
    Ok(())
}

#[test]
fn a_missing_module_shuts_nobody_out() -> Result<()> {
    let site = Site::start()?;
    Packages::built()?.install(site.db1()?, &["daypass-host"])?;
    site.db1()?
        .script("rm /usr/lib/*/security/pam_daypass.so")
        .ok()?;
    site.everybody_gets_in()
}

#[test]
fn the_contractors_sudo_is_refused_where_nobody_answers() -> Result<()> {
    let site = Site::start()?;
    let db1 = site.db1()?;
    Packages::built()?.install(db1, &["daypass-host"])?;
    let rules = "Defaults:ordinary pam_service=daypass-sudo\n";
    db1.write("/run/daypass/sudoers.d/ordinary", rules)?;
    db1.script("chmod 440 /run/daypass/sudoers.d/ordinary; visudo -c")
        .ok()?;
    let sudo = || db1.user("ordinary", ["sudo", "-n", "id", "-u"]).run();
    let refused = sudo()?;
    assert!(
        !refused.success() && refused.stdout().is_empty(),
        "{refused}"
    );
    // Nor is a password any way in.
    let wants_one = "Defaults:ordinary pam_service=daypass-sudo, noninteractive_auth, passwd_tries=1\n\
        ordinary ALL = PASSWD: ALL\n";
    db1.write("/run/daypass/sudoers.d/wants-one", wants_one)?;
    db1.script("chmod 440 /run/daypass/sudoers.d/wants-one; visudo -c")
        .ok()?;
    let refused = sudo()?;
    assert!(
        !refused.success() && refused.stderr().contains("does not answer"),
        "{refused}"
    );
    db1.root(["rm", "/run/daypass/sudoers.d/wants-one"]).ok()?;
    // Nothing but the module refuses there.
    db1.script("sed -i /pam_daypass/d /etc/pam.d/daypass-sudo")
        .ok()?;
    assert_eq!(sudo()?.stdout(), "0\n");
    // And a stack that lost its module's file refuses again.
    db1.script("echo 'account required pam_gone.so' >> /etc/pam.d/daypass-sudo")
        .ok()?;
    assert!(!sudo()?.success());
    Ok(())
}

#[test]
fn a_removed_package_leaves_pam_as_it_was() -> Result<()> {
    let site = Site::start()?;
    let db1 = site.db1()?;
    let before = db1.script(WATCHED).ok()?;
    Packages::built()?.install(db1, &["daypass-host"])?;
    assert_ne!(db1.script(WATCHED).ok()?, before);
    db1.script("apt-get remove --yes daypass-host").ok()?;
    assert!(
        !db1.script("grep -l pam_daypass /etc/pam.d/common-*")
            .run()?
            .success()
    );
    site.everybody_gets_in()?;
    db1.script("apt-get purge --yes daypass-host").ok()?;
    assert_eq!(db1.script(WATCHED).ok()?, before);
    assert!(!db1.root(["test", "-e", "/etc/daypass"]).run()?.success());
    assert!(
        !db1.root(["test", "-e", "/var/lib/daypass"])
            .run()?
            .success()
    );
    site.everybody_gets_in()
}

#[test]
fn a_purge_keeps_the_journal_and_says_so() -> Result<()> {
    let site = Site::start()?;
    let db1 = site.db1()?;
    Packages::built()?.install(db1, &["daypass-host"])?;
    db1.write("/var/log/daypass/journal/evidence", "kept")?;
    let said = db1
        .root(["apt-get", "purge", "--yes", "daypass-host"])
        .run()?;
    assert!(
        said.to_string()
            .contains("/var/log/daypass/journal is evidence and stays"),
        "{said}"
    );
    assert_eq!(db1.read("/var/log/daypass/journal/evidence")?, b"kept");
    Ok(())
}

#[test]
fn the_server_waits_to_be_set_up() -> Result<()> {
    let network = Network::of(["server"])?;
    let server = network.host("server")?;
    Packages::built()?.install(server, &["daypass-server", "daypass"])?;
    assert_eq!(
        server.root(["systemctl", "is-system-running"]).ok()?,
        "running\n"
    );
    for (unit, data) in [("daypass-ca", "ca"), ("daypass-collector", "collector")] {
        assert_eq!(
            server.root(["systemctl", "is-enabled", unit]).ok()?,
            "enabled\n"
        );
        assert_eq!(
            server
                .root(["systemctl", "is-active", unit])
                .run()?
                .stdout(),
            "inactive\n"
        );
        let data = format!("/var/lib/daypass/{data}");
        assert_eq!(
            server.root(["stat", "-c%a %U", &data]).ok()?,
            format!("700 {unit}\n")
        );
    }
    Ok(())
}

/// A server and a laptop, with the packages, people and their keys.
fn installed() -> Result<daypass_tests::Site> {
    let site = daypass_tests::Site::machines(&[])?;
    site.install()?;
    Ok(site)
}

#[test]
fn one_command_sets_the_server_up_and_its_admin_puts_it_into_service() -> Result<()> {
    let mut site = installed()?;
    let printed = site.set_up_server()?;
    for part in [
        "BEGIN OPENSSH PRIVATE KEY",
        "daypass roster sign --pin",
        "daypass-ca host token db1",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let server = site.network.host("server")?;
    site.await_collector_saying("not signed yet")?;
    // The CA's users are two, and neither reads what the other keeps.
    for (user, other) in [("daypass-ca", "collector"), ("daypass-collector", "ca")] {
        let other = format!("/var/lib/daypass/{other}");
        let look = ["setpriv", "--reuid", user, "--clear-groups", "ls", &other];
        assert!(!server.root(look).run()?.success(), "{user}");
        let runs_as =
            format!("stat -c%U /proc/$(systemctl show --value --property=MainPID {user})");
        assert_eq!(server.script(&runs_as).ok()?, format!("{user}\n"));
    }
    site.sign_roster()?;
    let status = server.root(["daypass-ca", "status"]).ok()?;
    assert!(
        status.contains("Collector: https://server:7444"),
        "{status}"
    );

    // Once more: nothing happens, kindly.
    let again = site.server_init()?.run()?;
    assert_eq!(again.code(), Some(1));
    assert!(again.stderr().contains("Nothing was changed"), "{again}");
    assert!(!again.stdout().contains("PRIVATE KEY"), "{again}");

    // And after a boot everything is there, with nobody to ask.
    server.pull_plug()?;
    server.boot()?;
    site.await_collector()?;
    server.root(["daypass-ca", "status"]).ok()?;
    let failed = [
        "systemctl",
        "list-units",
        "--failed",
        "--plain",
        "--no-legend",
    ];
    assert_eq!(server.root(failed).ok()?, "");
    Ok(())
}

#[test]
fn a_set_up_that_failed_half_way_goes_on_with_the_same_line() -> Result<()> {
    let mut site = installed()?;
    // Something sits on the collector's port: the CA is made, the collector cannot start.
    let server = site.network.host("server")?;
    server
        .script(
            "printf '[Socket]\\nListenStream=[::]:7444\\n' > /run/systemd/system/sitter.socket; \
             printf '[Service]\\nExecStart=/bin/sleep infinity\\n' > /run/systemd/system/sitter.service; \
             systemctl daemon-reload; systemctl start sitter.socket",
        )
        .ok()?;
    let failed = site.set_up_server();
    let said = failed.expect_err("the port is taken").to_string();
    assert!(
        said.contains("daypass-collector.service does not start"),
        "{said}"
    );
    assert!(said.contains("run the same line again"), "{said}");
    let server = site.network.host("server")?;
    let before: serde_json::Value = status(server)?;
    server
        .root(["systemctl", "stop", "sitter.socket", "sitter.service"])
        .ok()?;
    let printed = site.server_init()?.ok()?;
    assert!(!printed.contains("PRIVATE KEY"), "the CA was made anew");
    assert!(printed.contains("roster sign"), "{printed}");
    let after = status(server)?;
    assert_eq!(after["ca"], before["ca"]);
    assert_eq!(after["collectors"].as_array().map(Vec::len), Some(1));
    Ok(())
}

fn status(server: &Host) -> Result<serde_json::Value> {
    let text = server.root(["daypass-ca", "status", "-o", "json"]).ok()?;
    Ok(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

#[test]
fn a_purged_server_keeps_its_evidence_and_says_so() -> Result<()> {
    let mut site = installed()?;
    site.set_up_server()?;
    site.sign_roster()?;
    let server = site.network.host("server")?;
    let said = server
        .root(["apt-get", "purge", "--yes", "daypass-server"])
        .run()?
        .to_string();
    for journal in [
        "/var/lib/daypass/ca/journal",
        "/var/lib/daypass/collector/journal",
    ] {
        assert!(
            said.contains(&format!("{journal} is evidence and stays")),
            "{said}"
        );
        assert_ne!(server.root(["ls", journal]).ok()?, "");
    }
    for gone in [
        "/var/lib/daypass/ca/keys",
        "/var/lib/daypass/collector/keys",
        "/var/lib/daypass/collector/alerts.db",
        "/var/lib/daypass/collector/index.db",
        "/etc/daypass/ca.toml",
        "/etc/daypass/collector.toml",
    ] {
        assert!(
            !server.root(["test", "-e", gone]).run()?.success(),
            "{gone}"
        );
    }
    Ok(())
}
