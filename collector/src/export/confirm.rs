//! Who ended a TCP connection first, as the kernel knows it, and how to be the one.
//!
//! An end that the other side began proves nothing: what was on its way then was not read. Where our end came first, the
//! kernel of the other side has acknowledged every byte and our end, and a side that closes with bytes unread resets
//! the connection instead of ending it.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::libc::MSG_MORE;
use nix::sys::socket::{MsgFlags, send};

/// `TIME_WAIT`: our end was acknowledged before theirs came. `FIN_WAIT2`: theirs is not looked at yet.
const OURS: [&str; 2] = ["06", "05"];

/// Who ended it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ended {
    ByUs,
    ByThem,
    /// The kernel's table cannot be read.
    Unknown,
}

/// A connection's two addresses. They are noted while it is open: once both ends have come, the kernel no longer says
/// who was at the other one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    local: SocketAddr,
    remote: SocketAddr,
}

impl Pair {
    /// Of an open connection.
    pub(super) fn of(socket: &TcpStream) -> io::Result<Self> {
        Ok(Self {
            local: socket.local_addr()?,
            remote: socket.peer_addr()?,
        })
    }
}

/// Sends the last bytes and our end in one segment. Who reads these bytes has our end by then, however quickly they close
/// upon it: on a busy machine whoever is sent something runs before whoever sent it.
pub(super) fn end_with(socket: &TcpStream, last: &[u8]) -> io::Result<()> {
    let held_back = MsgFlags::MSG_NOSIGNAL | MsgFlags::from_bits_retain(MSG_MORE);
    let mut left = last;
    while !left.is_empty() {
        match send(socket.as_raw_fd(), left, held_back) {
            Ok(length) => left = left.get(length..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    socket.shutdown(Shutdown::Write)
}

/// Of a connection of which both ends have come.
pub(super) fn ended(socket: &TcpStream, pair: Pair) -> io::Result<Ended> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    let table = match pair.local {
        SocketAddr::V4(_) => "/proc/self/net/tcp",
        SocketAddr::V6(_) => "/proc/self/net/tcp6",
    };
    let Ok(table) = std::fs::read_to_string(table) else {
        return Ok(Ended::Unknown);
    };
    Ok(judge(&table, pair))
}

/// The line of this connection says it: local address, remote address, state. Both addresses whole, since a port of ours
/// serves connections to several receivers at once.
fn judge(table: &str, pair: Pair) -> Ended {
    let (local, remote) = (written(pair.local), written(pair.remote));
    let mut states = table.lines().skip(1).filter_map(|line| {
        let mut parts = line.split_whitespace().skip(1);
        let is_ours = parts.next() == Some(&local) && parts.next() == Some(&remote);
        is_ours.then(|| parts.next()).flatten()
    });
    match states.any(|state| OURS.contains(&state)) {
        true => Ended::ByUs,
        false => Ended::ByThem,
    }
}

/// An address as these tables have it: words of four bytes, each as this machine's number, and the port, in hexadecimal
/// (Linux, `net/ipv4/tcp_ipv4.c` and `net/ipv6/tcp_ipv6.c`, `get_tcp4_sock` and `get_tcp6_sock`).
fn written(address: SocketAddr) -> String {
    let octets = match address {
        SocketAddr::V4(address) => address.ip().octets().to_vec(),
        SocketAddr::V6(address) => address.ip().octets().to_vec(),
    };
    let words = octets.chunks_exact(4).map(|word| {
        let word = [word[0], word[1], word[2], word[3]];
        format!("{:08X}", u32::from_ne_bytes(word))
    });
    format!("{}:{:04X}", words.collect::<String>(), address.port())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
    use std::process::Command;

    use super::*;

    fn connected(address: IpAddr) -> (TcpStream, TcpStream, Pair) {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let pair = Pair::of(&ours).unwrap();
        (ours, listener.accept().unwrap().0, pair)
    }

    #[test]
    fn the_kernel_knows_who_ended_first() {
        let loopbacks = [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            Ipv6Addr::LOCALHOST.into(),
        ];
        // IPv6 where this machine has it.
        let loopbacks = loopbacks.map(|address| TcpListener::bind((address, 0)).map(|_| address));
        assert!(loopbacks[0].is_ok());
        for address in loopbacks.into_iter().flatten() {
            let (mut ours, mut theirs, pair) = connected(address);
            ours.shutdown(Shutdown::Write).unwrap();
            assert_eq!(theirs.read(&mut [0; 8]).unwrap(), 0);
            drop(theirs);
            assert_eq!(ours.read(&mut [0; 8]).unwrap(), 0);
            assert_eq!(ended(&ours, pair).unwrap(), Ended::ByUs);

            let (mut ours, theirs, pair) = connected(address);
            drop(theirs);
            assert_eq!(ours.read(&mut [0; 8]).unwrap(), 0);
            ours.shutdown(Shutdown::Write).unwrap();
            assert_eq!(ended(&ours, pair).unwrap(), Ended::ByThem);
        }
    }

    /// Segments that this end has got, by the kernel's count.
    fn segments(socket: &TcpStream) -> u32 {
        let [local, remote] = [socket.local_addr(), socket.peer_addr()].map(Result::unwrap);
        let ours = format!("sport = :{} and dport = :{}", local.port(), remote.port());
        let said = Command::new("ss").args(["-Htino", &ours]).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        let count = said.split_once("segs_in:").expect(&said).1;
        count.split_whitespace().next().unwrap().parse().unwrap()
    }

    #[test]
    fn whoever_reads_the_last_bytes_has_our_end_as_well() {
        let (mut ours, mut theirs, pair) = connected(Ipv4Addr::LOCALHOST.into());
        ours.set_nodelay(true).unwrap();
        let before = segments(&theirs);
        end_with(&ours, b"bye").unwrap();
        let mut said = Vec::new();
        theirs.read_to_end(&mut said).unwrap();
        assert_eq!(said, b"bye");
        assert_eq!(segments(&theirs) - before, 1);
        drop(theirs);
        assert_eq!(ours.read(&mut [0; 8]).unwrap(), 0);
        assert_eq!(ended(&ours, pair).unwrap(), Ended::ByUs);
    }

    #[test]
    fn another_connection_from_the_same_port_says_nothing_of_this_one() {
        let pair = Pair {
            local: "127.0.0.1:40000".parse().unwrap(),
            remote: "127.0.0.1:6514".parse().unwrap(),
        };
        let table = |remote: &str, state: &str| {
            let remote = written(remote.parse().unwrap());
            let local = written(pair.local);
            format!(
                "  sl  local_address rem_address   st\n   0: {local} {remote} {state} 00000000\n"
            )
        };
        assert_eq!(judge(&table("127.0.0.1:6514", "06"), pair), Ended::ByUs);
        for (remote, state) in [
            ("127.0.0.1:6514", "09"),
            ("127.0.0.2:6514", "06"),
            ("127.0.0.1:6515", "06"),
        ] {
            assert_eq!(judge(&table(remote, state), pair), Ended::ByThem);
        }
    }
}
