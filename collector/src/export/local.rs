//! The machine's own syslog: one datagram an entry.

use std::fmt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use daypass_protocol::export::Source;
use daypass_protocol::export::syslog::{Body, severity};
use syslog::Facility;

use super::config::LocalConfig;
use super::destination::{Carrier, Connection, Trouble, outlet};
use crate::outlet::{OutletError, SOCKET_PATIENCE};

/// Where the socket is, and how a message looks.
pub(super) struct Local {
    socket: PathBuf,
    facility: Facility,
    body: Body,
    patience: Duration,
}

struct Open {
    socket: UnixDatagram,
    facility: Facility,
    body: Body,
}

impl Local {
    pub(super) fn new(config: &LocalConfig) -> Result<Self, OutletError> {
        Ok(Self {
            socket: config.socket.clone(),
            facility: outlet(&config.name).facility(&config.facility)?,
            body: config.format,
            patience: SOCKET_PATIENCE,
        })
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.socket.display())
    }
}

impl Carrier for Local {
    fn open(&self) -> Result<Box<dyn Connection>, Trouble> {
        let socket = UnixDatagram::unbound().map_err(Trouble::Unreachable)?;
        socket.connect(&self.socket).map_err(Trouble::Unreachable)?;
        // A daemon that does not read must not hold a stop up.
        socket
            .set_write_timeout(Some(self.patience))
            .map_err(Trouble::Unreachable)?;
        Ok(Box::new(Open {
            socket,
            facility: self.facility,
            body: self.body,
        }))
    }
}

impl Connection for Open {
    fn send(&mut self, source: &Source<'_>) -> Result<(), Trouble> {
        let whole = self.message(source, &self.body.of(source));
        match self.socket.send(whole.as_bytes()) {
            Ok(_) => Ok(()),
            // A socket that takes less than an entry: say which one it is, rather than nothing for ever.
            Err(error) if error.raw_os_error() == Some(nix::libc::EMSGSIZE) => {
                let uid = source.uid().unwrap_or_default();
                let short = self.message(
                    source,
                    &format!(
                        "too long for this socket: {} bytes, entry {uid}",
                        whole.len()
                    ),
                );
                self.socket
                    .send(short.as_bytes())
                    .map(|_| ())
                    .map_err(Trouble::Broken)
            }
            Err(error) => Err(Trouble::Broken(error)),
        }
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Trouble> {
        // Each datagram stands in the daemon's own queue, or was refused.
        Ok(())
    }
}

impl Open {
    /// As the C library's syslog() writes it: the time is left to the daemon.
    fn message(&self, source: &Source<'_>, text: &str) -> String {
        let priority = self.facility as u32 + severity(source);
        format!(
            "<{priority}>daypass[{}]: {}",
            std::process::id(),
            text.replace(['\n', '\r'], " ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_datagram_and_a_daemon_that_is_away_is_trouble() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let local = Local {
            socket: path.clone(),
            facility: Facility::LOG_AUTHPRIV,
            body: Body::Entry,
            patience: Duration::from_millis(50),
        };
        assert!(
            matches!(local.open(), Err(Trouble::Unreachable(error)) if error.kind() == std::io::ErrorKind::NotFound)
        );
        let daemon = UnixDatagram::bind(&path).unwrap();
        let mut open = local.open().unwrap_or_else(|error| panic!("{error}"));
        let line = "{\"action\":\"login.denied\",\"outcome\":\"denied\",\"reason\":\"a\u{9b}b\"}";
        open.send(&Source::new(None, line.as_bytes())).unwrap();
        let mut bytes = [0; 1000];
        let length = daemon.recv(&mut bytes).unwrap();
        let text = std::str::from_utf8(&bytes[..length]).unwrap();
        assert!(text.starts_with("<84>daypass["), "{text}");
        assert!(text.ends_with("\"reason\":\"a\\u009bb\"}"), "{text}");
        // It stands still: its queue is full at some time, and nobody waits for ever.
        let error = std::iter::from_fn(|| Some(open.send(&Source::new(None, line.as_bytes()))))
            .take(1_000_000)
            .find_map(Result::err);
        let Some(Trouble::Broken(error)) = error else {
            panic!("its queue takes everything");
        };
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        drop(daemon);
        assert!(open.send(&Source::new(None, line.as_bytes())).is_err());
    }
}
