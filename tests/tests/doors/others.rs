//! Other ways into a managed account, and everybody whom daypass must not touch.

use std::time::Duration;

use daypass_tests::{CAROL, Output, Result, Site, Wish};

use crate::Rows;
use crate::windows::{carol_gets, close_all};

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const ROWS: &Rows = &[
    ("a_planted_key_opens_no_managed_account", planted_key),
    ("a_password_opens_no_managed_account", password),
    (
        "a_certificate_shown_without_its_key_helps_no_other_way_in",
        certificate_without_key,
    ),
    ("the_sites_own_ca_goes_on_working_for_its_users", own_ca),
    (
        "an_ordinary_user_logs_in_and_uses_sudo_and_is_journalled",
        ordinary_user,
    ),
    ("with_the_ca_away_a_cached_certificate_serves", ca_away),
    (
        "a_host_that_manages_no_account_blocks_nobody_and_journals",
        unmanaged,
    ),
];

/// From 9.8 on sshd turns an address away for a while after failed logins. Here one laptop makes all of them.
const SPARE_THE_LAPTOP: &str = "\
    if sshd -T | grep -q '^persourcepenalties'; then \
        echo 'PerSourcePenaltyExemptList 192.0.2.0/24' > /etc/ssh/sshd_config.d/20-laptop.conf; \
    fi";

/// Olga, an operator of db1 with a key and sudo; a CA of the site's own with a user; `porter`, managed too.
pub(crate) fn settle(site: &Site) -> Result<()> {
    let (db1, laptop) = (site.network.host("db1")?, site.network.host("laptop")?);
    laptop.add_user("olga")?;
    laptop.user("olga", ["mkdir", "-m700", ".ssh"]).ok()?;
    laptop
        .user(
            "olga",
            [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-f",
                ".ssh/id_ed25519",
            ],
        )
        .ok()?;
    let key = laptop.read("/home/olga/.ssh/id_ed25519.pub")?;
    for account in ["olga", "guest", "porter"] {
        db1.add_user(account)?;
    }
    for account in ["olga", "root"] {
        db1.script(&format!("umask 077; cd ~{account}; mkdir -p .ssh; cat > .ssh/authorized_keys; chown -R {account}: .ssh")).input(&key).ok()?;
    }
    db1.write("/etc/sudoers.d/olga", "olga ALL=(ALL) NOPASSWD: ALL\n")?;
    laptop.script("cd /home/olga; ssh-keygen -q -t ed25519 -N '' -f site_ca; cp .ssh/id_ed25519.pub guest.pub; ssh-keygen -q -s site_ca -I guest -n guest -V -1m:+1h guest.pub; chown olga guest*").ok()?;
    db1.write(
        "/etc/ssh/site_ca.pub",
        laptop.read("/home/olga/site_ca.pub")?,
    )?;
    db1.write(
        "/etc/ssh/sshd_config.d/10-site.conf",
        "TrustedUserCAKeys /etc/ssh/site_ca.pub\n",
    )?;
    // Contractors of these tests restart it more often than anybody should.
    db1.script("mkdir -p /etc/systemd/system/cron.service.d; printf '[Unit]\\nStartLimitIntervalSec=0\\n' > /etc/systemd/system/cron.service.d/tests.conf; systemctl daemon-reload").ok()?;
    site.manage("db1", "porter")?;
    ["db1", "db2"].iter().try_for_each(|host| {
        let host = site.network.host(host)?;
        host.script(SPARE_THE_LAPTOP).ok()?;
        host.reload_sshd()
    })
}

/// Plain ssh from Olga's account, with nothing of daypass's.
pub(crate) fn from_olga(
    site: &Site,
    options: &[&str],
    destination: &str,
    command: &str,
) -> Result<Output> {
    let ssh = [
        "ssh",
        "-oBatchMode=yes",
        "-oStrictHostKeyChecking=no",
        "-oUserKnownHostsFile=/dev/null",
        "-oLogLevel=ERROR",
    ];
    let words = ssh
        .into_iter()
        .chain(options.iter().copied())
        .chain([destination, command]);
    site.network.host("laptop")?.user("olga", words).run()
}

