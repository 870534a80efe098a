//! A connection on this machine with one deadline for all that is said on it.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// A stream that fails when its time is up, however many bytes come at a time: who says one now and then is waited for no
/// longer than who says nothing.
#[derive(Debug)]
pub struct Deadlined {
    stream: UnixStream,
    until: Instant,
}

impl Deadlined {
    /// Connects to whoever listens there, for so long in all.
    ///
    /// # Errors
    /// What the system says.
    pub fn connect(socket: &Path, within: Duration) -> io::Result<Self> {
        let until = Instant::now() + within;
        let stream = UnixStream::connect(socket)?;
        Ok(Self { stream, until })
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(left)
        }
    }
}

/// The system says that it would have to wait.
fn late(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl Read for Deadlined {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(buffer).map_err(late)
    }
}

impl Write for Deadlined {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(buffer).map_err(late)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(within: Duration) -> (Deadlined, UnixStream) {
        let (stream, far) = UnixStream::pair().unwrap();
        let until = Instant::now() + within;
        (Deadlined { stream, until }, far)
    }

    #[test]
    fn who_answers_a_byte_at_a_time_is_waited_for_no_longer() {
        let (mut stream, mut far) = pair(Duration::from_millis(300));
        std::thread::spawn(move || {
            while far.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let error = stream.read_exact(&mut [0; 64]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn who_does_not_read_is_waited_for_no_longer() {
        let (mut stream, _far) = pair(Duration::from_millis(100));
        let more_than_the_system_keeps = vec![0; 64 * 1024 * 1024];
        let error = stream.write_all(&more_than_the_system_keeps).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
