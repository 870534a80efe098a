//! Frames: a u32 length, big-endian, and that many bytes. One each way per connection.

use std::fmt;
use std::io::{self, Read, Write};

/// The most bytes that a frame may carry: the largest message is a session with a certificate of 128 KiB in text.
pub const MAX_FRAME: usize = 136 * 1024;

/// Why a frame did not come or go.
#[derive(Debug)]
pub enum FrameError {
    /// The length in front is over [`MAX_FRAME`].
    TooLong {
        /// What it says.
        length: usize,
    },
    /// The peer closed the connection before a whole frame had come.
    Closed,
    /// The operating system said no; a deadline that passed shows as `WouldBlock` or `TimedOut`.
    Io(io::Error),
}

impl FrameError {
    /// Whether a deadline passed, as opposed to a peer that is gone or talks nonsense.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Io(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length } => write!(
                out,
                "a frame of {length} bytes, at most {MAX_FRAME} are allowed"
            ),
            Self::Closed => write!(
                out,
                "the peer closed the connection before a whole frame had come"
            ),
            Self::Io(error) => write!(out, "{error}"),
        }
    }
}

impl std::error::Error for FrameError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::TooLong { .. } | Self::Closed => None,
        }
    }
}

/// Writes a frame in one go.
///
/// # Errors
/// [`FrameError::TooLong`] and whatever the writer says.
pub fn write_frame(to: &mut impl Write, message: &[u8]) -> Result<(), FrameError> {
    let length = message.len();
    if length > MAX_FRAME {
        return Err(FrameError::TooLong { length });
    }
    let mut bytes = Vec::with_capacity(4 + length);
    bytes.extend_from_slice(&(length as u32).to_be_bytes());
    bytes.extend_from_slice(message);
    to.write_all(&bytes)
        .and_then(|()| to.flush())
        .map_err(FrameError::Io)
}

/// What is set aside for a frame before it has come: nearly all are shorter, and come in one read.
const EXPECTED: usize = 4 * 1024;

/// Reads a frame. Beyond a few kilobytes memory grows with what has come, not with what the length promises.
///
/// # Errors
/// [`FrameError`]; nothing after an error can be understood.
pub fn read_frame(from: &mut impl Read) -> Result<Vec<u8>, FrameError> {
    let mut length = [0; 4];
    from.read_exact(&mut length).map_err(closed)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(FrameError::TooLong { length });
    }
    let mut message = Vec::with_capacity(length.min(EXPECTED));
    from.take(length as u64)
        .read_to_end(&mut message)
        .map_err(closed)?;
    if message.len() < length {
        return Err(FrameError::Closed);
    }
    Ok(message)
}

fn closed(error: io::Error) -> FrameError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => FrameError::Closed,
        _ => FrameError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut wire = Vec::new();
        write_frame(&mut wire, b"hello").unwrap();
        assert_eq!(wire, b"\0\0\0\x05hello");
        assert_eq!(read_frame(&mut wire.as_slice()).unwrap(), b"hello");
    }

    #[test]
    fn half_a_frame_is_no_frame() {
        for cut in 0..9 {
            let mut wire = &b"\0\0\0\x05hello"[..cut];
            assert!(
                matches!(read_frame(&mut wire), Err(FrameError::Closed)),
                "{cut}"
            );
        }
    }

    #[test]
    fn a_length_over_the_bound_is_refused_before_anything_is_read() {
        let mut wire: &[u8] = b"\xff\xff\xff\xffrest";
        assert!(matches!(
            read_frame(&mut wire),
            Err(FrameError::TooLong {
                length: 0xffff_ffff
            })
        ));
        assert_eq!(wire, b"rest");
        assert!(matches!(
            write_frame(&mut Vec::new(), &vec![0; MAX_FRAME + 1]),
            Err(FrameError::TooLong { .. })
        ));
    }
}
