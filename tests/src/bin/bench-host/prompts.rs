//! What somebody at a prompt waits for: a login, a sudo.

use daypass_tests::{CAROL, Host, Result, Site};

use crate::figures::{Samples, row};
use crate::scene::{PLAIN, forward, window};

/// Logins of each kind, in turns.
const LOGINS: usize = 40;
/// Rounds, and sudo calls of each kind in a round.
const ROUNDS: usize = 4;
const SUDOS: usize = 60;
/// sudo's own log server, beside a sudo without daypass. Debian's is built without TLS, which costs more still.
const LOG_SERVER: &str = "\
    printf '[server]\\nlisten_address = localhost:30344\\n[eventlog]\\nlog_type = logfile\\n[logfile]\\npath = /var/log/sudo_logsrvd.log\\n' \
        > /etc/sudo_logsrvd.conf; \
    systemd-run --quiet --unit=logsrvd /usr/sbin/sudo_logsrvd -n; \
    timeout 10 sh -c 'until ss -ltn | grep -q :30344; do :; done'; \
    echo 'Defaults:plain log_servers=localhost:30344' > /etc/sudoers.d/log-server";

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
    let contractor = format!(
        "ssh {quiet} -oIdentitiesOnly=yes -oCertificateFile=$(ls .local/share/daypass/certificates/*-cert.pub | head -n 1) \
         -i .ssh/id_ed25519 deploy@db1 true"
    );
    let (with, ordinary, without) = (
        contractor,
        format!("ssh {quiet} plain@db1 true"),
        format!("ssh {quiet} plain@server true"),
    );
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..LOGINS / 4 {
        for (index, (who, ssh)) in [(CAROL, &with), (PLAIN, &ordinary), (PLAIN, &without)]
            .into_iter()
            .enumerate()
        {
            let line = timed(ssh, 4);
            let said = site.person(who).command(["bash", "-c", &line]).ok()?;
            times[index].extend(Samples::parse(&said));
        }
    }
    let [with, ordinary, without] = times.map(Samples::of);
    row("ssh host true, without daypass", &without.spelled(), "");
    let times = |samples: &Samples| {
        format!(
            "{}, {:.2} times",
            samples.spelled(),
            samples.at(50) / without.at(50)
        )
    };
    row(
        "ssh host true, a contractor",
        &times(&with),
        "<= 1.05 times",
    );
    row("ssh host true, an ordinary user", &times(&ordinary), "");
    Ok(())
}

pub(crate) fn sudo(site: &Site) -> Result<()> {
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
            "{}, +{:.2} ms",
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
    log_server(server, &more)
}

fn as_plain(host: &Host) -> Result<Vec<f64>> {
    let line = timed("sudo -n /usr/bin/true", SUDOS);
    let said = host.user(PLAIN, ["bash", "-c", &line]).ok()?;
    Ok(Samples::parse(&said))
}

fn log_server(server: &Host, more: &impl Fn(&Samples) -> String) -> Result<()> {
    let what = "sudo -n true, sudo's log server without TLS";
    if !server.script(LOG_SERVER).run()?.success() {
        row(what, "it could not be set up here", "");
        return Ok(());
    }
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.extend(as_plain(server)?);
    }
    server
        .script("rm /etc/sudoers.d/log-server; systemctl stop logsrvd")
        .ok()?;
    row(what, &more(&Samples::of(times)), "");
    Ok(())
}
