//! Who is at the other end of a connection.

use std::io;
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt};

use super::process::{FactError, Handle};

/// The process at the other end, held.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The uid that it connected with.
    pub uid: u32,
    /// A hold on it.
    pub handle: Handle,
}

/// Why nobody can be made out at the other end.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The kernel does not say who connected.
    #[error("the kernel does not say who connected: {0}")]
    Credentials(io::Error),
    /// It has ended, or cannot be held.
    #[error(transparent)]
    Process(#[from] FactError),
}

impl Peer {
    /// Who connected this stream.
    ///
    /// Where the kernel gives a pidfd (Linux 6.5), that is the process; before, it is whoever has the pid now, which is
    /// the same one, as it waits for an answer while it is looked at.
    ///
    /// # Errors
    /// [`PeerError`]; who cannot be made out gets no answer.
    pub fn of(stream: &UnixStream) -> Result<Self, PeerError> {
        let credentials = getsockopt(stream, sockopt::PeerCredentials)
            .map_err(|e| PeerError::Credentials(e.into()))?;
        let handle = match getsockopt(stream, sockopt::PeerPidfd) {
            Ok(pidfd) => Handle::from_pidfd(credentials.pid(), pidfd)?,
            Err(Errno::ENOPROTOOPT | Errno::EOPNOTSUPP) => Handle::open(credentials.pid())?,
            Err(error) => return Err(PeerError::Credentials(error.into())),
        };
        Ok(Self {
            uid: credentials.uid(),
            handle,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_is_the_process_that_connected() {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = Peer::of(&one).unwrap();
        assert_eq!(peer.uid, nix::unistd::getuid().as_raw());
        assert_eq!(peer.handle.process().pid, std::process::id() as i32);
    }
}
