//! Where a login comes from: the TCP connection that an sshd monitor holds, as the kernel knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::{IpAddr, TcpStream};

use nix::sys::socket::{SockType, getsockopt, sockopt};

use super::process::{Handle, Process};
use super::reading::established;

/// What is set aside for one of the kernel's lists: each read of one goes through all of the kernel's table, which takes
/// most of a millisecond, however few connections there are.
const USUAL_TABLE: usize = 64 * 1024;

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
    let sockets = sockets_of(process.pid);
    if sockets.is_empty() {
        return None;
    }
    let ends = process.hold().map_err(|_| ()).and_then(|handle| {
        let ends = sockets.values().map(|number| far_end(&handle, *number));
        ends.collect::<io::Result<Vec<_>>>().map_err(|_| ())
    });
    match ends {
        Ok(ends) => the_one(ends.into_iter().flatten()),
        // Where nobody may take a look at another's socket (yama's ptrace_scope 3) the lists serve.
        Err(()) => the_one(listed(process, &sockets)),
    }
}

/// What all of them are, if they are the same.
fn the_one(mut ends: impl Iterator<Item = Endpoint>) -> Option<Endpoint> {
    let first = ends.next()?;
    ends.all(|other| other == first).then_some(first)
}

/// Inode and descriptor of each socket.
fn sockets_of(pid: i32) -> BTreeMap<u64, i32> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    let socket = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).ok()?;
        let inode = target.to_str()?.strip_prefix("socket:[")?;
        let inode = inode.strip_suffix(']')?.parse().ok()?;
        Some((inode, entry.file_name().to_str()?.parse().ok()?))
    };
    entries.filter_map(socket).collect()
}

/// The far end of one socket, asked of the socket itself, which is ours only for that. `None` for what is no TCP
/// connection, or none any more.
fn far_end(holder: &Handle, number: i32) -> io::Result<Option<Endpoint>> {
    let socket = match holder.descriptor(number) {
        Ok(socket) => socket,
        // Closed since.
        Err(error) if error.raw_os_error() == Some(libc::EBADF) => return Ok(None),
        Err(error) => return Err(error),
    };
    if getsockopt(&socket, sockopt::SockType) != Ok(SockType::Stream) {
        return Ok(None);
    }
    // Of another family, or not connected.
    let far = TcpStream::from(socket).peer_addr().ok();
    Ok(far.map(|far| Endpoint {
        address: far.ip().to_canonical(),
        port: far.port(),
    }))
}

/// What the kernel's lists of connections say of these sockets.
fn listed(process: Process, sockets: &BTreeMap<u64, i32>) -> impl Iterator<Item = Endpoint> {
    let inodes: BTreeSet<u64> = sockets.keys().copied().collect();
    // The process's own view: it may live in another network namespace.
    let table = |family| {
        let mut text = String::with_capacity(USUAL_TABLE);
        let file = fs::File::open(format!("/proc/{}/net/{family}", process.pid));
        // What was read before an error holds.
        let _ = file.and_then(|mut file| io::Read::read_to_string(&mut file, &mut text));
        text
    };
    ["tcp", "tcp6"]
        .map(table)
        .into_iter()
        .flat_map(move |table| {
            let lines = table.lines().skip(1);
            lines
                .filter_map(|line| established(line, &inodes))
                .collect::<Vec<_>>()
        })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A child that holds this alone, as sshd's monitor does.
    fn holder(held: impl Into<OwnedFd>) -> Child {
        Command::new("cat")
            .stdin(held.into())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn connection(address: &str) -> (TcpStream, TcpStream, Endpoint) {
        let listener = TcpListener::bind(address).unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, remote) = listener.accept().unwrap();
        let (address, port) = (remote.ip().to_canonical(), remote.port());
        (near, far, Endpoint { address, port })
    }

    #[test]
    fn a_connection_is_found_with_its_far_end_by_the_socket_and_by_the_lists() {
        let (near, far, remote) = connection("127.0.0.1:0");
        let mut child = holder(far);
        let process = Process::with_pid(child.id() as i32).unwrap();
        assert_eq!(connection_of(process), Some(remote));
        let sockets = sockets_of(process.pid);
        assert_eq!(listed(process, &sockets).collect::<Vec<_>>(), [remote]);
        drop(near);
        child.wait().unwrap();
    }

    #[test]
    fn what_is_no_connection_has_no_far_end() {
        let (one, other) = UnixStream::pair().unwrap();
        let mut child = holder(one);
        let process = Process::with_pid(child.id() as i32).unwrap();
        assert_eq!(connection_of(process), None);
        drop(other);
        child.wait().unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut child = Command::new("sleep")
            .arg("60")
            .stdin(OwnedFd::from(listener))
            .spawn()
            .unwrap();
        let process = Process::with_pid(child.id() as i32).unwrap();
        assert_eq!(connection_of(process), None);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(connection_of(process), None, "gone");
    }

    #[test]
    fn several_connections_are_none() {
        let one: Endpoint = Endpoint {
            address: "192.0.2.1".parse().unwrap(),
            port: 1,
        };
        let other = Endpoint { port: 2, ..one };
        assert_eq!(the_one([one, one].into_iter()), Some(one));
        assert_eq!(the_one([one, other].into_iter()), None);
        assert_eq!(the_one([].into_iter()), None);
    }
}