/// Olga, root and the guest of the site's own CA get in; Olga can sudo.
pub(crate) fn others_get_in(site: &Site) -> Result<()> {
    for (options, destination, command, expected) in [
        (&[][..], "olga@db1", "sudo -n id -un", "root\n"),
        (&[][..], "root@db1", "id -un", "root\n"),
        (
            &["-oCertificateFile=guest-cert.pub"][..],
            "guest@db1",
            "id -un",
            "guest\n",
        ),
    ] {
        let output = from_olga(site, options, destination, command)?;
        assert_eq!(output.stdout(), expected, "{destination}: {output}");
    }
    Ok(())
}

fn refused(output: &Output) {
    assert!(!output.success() && output.stdout.is_empty(), "{output}");
}

/// Gives the laptop one more address: of one address a host tells ten refusals a minute.
pub(crate) fn move_in(site: &Site, address: &str) -> Result<()> {
    let there = format!("{address}/24");
    let replace = ["ip", "address", "replace", &there, "dev", "eth0"];
    site.network.host("laptop")?.root(replace).ok().map(drop)
}

/// The same from an address of its own.
fn from_elsewhere(site: &Site, address: &str, options: &[&str]) -> Result<Output> {
    move_in(site, address)?;
    let options: Vec<&str> = ["-b", address].iter().chain(options).copied().collect();
    from_olga(site, &options, "deploy@db1", "id")
}

/// What sshd refused by itself, from this address, is in the host's journal.
fn await_refusal_by_sshd(site: &Site, address: &str, parts: &[&str]) -> Result<String> {
    let address = format!("\"address\":\"{address}\"");
    let whose = ["\"account\":\"deploy\"", &address];
    let parts: Vec<&str> = whose.iter().chain(parts).copied().collect();
    site.await_entry("db1", "login.denied", &parts)
}

/// Olga's key, as sshd names it.
fn olgas_key(site: &Site) -> Result<String> {
    let laptop = site.network.host("laptop")?;
    let said = laptop
        .user("olga", ["ssh-keygen", "-lf", ".ssh/id_ed25519.pub"])
        .ok()?;
    let key = said.split_whitespace().nth(1).unwrap_or_default();
    Ok(format!("\"shown\":\"ED25519 {key}\""))
}

fn plant_key(site: &Site) -> Result<()> {
    let key = site
        .network
        .host("laptop")?
        .read("/home/olga/.ssh/id_ed25519.pub")?;
    let plant =
        "umask 077; cd ~deploy; mkdir -p .ssh; cat > .ssh/authorized_keys; chown -R deploy: .ssh";
    site.network
        .host("db1")?
        .script(plant)
        .input(key)
        .ok()
        .map(drop)
}

fn planted_key(site: &Site) -> Result<()> {
    plant_key(site)?;
    refused(&from_elsewhere(site, "192.0.2.90", &[])?);
    let parts = ["refused-by-sshd", &olgas_key(site)?];
    await_refusal_by_sshd(site, "192.0.2.90", &parts).map(drop)
}

fn password(site: &Site) -> Result<()> {
    site.network
        .host("db1")?
        .root(["chpasswd"])
        .input("deploy:let-me-in\nolga:let-me-in\n")
        .ok()?;
    let ways = "PreferredAuthentications=password,keyboard-interactive";
    let options = ["-v", "-o", ways, "-oLogLevel=DEBUG"];
    let offered = from_elsewhere(site, "192.0.2.91", &options)?;
    refused(&offered);
    // ssh ends its debugging lines as terminals want them.
    let only_keys = |line: &str| line.trim_end().ends_with("can continue: publickey");
    assert!(offered.stderr().lines().any(only_keys), "{offered}");
    let denied = await_refusal_by_sshd(site, "192.0.2.91", &["refused-by-sshd"])?;
    assert!(!denied.contains("\"shown\""), "{denied}");
    Ok(())
}

