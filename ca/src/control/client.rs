//! A command's end of the control socket.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use daypass_protocol::strict_json;
use serde::de::DeserializeOwned;

use super::{Answer, MAX_ANSWER, Problem, Question};

/// The service answers within a moment, or not at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens there.
    #[error("daypass-ca does not run: nobody answers at {path}")]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not for this user.
    #[error("only root and the CA's own user may speak to {path}")]
    NotRoot {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection with daypass-ca at {path} broke")]
    Broke {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The answer is not one.
    #[error("the service's answer cannot be read; is it of another version?")]
    NotUnderstood(#[from] strict_json::Error),
    /// The answer is not the one to this question.
    #[error("the service answered something else than was asked")]
    OtherAnswer(#[source] serde_json::Error),
    /// It said no.
    #[error("{message}")]
    Refused {
        /// A stable word.
        code: String,
        /// What happened, and what to do.
        message: String,
    },
}

/// Asks the service behind `path`.
///
/// # Errors
/// When it does not run, or refuses.
pub fn ask<T: DeserializeOwned>(path: &Path, question: &Question) -> Result<T, ControlError> {
    let broke = |source| ControlError::Broke {
        path: path.to_owned(),
        source,
    };
    let mut stream = UnixStream::connect(path).map_err(|source| {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied => ControlError::NotRoot { path, source },
            _ => ControlError::NotRunning { path, source },
        }
    })?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(broke)?;
    // A service that refuses to read says why; its answer counts, not the broken pipe.
    let sent = serde_json::to_vec(question)
        .map_err(io::Error::from)
        .and_then(|text| stream.write_all(&text))
        .and_then(|()| stream.shutdown(Shutdown::Write));
    let mut text = Vec::new();
    let read = stream
        .take(MAX_ANSWER as u64 + 1)
        .read_to_end(&mut text)
        .and(sent);
    if text.is_empty() {
        read.map_err(broke)?;
    }
    match strict_json::parse(&text, MAX_ANSWER)? {
        Answer::Done(value) => serde_json::from_value(value).map_err(ControlError::OtherAnswer),
        Answer::Refused(Problem { code, message }) => Err(ControlError::Refused { code, message }),
    }
}
