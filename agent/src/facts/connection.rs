//! Where a login comes from: the TCP connection that an sshd monitor holds, as the kernel lists it.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;

use super::process::Process;
use super::reading::established;

/// The far end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address; IPv4 in IPv6 is shown as IPv4.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
}

/// The far end of the TCP connection that this process holds; `None` where it holds none, or several (an sshd monitor
/// holds one, or a socket pair where something stands in between).
#[must_use]
pub fn connection_of(process: Process) -> Option<Endpoint> {
    let inodes = sockets_of(process.pid);
    let mut found = None;
    for family in ["tcp", "tcp6"] {
        // The process's own view: it may live in another network namespace.
        let table =
            fs::read_to_string(format!("/proc/{}/net/{family}", process.pid)).unwrap_or_default();
        for endpoint in table
            .lines()
            .skip(1)
            .filter_map(|line| established(line, &inodes))
        {
            if found.is_some_and(|known| known != endpoint) {
                return None;
            }
            found = Some(endpoint);
        }
    }
    found
}

fn sockets_of(pid: i32) -> BTreeSet<u64> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?;
            target
                .to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')?
                .parse()
                .ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_connection_is_found_with_its_far_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, remote) = listener.accept().unwrap();
        // A child that holds the accepted end alone, as sshd's monitor does.
        let mut child = Command::new("cat")
            .stdin(std::os::fd::OwnedFd::from(far))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let process = Process::with_pid(child.id() as i32).unwrap();
        assert_eq!(
            connection_of(process),
            Some(Endpoint {
                address: remote.ip(),
                port: remote.port()
            })
        );
        drop(near);
        child.wait().unwrap();
    }
}