/// The host says yes to the certificate before it sees a proof of its key; that yes must serve nobody else.
fn certificate_without_key(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    let laptop = site.network.host("laptop")?;
    laptop
        .script("install -o olga -m600 $(ls /home/carol/.local/share/daypass/certificates/*-cert.pub | head -n 1) /home/olga/stolen-cert.pub; install -o olga -m644 /home/carol/.ssh/id_ed25519.pub /home/olga/stolen.pub")
        .ok()?;
    plant_key(site)?;
    let stolen = [
        "-v",
        "-oLogLevel=DEBUG",
        "-oIdentitiesOnly=yes",
        "-oCertificateFile=stolen-cert.pub",
        "-istolen.pub",
    ];
    let knock = |address, options: &[&str]| {
        let output = from_elsewhere(site, address, options)?;
        refused(&output);
        assert!(
            output.stderr().contains("Server accepts key"),
            "the certificate was to be offered: {output}"
        );
        Ok::<_, daypass_tests::Error>(())
    };
    knock("192.0.2.92", &stolen)?;
    await_refusal_by_sshd(site, "192.0.2.92", &["key-not-proven"])?;
    let with_planted = [&stolen[..], &["-i.ssh/id_ed25519"]].concat();
    knock("192.0.2.93", &with_planted)?;
    await_refusal_by_sshd(site, "192.0.2.93", &["key-not-proven"]).map(drop)
}

fn own_ca(site: &Site) -> Result<()> {
    let output = from_olga(
        site,
        &["-oCertificateFile=guest-cert.pub"],
        "guest@db1",
        "id -un",
    )?;
    assert_eq!(output.stdout(), "guest\n", "{output}");
    Ok(())
}

fn ordinary_user(site: &Site) -> Result<()> {
    others_get_in(site)?;
    site.await_entry("db1", "sudo.request", &["\"account\":\"olga\"", "id -un"])?;
    Ok(())
}

fn ca_away(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let carol = site.person(CAROL);
    carol.ssh("deploy@db1", &["true"]).ok()?;
    let server = site.network.host("server")?;
    server.root(["systemctl", "stop", "daypass-ca"]).ok()?;
    let cached = carol.ssh("deploy@db1", &["id", "-un"]).run();
    let fetched = carol
        .daypass(["login", "--host", "db2", "--user", "deploy"])
        .run();
    server.root(["systemctl", "start", "daypass-ca"]).ok()?;
    let (cached, fetched) = (cached?, fetched?);
    assert_eq!(cached.stdout(), "deploy\n", "{cached}");
    assert_eq!(fetched.code(), Some(1), "{fetched}");
    assert!(
        fetched.stderr().contains("server"),
        "the address was to be named: {fetched}"
    );
    Ok(())
}

fn unmanaged(site: &Site) -> Result<()> {
    close_all(site)?;
    let (db2, laptop) = (site.network.host("db2")?, site.network.host("laptop")?);
    db2.root(["daypass-agent", "unmanage", "deploy"]).ok()?;
    let key = laptop.read("/home/olga/.ssh/id_ed25519.pub")?;
    db2.script(
        "umask 077; cd ~deploy; mkdir -p .ssh; cat > .ssh/authorized_keys; chown -R deploy: .ssh",
    )
    .input(key)
    .ok()?;
    let output = from_olga(site, &[], "deploy@db2", "id -un");
    let entry = site.await_entry("db2", "session.open", &["\"account\":\"deploy\""]);
    db2.script("rm -r ~deploy/.ssh; daypass-agent manage deploy")
        .ok()?;
    let output = output?;
    assert_eq!(output.stdout(), "deploy\n", "{output}");
    entry.map(drop)
}
