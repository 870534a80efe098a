//! sudo's own log server, beside a sudo without daypass: what it costs elsewhere that a command is known on another machine
//! before it runs.

use daypass_tests::{Host, Result};

use crate::figures::{Samples, row};
use crate::prompts::{ROUNDS, SUDOS, as_plain};

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
    defaults: "Defaults:plain log_server_cabundle=/etc/logsrvd/cert.pem\n",
};
/// A certificate that is its own CA.
const CERTIFY: &str = "mkdir -p /etc/logsrvd; cd /etc/logsrvd; \
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem";
const START: &str = "rm -f /var/log/sudo_logsrvd.log; \
    systemd-run --quiet --unit=logsrvd /usr/sbin/sudo_logsrvd -n; \
    timeout 10 sh -c 'until ss -ltn | grep -q :30344; do :; done'";
const STOP: &str = "rm -f /etc/sudoers.d/log-server; systemctl stop logsrvd 2>/dev/null || true";

/// Both, where the release's sudo has both.
pub(crate) fn measure(server: &Host, more: &impl Fn(&Samples) -> String) -> Result<()> {
    figure(server, &CLEAR, more)?;
    let has_tls = "ldd /usr/sbin/sudo_logsrvd | grep -q libssl";
    if !server.root(["sh", "-c", has_tls]).run()?.success() {
        let elsewhere = "none in this release's sudo; Debian 13's has it";
        row(TLS.what, elsewhere, "");
        return Ok(());
    }
    figure(server, &TLS, more)
}

fn figure(server: &Host, way: &Way, more: &impl Fn(&Samples) -> String) -> Result<()> {
    let measured = if set_up(server, way)? {
        calls(server, more)
    } else {
        Ok("it could not be set up here".to_owned())
    };
    server.script(STOP).ok()?;
    row(way.what, &measured?, "");
    Ok(())
}

fn set_up(server: &Host, way: &Way) -> Result<bool> {
    let Way {
        address,
        settings,
        defaults,
        ..
    } = way;
    server.write(
        "/etc/sudo_logsrvd.conf",
        format!(
            "[server]\nlisten_address = {address}\n{settings}[eventlog]\nlog_type = logfile\n\
             [logfile]\npath = /var/log/sudo_logsrvd.log\n"
        ),
    )?;
    for step in [CERTIFY, START] {
        if !server.script(step).run()?.success() {
            return Ok(false);
        }
    }
    let rule = format!("Defaults:plain log_servers=\"{address}\"\n{defaults}");
    server.write("/etc/sudoers.d/log-server", rule)?;
    Ok(true)
}

/// sudo goes on without a log server that it does not reach, so the figure counts only where all calls came there.
fn calls(server: &Host, more: &impl Fn(&Samples) -> String) -> Result<String> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.extend(as_plain(server)?);
    }
    // The last may still be on its way into the file.
    let all = ROUNDS * SUDOS;
    let told = format!(
        "told() {{ grep -c COMMAND= /var/log/sudo_logsrvd.log; }}; end=$(($(date +%s) + 10)); \
         until [ \"$(told)\" = {all} ] || [ $(date +%s) -ge $end ]; do :; done; told"
    );
    let told = server.root(["sh", "-c", &told]).run()?.stdout();
    if told.trim() == all.to_string() {
        Ok(more(&Samples::of(times)))
    } else {
        Ok(format!("of {all} calls, these came to it: {}", told.trim()))
    }
}
