//! Who ended a TCP connection first, as the kernel knows it.
//!
//! An end that the other side began proves nothing: what was on its way then was not read. Where our end came first, the
//! kernel of the other side has acknowledged every byte and our end, and a side that closes with bytes unread resets
//! the connection instead of ending it.

use std::io;
use std::net::{SocketAddr, TcpStream};

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

/// Of a connection of which both ends have come.
pub(super) fn ended(socket: &TcpStream) -> io::Result<Ended> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    let local = socket.local_addr()?;
    let table = match local {
        SocketAddr::V4(_) => "/proc/self/net/tcp",
        SocketAddr::V6(_) => "/proc/self/net/tcp6",
    };
    let Ok(table) = std::fs::read_to_string(table) else {
        return Ok(Ended::Unknown);
    };
    let remote = socket.peer_addr().ok();
    Ok(judge(&table, local, remote))
}

/// The line of this connection says it: local and remote address with ports in hexadecimal, then the state.
fn judge(table: &str, local: SocketAddr, remote: Option<SocketAddr>) -> Ended {
    let port = format!(":{:04X}", local.port());
    let remote = remote.map(|remote| format!(":{:04X}", remote.port()));
    let mut states = table.lines().skip(1).filter_map(|line| {
        let parts: Vec<&str> = line.split_whitespace().take(4).collect();
        let is_ours = parts.len() == 4
            && parts[1].ends_with(&port)
            && remote
                .as_ref()
                .is_none_or(|remote| parts[2].ends_with(remote));
        is_ours.then(|| parts[3].to_owned())
    });
    match states.any(|state| OURS.contains(&state.as_str())) {
        true => Ended::ByUs,
        false => Ended::ByThem,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::{Ipv4Addr, Shutdown, TcpListener};

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (ours, listener.accept().unwrap().0)
    }

    #[test]
    fn the_kernel_knows_who_ended_first() {
        let (mut ours, mut theirs) = pair();
        ours.shutdown(Shutdown::Write).unwrap();
        assert_eq!(theirs.read(&mut [0; 8]).unwrap(), 0);
        drop(theirs);
        assert_eq!(ours.read(&mut [0; 8]).unwrap(), 0);
        assert_eq!(ended(&ours).unwrap(), Ended::ByUs);

        let (mut ours, theirs) = pair();
        drop(theirs);
        assert_eq!(ours.read(&mut [0; 8]).unwrap(), 0);
        ours.shutdown(Shutdown::Write).unwrap();
        assert_eq!(ended(&ours).unwrap(), Ended::ByThem);
    }
}
