//! sudo's own log server, beside a sudo without daypass: what it costs elsewhere that a command is known on another machine
//! before it runs.

use daypass_tests::{Host, Result, Site};

use crate::figures::{Turns, row};
use crate::stock::{self, STOCK};
use crate::sudo::{self, ROUNDS, SUDOS};

/// How it is spoken to.
struct Way {
    what: &'static str,
    address: &'static str,
    /// What stands in its settings besides, and in sudo's.
    settings: &'static str,
    defaults: &'static str,
}

const CLEAR: Way = Way {
    what: "sudo -n true, sudo's log server without TLS",
    address: "localhost:30344",
    settings: "",
    defaults: "",
};
/// sudo checks the certificate by its CA and its name, the server asks sudo for none.
const TLS: Way = Way {
    what: "sudo -n true, sudo's log server over TLS",
    address: "localhost:30344(tls)",
    settings: "tls_cert = /etc/logsrvd/cert.pem\n\
        tls_key = /etc/logsrvd/key.pem\n\
        tls_cacert = /etc/logsrvd/cert.pem\n",
    defaults: "Defaults:logged log_server_cabundle=/etc/logsrvd/cert.pem\n",
};
/// A certificate that is its own CA.
const CERTIFY: &str = "mkdir -p /etc/logsrvd; cd /etc/logsrvd; \
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem";
const START: &str = "rm -f /var/log/sudo_logsrvd.log; \
    systemd-run --quiet --unit=logsrvd /usr/sbin/sudo_logsrvd -n; \
    timeout 10 sh -c 'until ss -ltn | grep -q :30344; do :; done'";
const STOP: &str = "rm -f /etc/sudoers.d/log-server; systemctl stop logsrvd 2>/dev/null || true";

/// Whose sudo tells it.
const LOGGED: &str = "logged";

/// Both, where the release's sudo has both.
pub(crate) fn measure(site: &Site) -> Result<()> {
    stock::sudoer(site, LOGGED)?;
    figure(site, &CLEAR)?;
    let has_tls = "ldd /usr/sbin/sudo_logsrvd | grep -q libssl";
    let host = site.network.host("db1")?;
    if !host.root(["sh", "-c", has_tls]).run()?.success() {
        let elsewhere = "none in this release's sudo; Debian 13's has it";
        row(TLS.what, elsewhere, "");
        return Ok(());
    }
    figure(site, &TLS)
}

fn figure(site: &Site, way: &Way) -> Result<()> {
    let host = site.network.host("db1")?;
    let measured = if set_up(host, way)? {
        calls(site)
    } else {
        Ok("it could not be set up here".to_owned())
    };
    host.script(STOP).ok()?;
    row(way.what, &measured?, "");
    Ok(())
}

fn set_up(host: &Host, way: &Way) -> Result<bool> {
    let Way {
        address,
        settings,
        defaults,
        ..
    } = way;
    host.write(
        "/etc/sudo_logsrvd.conf",
        format!(
            "[server]\nlisten_address = {address}\n{settings}[eventlog]\nlog_type = logfile\n\
             [logfile]\npath = /var/log/sudo_logsrvd.log\n"
        ),
    )?;
    for step in [CERTIFY, START] {
        if !host.script(step).run()?.success() {
            return Ok(false);
        }
    }
    let rule = format!("Defaults:{LOGGED} log_servers=\"{address}\"\n{defaults}");
    host.write("/etc/sudoers.d/log-server", rule)?;
    Ok(true)
}

/// sudo goes on without a log server that it does not reach, so the figure counts only where all calls came there.
fn calls(site: &Site) -> Result<String> {
    let mut turns = Turns::default();
    for _ in 0..ROUNDS {
        turns.add(&sudo::calls(site, STOCK)?, sudo::calls(site, LOGGED)?);
    }
    // The last may still be on its way into the file.
    let all = ROUNDS * SUDOS;
    let told = format!(
        "told() {{ grep -c COMMAND= /var/log/sudo_logsrvd.log; }}; end=$(($(date +%s) + 10)); \
         until [ \"$(told)\" = {all} ] || [ $(date +%s) -ge $end ]; do :; done; told"
    );
    let told = site
        .network
        .host("db1")?
        .root(["sh", "-c", &told])
        .run()?
        .stdout();
    if told.trim() == all.to_string() {
        Ok(turns.spelled())
    } else {
        Ok(format!("of {all} calls, these came to it: {}", told.trim()))
    }
}
