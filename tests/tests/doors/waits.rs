//! What everybody else waits while the agent hangs. The kernel is told beforehand how long each call on the agent's socket may take, and
//! strace reads along: no clock is looked at, so it holds on a machine that is busy, too.

use std::collections::BTreeMap;
use std::time::Duration;

use daypass_tests::{Host, Result, Site};

use crate::Rows;
use crate::others::from_olga;
use crate::sudo_settings::undone;

/// What all phases of a transaction may take together.
const IN_ALL: Duration = Duration::from_millis(200);
const SOCKET: &str = "/run/daypass/agent.sock";
const FOR_EVER: Duration = Duration::from_secs(1 << 32);

pub(crate) const ROWS: &Rows = &[(
    "with_the_agent_hung_nobody_else_waits_longer_than_a_fifth_of_a_second_and_then_not_at_all",
    others_wait,
)];

const HANG: &str = "systemctl kill --signal=STOP daypass-agent";
const GO_ON: &str = "\
    systemctl kill --signal=CONT daypass-agent; systemctl stop traced 2>/dev/null || true; \
    rm -rf /root/waits /run/daypass/unanswered";
/// Nobody has waited in vain yet. There is a file for each process that is traced.
const ANEW: &str = "\
    rm -rf /root/waits /run/daypass/unanswered; mkdir /root/waits; \
    trace='strace -ff -qq -xx -o /root/waits/of -e trace=socket,fcntl,connect,setsockopt,sendto,recvfrom,close'";
/// From here on whoever comes by ssh is traced, with all that they call.
const WATCH_SSHD: &str = "\
    sshd=$(pgrep -o -x sshd); systemd-run --quiet --unit=traced $trace -p $sshd; \
    timeout 60 sh -c \"while grep -q '^TracerPid:.0$' /proc/$sshd/status; do :; done\"";

fn others_wait(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    undone(db1, GO_ON, || {
        db1.script(HANG).ok()?;
        let sudo = "$trace -u olga sudo -n id -un";
        once("sudo", &traced(db1, sudo)?);
        // Of two, one after the other, the second one waits no more.
        once("su", &traced(db1, "$trace su - olga -c 'sudo -n id -un'")?);
        let second = traced(db1, &format!("{sudo}; rm /root/waits/*; {sudo}"))?;
        assert_eq!(asked(&second), 0, "{second:?}");
        db1.script(&format!("{ANEW}; {WATCH_SSHD}")).ok()?;
        let login = from_olga(site, &[], "olga@db1", "sudo -n id -un")?;
        assert_eq!(login.stdout(), "root\n", "{login}");
        db1.script("systemctl stop traced").ok()?;
        once("ssh", &read(db1)?);
        Ok(())
    })
}

/// Somebody asked, and all processes together waited no longer than one of them may.
fn once(what: &str, trace: &Trace) {
    assert!(asked(trace) > 0, "{what}: {trace:?}");
    let waited: Duration = trace.values().map(|waits| waits.in_vain).sum();
    assert!(waited <= IN_ALL, "{what}: {trace:?}");
    for waits in trace.values() {
        // From call to call, and from phase to phase, there is less left.
        let is_spent = waits.patience.is_sorted_by(|one, next| one >= next);
        let is_short = waits.patience.first().is_none_or(|first| *first <= IN_ALL);
        assert!(is_spent && is_short, "{what}: {trace:?}");
    }
}

fn asked(trace: &Trace) -> usize {
    trace.values().map(|waits| waits.asked).sum()
}

fn traced(db1: &Host, script: &str) -> Result<Trace> {
    db1.script(&format!("{ANEW}; {script}")).ok()?;
    read(db1)
}

fn read(db1: &Host) -> Result<Trace> {
    let text = db1.script("grep -H '' /root/waits/of.* || true").ok()?;
    let mut trace = Trace::new();
    for line in text.lines() {
        if let Some((process, call)) = line.split_once(':') {
            trace.entry(process.to_owned()).or_default().read(call);
        }
    }
    Ok(trace)
}

type Trace = BTreeMap<String, Waits>;

/// What one process did with the agent's socket.
#[derive(Debug, Default)]
struct Waits {
    asked: usize,
    /// What each call might have taken, in their order.
    patience: Vec<Duration>,
    /// What those took that ended without having got anything.
    in_vain: Duration,
    sockets: BTreeMap<u32, Socket>,
}

/// Any socket, until it is known whose it is. Until it is told how long it may take, it waits for ever, or never.
#[derive(Debug)]
struct Socket {
    is_the_agents: bool,
    never_waits: bool,
    to_send: Duration,
    to_receive: Duration,
}

impl Socket {
    fn made(never_waits: bool) -> Self {
        Self {
            is_the_agents: false,
            never_waits,
            to_send: FOR_EVER,
            to_receive: FOR_EVER,
        }
    }
}

impl Waits {
    fn read(&mut self, call: &str) {
        let Some((name, rest)) = call.split_once('(') else {
            return;
        };
        let number = match name {
            "socket" => rest.rsplit(" = ").next(),
            _ => rest.split([',', ')']).next(),
        };
        let Some(number) = number.and_then(|text| text.trim().parse::<u32>().ok()) else {
            return;
        };
        if name == "close" {
            self.sockets.remove(&number);
            return;
        }
        // One that was made before strace came.
        let of_before = || Socket::made(false);
        let socket = self.sockets.entry(number).or_insert_with(of_before);
        match name {
            "socket" => *socket = Socket::made(rest.contains("SOCK_NONBLOCK")),
            "fcntl" if rest.contains("F_SETFL") => socket.never_waits = rest.contains("O_NONBLOCK"),
            "setsockopt" if rest.contains("SO_SNDTIMEO") => socket.to_send = time(rest),
            "setsockopt" if rest.contains("SO_RCVTIMEO") => socket.to_receive = time(rest),
            "connect" => {
                socket.is_the_agents = rest.contains(&hexadecimal(SOCKET));
                self.asked += usize::from(socket.is_the_agents);
            }
            _ => {}
        }
        let patience = match name {
            "connect" | "sendto" | "recvfrom" if socket.never_waits => return,
            "connect" | "sendto" => socket.to_send,
            "recvfrom" => socket.to_receive,
            _ => return,
        };
        if socket.is_the_agents {
            self.patience.push(patience);
            if rest.contains(" = -1 EAGAIN") {
                self.in_vain += patience;
            }
        }
    }
}

/// As `strace -xx` writes text.
fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// Two numbers of eight bytes: seconds, and millionths of one. Nothing would be "for ever".
fn time(call: &str) -> Duration {
    let quoted = call.split('"').nth(1).unwrap_or_default();
    let bytes = quoted.split("\\x").skip(1);
    let bytes: Option<Vec<u8>> = bytes
        .map(|byte| u8::from_str_radix(byte, 16).ok())
        .collect();
    let number = |at: usize| {
        let bytes = bytes.as_ref()?.get(at..at + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    match (number(0), number(8)) {
        (Some(seconds), Some(micros)) if (seconds, micros) != (0, 0) => {
            Duration::from_secs(seconds) + Duration::from_micros(micros)
        }
        _ => FOR_EVER,
    }
}
