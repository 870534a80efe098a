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
    /// Whether the kernel gave that hold. Where it cannot, it is whoever has the pid now: the same process as long as it
    /// waits for an answer, maybe another one where it only told something and went.
    pub is_certain: bool,
}

/// Why nobody can be made out at the other end.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The kernel does not say who connected.
    #[error("the kernel does not say who connected: {0}")]
    Credentials(io::Error),
    /// It has ended since; the kernel still knows as whom it connected.
    #[error("whoever connected as uid {uid} has ended")]
    Gone {
        /// That uid.
        uid: u32,
    },
    /// It cannot be held.
    #[error(transparent)]
    Process(FactError),
}

impl Peer {
    /// Who connected this stream.
    ///
    /// Where the kernel gives a pidfd (Linux 6.5), that is the process; before, it is whoever has the pid now.
    ///
    /// # Errors
    /// [`PeerError`]; who cannot be made out gets no answer.
    pub fn of(stream: &UnixStream) -> Result<Self, PeerError> {
        let credentials = getsockopt(stream, sockopt::PeerCredentials)
            .map_err(|e| PeerError::Credentials(e.into()))?;
        let uid = credentials.uid();
        let (handle, is_certain) = match getsockopt(stream, sockopt::PeerPidfd) {
            Ok(pidfd) => (Handle::from_pidfd(credentials.pid(), pidfd), true),
            Err(Errno::ENOPROTOOPT | Errno::EOPNOTSUPP) => (Handle::open(credentials.pid()), false),
            // What older kernels say of somebody who was reaped.
            Err(Errno::ESRCH | Errno::EINVAL) => return Err(PeerError::Gone { uid }),
            Err(error) => return Err(PeerError::Credentials(error.into())),
        };
        match handle {
            Ok(handle) => Ok(Self {
                uid,
                handle,
                is_certain,
            }),
            Err(FactError::Gone { .. }) => Err(PeerError::Gone { uid }),
            Err(error) => Err(PeerError::Process(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_has_ended_is_told_from_one_that_cannot_be_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let connect =
            "socket(S, PF_UNIX, SOCK_STREAM, 0) && connect(S, pack_sockaddr_un($ARGV[0])) || die";
        let ended = std::process::Command::new("perl")
            .args(["-MSocket", "-e", connect])
            .arg(&path)
            .status()
            .unwrap();
        assert!(ended.success());
        let (stream, _) = listener.accept().unwrap();
        let own = nix::unistd::getuid().as_raw();
        assert!(matches!(Peer::of(&stream), Err(PeerError::Gone { uid }) if uid == own));
    }

    #[test]
    fn the_peer_is_the_process_that_connected() {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = Peer::of(&one).unwrap();
        assert_eq!(peer.uid, nix::unistd::getuid().as_raw());
        assert_eq!(peer.handle.process().pid, std::process::id() as i32);
    }
}
