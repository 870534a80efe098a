//! What somebody at a prompt waits for: a login, a sudo.

use daypass_tests::{CAROL, Host, Result, Site};

use crate::figures::{Samples, row};
use crate::log_server;
use crate::scene::{PLAIN, forward, window};

/// Logins of each kind, in turns.
const LOGINS: usize = 40;
/// Rounds, and sudo calls of each kind in a round.
pub(crate) const ROUNDS: usize = 16;
pub(crate) const SUDOS: usize = 20;

/// Microseconds of each run of a command, a line each.
fn timed(command: &str, times: usize) -> String {
    format!(
        "for n in $(seq {times}); do s=$EPOCHREALTIME; {command}; e=$EPOCHREALTIME; \
         echo $(( ${{e/./}} - ${{s/./}} )); done"
    )
}

pub(crate) fn logins(site: &Site) -> Result<()> {
    forward(site, "before-sudo")?;
    window(site)?;
    let quiet = "-F none -oBatchMode=yes -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -oLogLevel=ERROR";
    let certificates = "ls .local/share/daypass/certificates/*-cert.pub";
    let certificate = site
        .person(CAROL)
        .command(["sh", "-c", certificates])
        .ok()?;
    let certificate = certificate.lines().next().unwrap_or_default();
    let contractor = format!(
        "ssh {quiet} -oIdentitiesOnly=yes -oCertificateFile={certificate} -i .ssh/id_ed25519 deploy@db1 true"
    );
    certify(site)?;
    let kinds = [
        (CAROL, contractor),
        // The same kind of login, with a certificate, at a stock sshd.
        (
            PLAIN,
            format!(
                "ssh {quiet} -oCertificateFile=.ssh/stock-cert.pub -i .ssh/stock plain@server true"
            ),
        ),
        (PLAIN, format!("ssh {quiet} plain@db1 true")),
        (PLAIN, format!("ssh {quiet} plain@server true")),
    ];
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..LOGINS / 4 {
        for (index, (who, ssh)) in kinds.iter().enumerate() {
            let line = timed(ssh, 4);
            let said = site.person(who).command(["bash", "-c", &line]).ok()?;
            times[index].extend(Samples::parse(&said));
        }
    }
    let [with, stock, ordinary, without] = times.map(Samples::of);
    let against = |samples: &Samples, other: &Samples| {
        let times = samples.at(50) / other.at(50);
        format!("{}, {times:.2} times", samples.spelled())
    };
    let goal = "<= 1.05 times";
    row(
        "ssh host true by certificate, without daypass",
        &stock.spelled(),
        "",
    );
    row("ssh host true, a contractor", &against(&with, &stock), goal);
    row(
        "ssh host true by key, without daypass",
        &without.spelled(),
        "",
    );
    row(
        "ssh host true, an ordinary user",
        &against(&ordinary, &without),
        goal,
    );
    row(
        "the contractor's against the key's",
        &against(&with, &without),
        "",
    );
    Ok(())
}

/// A certificate of the ordinary user's by a CA of its own, which the server's sshd trusts.
fn certify(site: &Site) -> Result<()> {
    let make = "cd .ssh && ssh-keygen -q -t ed25519 -N '' -f ca && ssh-keygen -q -t ed25519 -N '' -f stock && \
         ssh-keygen -q -s ca -I stock -n plain -V +1d stock.pub && cat ca.pub";
    let ca = site.person(PLAIN).command(["sh", "-ec", make]).ok()?;
    let server = site.network.host("server")?;
    server.write("/etc/ssh/stock-ca.pub", ca)?;
    server.write(
        "/etc/ssh/sshd_config.d/20-stock.conf",
        "TrustedUserCAKeys /etc/ssh/stock-ca.pub\n",
    )?;
    server.root(["systemctl", "reload", "ssh"]).ok()?;
    Ok(())
}

pub(crate) fn sudo(site: &Site) -> Result<()> {
    window(site)?;
    let (db1, server) = (site.network.host("db1")?, site.network.host("server")?);
    let mut plain = Vec::new();
    let mut ordinary = Vec::new();
    let mut kinds = Vec::new();
    for how in ["async", "before-sudo"] {
        forward(site, how)?;
        let mut contractor = Vec::new();
        for _ in 0..ROUNDS {
            plain.extend(as_plain(server)?);
            ordinary.extend(as_plain(db1)?);
            let line = timed("sudo -n /usr/bin/true", SUDOS);
            let said = site.person(CAROL).ssh("deploy@db1", &[&line]).ok()?;
            contractor.extend(Samples::parse(&said));
        }
        kinds.push((how, Samples::of(contractor)));
    }
    let (plain, ordinary) = (Samples::of(plain), Samples::of(ordinary));
    let more = |samples: &Samples| {
        format!(
            "{}, {:+.2} ms",
            samples.spelled(),
            samples.at(50) - plain.at(50)
        )
    };
    row("sudo -n true, without daypass", &plain.spelled(), "");
    row(
        "sudo -n true, an ordinary user",
        &more(&ordinary),
        "<= +0.4 ms",
    );
    for ((how, samples), goal) in kinds.iter().zip(["<= +0.6 ms", "<= +5 ms"]) {
        row(
            &format!("sudo -n true, a contractor, {how}"),
            &more(samples),
            goal,
        );
    }
    log_server::measure(server, &more)
}

pub(crate) fn as_plain(host: &Host) -> Result<Vec<f64>> {
    let line = timed("sudo -n /usr/bin/true", SUDOS);
    let said = host.user(PLAIN, ["bash", "-c", &line]).ok()?;
    Ok(Samples::parse(&said))
}
