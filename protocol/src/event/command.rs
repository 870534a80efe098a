//! A command line, as exactly as JSON allows.

mod typed;

pub use typed::Typed;

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
        let mut line = Vec::new();
        spell(arguments, &mut line);
        Self::from_line(&line)
    }

    /// From a line that is one already.
    pub fn from_line(line: &[u8]) -> Self {
        let beginning = line.get(..MAX_LINE).unwrap_or(line);
        Self {
            beginning: whole_characters(beginning, line.len()).to_vec(),
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

    /// The bytes of the whole line.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Whether an entry keeps the beginning only.
    pub fn is_cut(&self) -> bool {
        self.beginning.len() < self.length
    }

    /// The bytes that are kept.
    pub fn beginning(&self) -> &[u8] {
        &self.beginning
    }
}

/// Writes the line of these arguments behind what is there.
pub fn spell<A: AsRef<[u8]>>(arguments: impl IntoIterator<Item = A>, line: &mut Vec<u8>) {
    for (index, argument) in arguments.into_iter().enumerate() {
        if index > 0 {
            line.push(b' ');
        }
        quote(argument.as_ref(), |piece| line.extend_from_slice(piece));
    }
}

/// Does not cut a UTF-8 character in two where the line is UTF-8 up to there.
fn whole_characters(beginning: &[u8], length: usize) -> &[u8] {
    match std::str::from_utf8(beginning) {
        Err(error) if beginning.len() < length && error.error_len().is_none() => {
            &beginning[..error.valid_up_to()]
        }
        _ => beginning,
    }
}

/// Hands the argument's pieces over as a shell needs them.
fn quote(argument: &[u8], mut piece: impl FnMut(&[u8])) {
    if !argument.is_empty() && is_plain(argument) {
        return piece(argument);
    }
    piece(b"'");
    quote_inside(argument, &mut piece);
    piece(b"'");
}

/// Bytes that mean themselves to a shell wherever they stand.
fn is_plain(bytes: &[u8]) -> bool {
    let is_plain = |byte: &u8| {
        byte.is_ascii_alphanumeric() || b"%+,-./:=@_".contains(byte) || !byte.is_ascii()
    };
    bytes.iter().all(is_plain)
}

/// What stands between the quotes.
fn quote_inside(bytes: &[u8], piece: &mut impl FnMut(&[u8])) {
    for (index, part) in bytes.split(|&byte| byte == b'\'').enumerate() {
        if index > 0 {
            piece(b"'\\''");
        }
        piece(part);
    }
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
