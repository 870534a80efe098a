//! A command line, as exactly as JSON allows.

use crate::digest::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use serde_json::json;

/// Bytes of a command line that an entry keeps; of a longer one the beginning, with its whole length and hash.
/// JSON may need six bytes for one, and an entry has at most 65,535.
pub const MAX_LINE: usize = 8 * 1024;

/// The command as typed: arguments joined by single spaces, each quoted as a POSIX shell would need it. Bytes that are
/// not UTF-8 are kept exactly, in base64.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Command {
    beginning: Vec<u8>,
    length: usize,
    sha256: Digest,
    /// Whether the whole line is kept beside the journal.
    is_kept: bool,
}

impl Command {
    /// From an argument vector.
    pub fn from_arguments<A: AsRef<[u8]>>(arguments: impl IntoIterator<Item = A>) -> Self {
        Self::from_line(&line_of(arguments))
    }

    /// From an argument vector, and the whole line where it is longer than what is kept of it.
    pub fn with_whole<A: AsRef<[u8]>>(
        arguments: impl IntoIterator<Item = A>,
    ) -> (Self, Option<Vec<u8>>) {
        let line = line_of(arguments);
        let command = Self::from_line(&line);
        let is_cut = command.beginning.len() < line.len();
        (command, is_cut.then_some(line))
    }

    /// From a line that is one already.
    pub fn from_line(line: &[u8]) -> Self {
        let beginning = line.get(..MAX_LINE).unwrap_or(line);
        Self {
            beginning: whole_characters(beginning, line).to_vec(),
            length: line.len(),
            sha256: Digest::of(line),
            is_kept: false,
        }
    }

    /// The same, of which the whole line is kept beside the journal.
    #[must_use]
    pub fn kept(self) -> Self {
        Self {
            is_kept: true,
            ..self
        }
    }

    /// The hash of the whole line, by which it is kept.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }

    /// The bytes that are kept.
    pub fn beginning(&self) -> &[u8] {
        &self.beginning
    }
}

fn line_of<A: AsRef<[u8]>>(arguments: impl IntoIterator<Item = A>) -> Vec<u8> {
    let quoted: Vec<_> = arguments
        .into_iter()
        .map(|argument| quote(argument.as_ref()))
        .collect();
    quoted.join(&b' ')
}

/// Does not cut a UTF-8 character in two where the line is UTF-8 up to there.
fn whole_characters<'a>(beginning: &'a [u8], line: &[u8]) -> &'a [u8] {
    match std::str::from_utf8(beginning) {
        Err(error) if beginning.len() < line.len() && error.error_len().is_none() => {
            &beginning[..error.valid_up_to()]
        }
        _ => beginning,
    }
}

fn quote(argument: &[u8]) -> Vec<u8> {
    let is_plain = |byte: &u8| {
        byte.is_ascii_alphanumeric() || b"%+,-./:=@_".contains(byte) || !byte.is_ascii()
    };
    if !argument.is_empty() && argument.iter().all(is_plain) {
        return argument.to_vec();
    }
    let parts: Vec<_> = argument.split(|&byte| byte == b'\'').collect();
    [b"'", parts.join(&b"'\\''"[..]).as_slice(), b"'"].concat()
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            beginning,
            length,
            sha256,
            is_kept,
        } = self;
        let mut command = match str::from_utf8(beginning) {
            Ok(line) => json!({ "line": line, "length": length, "sha256": sha256 }),
            Err(_) => {
                json!({ "base64": STANDARD.encode(beginning), "length": length, "sha256": sha256 })
            }
        };
        if *is_kept {
            // What a journal takes for the word that the text is there.
            command["blob"] = json!(true);
        }
        command.serialize(serializer)
    }
}
