//! One question to the agent, one answer, within a deadline.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use daypass_gate::{FrameError, Malformed, Request, Response, read_frame, write_frame};

use crate::sys;

/// Where the agent listens, and whose socket that must be.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The socket's path.
    pub path: PathBuf,
    /// The uid that must be listening: root, but in tests.
    pub listener: u32,
}

/// A connection over which nothing was asked yet.
#[derive(Debug)]
pub struct Knock(OwnedFd);

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// Nobody listens there, or we may not ask.
    Unreachable(io::Error),
    /// Somebody else's socket stands there.
    Impostor {
        /// Who listens.
        uid: u32,
    },
    /// The deadline passed.
    TimedOut,
    /// The connection broke off, or what came is no frame.
    Broken(FrameError),
    /// What came is no answer that this program knows.
    Garbled(Malformed),
    /// The question cannot be asked: a field is over its bound.
    Unaskable(Malformed),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(out, "the agent cannot be reached: {error}"),
            Self::Impostor { uid } => {
                write!(out, "the agent's socket belongs to uid {uid}, not to root")
            }
            Self::TimedOut => write!(out, "the agent did not answer in time"),
            Self::Broken(error) => write!(out, "the agent's answer did not come: {error}"),
            Self::Garbled(error) => write!(out, "the agent's answer makes no sense: {error}"),
            Self::Unaskable(error) => write!(out, "the agent cannot be asked: {error}"),
        }
    }
}

impl std::error::Error for Unanswered {}

impl Unanswered {
    /// Whether somebody took the question and was gone before the answer.
    fn broke_off(&self) -> bool {
        match self {
            Self::Broken(FrameError::Closed) => true,
            Self::Broken(FrameError::Io(error)) => matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
            ),
            _ => false,
        }
    }
}

impl Endpoint {
    /// A socket that root must be listening on.
    #[must_use]
    pub fn of_root(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            listener: 0,
        }
    }

    /// Connects at once or not at all, ahead of a question that is still to be worked out: the agent comes, and looks who
    /// is there, meanwhile. Whatever keeps it from connecting is met again by whoever asks.
    #[must_use]
    pub fn knock(&self) -> Option<Knock> {
        sys::connect_at_once(&self.path).ok().map(Knock)
    }

    /// Asks, and waits for the answer at most `patience`, connecting included.
    ///
    /// An agent that is restarted takes its last questions with it; its socket stays, so one that broke off is asked once
    /// more.
    ///
    /// # Errors
    /// [`Unanswered`]; what it means is for the caller to decide.
    pub fn ask(&self, request: &Request, patience: Duration) -> Result<Response, Unanswered> {
        self.ask_over(None, request, patience)
    }

    /// The same over a connection that was made ahead, where there is one.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub fn ask_over(
        &self,
        knock: Option<Knock>,
        request: &Request,
        patience: Duration,
    ) -> Result<Response, Unanswered> {
        let until = Instant::now() + patience;
        let first = self.ask_once(knock, request, until);
        if !first.as_ref().is_err_and(Unanswered::broke_off) {
            return first;
        }
        match self.ask_once(None, request, until) {
            Err(Unanswered::Unreachable(_)) => first,
            again => again,
        }
    }

    /// Tells, and waits for no answer: whatever is told stays in the socket's queue, also while the agent is restarted.
    ///
    /// # Errors
    /// [`Unanswered`]: it could not be told within `patience`.
    pub fn tell(&self, request: &Request, patience: Duration) -> Result<(), Unanswered> {
        self.put(None, request, Instant::now() + patience).map(drop)
    }

    fn ask_once(
        &self,
        knock: Option<Knock>,
        request: &Request,
        until: Instant,
    ) -> Result<Response, Unanswered> {
        let link = self.put(knock, request, until)?;
        let mut link = Answers {
            stream: UnixStream::from(link.socket),
            until,
        };
        let answer = read_frame(&mut link).map_err(broken)?;
        Response::decode(&answer).map_err(Unanswered::Garbled)
    }

    fn put(
        &self,
        knock: Option<Knock>,
        request: &Request,
        until: Instant,
    ) -> Result<Link, Unanswered> {
        let patience = remaining(until).map_err(|_| Unanswered::TimedOut)?;
        let question = request.encode().map_err(Unanswered::Unaskable)?;
        let connect = || {
            sys::connect(&self.path, patience).map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Unanswered::TimedOut,
                _ => Unanswered::Unreachable(error),
            })
        };
        let socket = knock.map_or_else(connect, |knock| Ok(knock.0))?;
        let uid = sys::listener_uid(&socket).map_err(Unanswered::Unreachable)?;
        if uid != self.listener {
            return Err(Unanswered::Impostor { uid });
        }
        let mut link = Link { socket, until };
        write_frame(&mut link, &question).map_err(broken)?;
        Ok(link)
    }
}

fn broken(error: FrameError) -> Unanswered {
    if error.is_timeout() {
        Unanswered::TimedOut
    } else {
        Unanswered::Broken(error)
    }
}

fn remaining(until: Instant) -> io::Result<Duration> {
    match until.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

/// The way out: every write has what is left of the deadline.
struct Link {
    socket: OwnedFd,
    until: Instant,
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        sys::set_send_patience(&self.socket, remaining(self.until)?)?;
        sys::send(self.socket.as_raw_fd(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The way back, likewise: an agent that answers byte by byte gains nothing.
struct Answers {
    stream: UnixStream,
    until: Instant,
}

impl Read for Answers {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(remaining(self.until)?))?;
        self.stream.read(into)
    }
}
