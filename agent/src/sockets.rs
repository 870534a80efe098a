//! The two sockets at which the module and the helper knock.
//!
//! systemd opens them and hands them over, so that a restart of the agent refuses nobody.

use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;

use crate::layout::Layout;

/// Both listeners.
pub struct Sockets {
    /// For the PAM module.
    pub agent: UnixListener,
    /// For the principals helper.
    pub principals: UnixListener,
}

/// Why the agent cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was handed over cannot be used.
    #[error("the sockets handed over by systemd cannot be used: {0}")]
    Passed(#[source] io::Error),
    /// A socket was not handed over.
    #[error("systemd did not hand over the socket {}", path.display())]
    Missing {
        /// Its path.
        path: PathBuf,
    },
}

/// Takes the sockets that systemd handed over.
///
/// # Errors
/// See [`enum@Error`].
pub fn take(layout: &Layout) -> Result<Sockets, Error> {
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..passed.len() {
        listeners.extend(passed.take_unix_listener(index).map_err(Error::Passed)?);
    }
    Ok(Sockets {
        agent: at(&mut listeners, layout.agent_socket())?,
        principals: at(&mut listeners, layout.principals_socket())?,
    })
}

fn at(listeners: &mut Vec<UnixListener>, path: PathBuf) -> Result<UnixListener, Error> {
    let found = listeners.iter().position(|one| is_at(one, &path));
    match found {
        Some(index) => Ok(listeners.swap_remove(index)),
        None => Err(Error::Missing { path }),
    }
}

fn is_at(listener: &UnixListener, path: &Path) -> bool {
    listener
        .local_addr()
        .is_ok_and(|address| address.as_pathname() == Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_told_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let mut listeners = vec![UnixListener::bind(&path).unwrap()];
        assert!(matches!(
            at(&mut listeners, folder.path().join("other.sock")),
            Err(Error::Missing { .. })
        ));
        at(&mut listeners, path).unwrap();
    }
}
