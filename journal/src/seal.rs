//! Seal and witness lines, and the checkpoints (C2SP tlog-checkpoint) inside them.

use crate::encoding::{base64, hash_from_base64};
use crate::erased::Erased;
use crate::note::{Note, SignerKey, VerifierKey};
use crate::retired::{self, Retired};
use crate::segment::Tail;
use crate::tree::Hash;

const SEAL: &str = "{\"seal\":\"";
const WITNESS: &str = "{\"witness\":\"";
const END: &str = "\"}";

/// What kind of line this is, by its first bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An entry, or what pretends to be one.
    Entry,
    /// A seal, with the note in it.
    Seal(String),
    /// A witness line, with the note in it.
    Witness(String),
    /// What is left of an erased entry.
    Erased(Erased),
    /// What is left of a run of retired entries.
    Retired(Retired),
    /// The measure of the torn end that a retired segment had.
    Torn(Tail),
    /// No line of a journal.
    Unknown,
}

/// Tells the lines of a journal apart.
pub(crate) fn kind(line: &[u8]) -> Kind {
    if line.starts_with(b"{\"seq\":") {
        return Kind::Entry;
    }
    let Ok(text) = std::str::from_utf8(line) else {
        return Kind::Unknown;
    };
    if let Some(note) = note_in(text, SEAL) {
        Kind::Seal(note)
    } else if let Some(note) = note_in(text, WITNESS) {
        Kind::Witness(note)
    } else if let Some(erased) = Erased::parse(text) {
        Kind::Erased(erased)
    } else if let Some(retired) = Retired::parse(text) {
        Kind::Retired(retired)
    } else if let Some(tail) = retired::parse_torn(text) {
        Kind::Torn(tail)
    } else {
        Kind::Unknown
    }
}

/// The note in a line: newlines are escaped as `\n`, and nothing else needs or has an escape.
fn note_in(line: &str, prefix: &str) -> Option<String> {
    let inner = line.strip_prefix(prefix)?.strip_suffix(END)?;
    if inner.contains('"') || inner.chars().any(char::is_control) {
        return None;
    }
    let note = inner.replace("\\n", "\n");
    (!note.contains('\\')).then_some(note)
}

fn line_of(prefix: &str, note: &str, line: &mut Vec<u8>) {
    line.extend_from_slice(prefix.as_bytes());
    line.extend_from_slice(note.replace('\n', "\\n").as_bytes());
    line.extend_from_slice(END.as_bytes());
}

/// Writes the witness line around a signed note, without its newline.
pub(crate) fn witness_line(note: &str, line: &mut Vec<u8>) {
    line_of(WITNESS, note, line);
}

/// Origin, size and root: what a seal and a witness sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Whose tree.
    pub(crate) origin: String,
    /// How many entries.
    pub(crate) size: u64,
    /// The tree's root hash.
    pub(crate) root: Hash,
}

impl Checkpoint {
    /// The note's text: three lines.
    pub(crate) fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, base64(&self.root))
    }

    /// Reads a note's text; `None` when it is anything else, extension lines included.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        if lines.next().is_some() {
            return None;
        }
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: size.parse().ok()?,
            root: hash_from_base64(root)?,
        };
        // One spelling only: no leading zeros, no plus sign.
        (checkpoint.text() == text).then_some(checkpoint)
    }

    /// Writes the seal line, without its newline; returns the note.
    pub(crate) fn seal(&self, log: &SignerKey, epoch: &SignerKey, line: &mut Vec<u8>) -> String {
        let text = self.text();
        let by_log = log.sign(text.as_bytes());
        let by_epoch = epoch.sign(text.as_bytes());
        let note = format!("{text}\n{by_log}{by_epoch}");
        line_of(SEAL, &note, line);
        note
    }
}

/// A seal taken apart: its checkpoint and exactly two signatures, the log's first.
pub(crate) struct Seal<'a> {
    pub(crate) checkpoint: Checkpoint,
    note: Note<'a>,
}

/// One of the two signatures on a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signer {
    Log,
    Epoch,
}

impl<'a> Seal<'a> {
    pub(crate) fn parse(note: &'a str) -> Option<Self> {
        let note = Note::parse(note)?;
        let checkpoint = Checkpoint::parse(note.text)?;
        let whole =
            note.signatures.len() == 2 && note.signatures.iter().all(|line| line.bytes.len() == 64);
        whole.then_some(Self { checkpoint, note })
    }

    /// The name of the key that made a signature.
    pub(crate) fn signer(&self, signer: Signer) -> &str {
        self.note.signatures[signer as usize].name
    }

    /// Whether the signature names `key`; says nothing about its truth.
    pub(crate) fn names(&self, signer: Signer, key: &VerifierKey) -> bool {
        self.note.signatures[signer as usize].is_named_by(key)
    }

    /// What is signed.
    pub(crate) fn text(&self) -> &str {
        self.note.text
    }

    /// The signature itself.
    pub(crate) fn signature(&self, signer: Signer) -> Option<[u8; 64]> {
        let line = &self.note.signatures[signer as usize];
        line.bytes[..].try_into().ok()
    }

    /// Whether the signature is `key`'s.
    pub(crate) fn is_signed(&self, signer: Signer, key: &VerifierKey) -> bool {
        let line = &self.note.signatures[signer as usize];
        let Ok(signature) = line.bytes[..].try_into() else {
            return false;
        };
        line.is_named_by(key) && key.signed(self.note.text.as_bytes(), signature)
    }
}

/// The name of an epoch's key.
pub(crate) fn epoch_key_name(origin: &str, epoch: u64) -> String {
    format!("{origin}/epoch/{epoch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> (SignerKey, SignerKey, Vec<u8>) {
        let log = SignerKey::generate("example.org/log").unwrap();
        let epoch = SignerKey::generate(&epoch_key_name("example.org/log", 0)).unwrap();
        let checkpoint = Checkpoint {
            origin: "example.org/log".into(),
            size: 12,
            root: [9; 32],
        };
        let mut line = Vec::new();
        checkpoint.seal(&log, &epoch, &mut line);
        (log, epoch, line)
    }

    #[test]
    fn a_seal_line_is_json_and_read_back() {
        let (log, epoch, line) = sealed();
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        let Kind::Seal(note) = kind(&line) else {
            panic!("not a seal");
        };
        assert_eq!(value["seal"], note);
        let seal = Seal::parse(&note).unwrap();
        assert_eq!(seal.checkpoint.size, 12);
        assert!(seal.is_signed(Signer::Log, &log.public().clone()));
        assert!(seal.is_signed(Signer::Epoch, &epoch.public().clone()));
        assert!(!seal.is_signed(Signer::Log, &epoch.public().clone()));
    }

    #[test]
    fn checkpoints_of_another_spelling_are_refused() {
        let root = base64(&[1; 32]);
        assert!(Checkpoint::parse(&format!("o\n1\n{root}\n")).is_some());
        for text in [
            format!("o\n01\n{root}\n"),
            format!("o\n+1\n{root}\n"),
            format!("o\n1\n{root}"),
            format!("o\n1\n{root}\nmore\n"),
            format!("o\n1\n{root}\n\n"),
            "o\n1\nAA==\n".to_owned(),
        ] {
            assert_eq!(Checkpoint::parse(&text), None, "{text:?}");
        }
    }

    #[test]
    fn lines_with_other_escapes_are_no_seals() {
        let (_, _, line) = sealed();
        let line = String::from_utf8(line).unwrap();
        for (from, to) in [
            ("example", "\\u0065xample"),
            ("\"seal\":", "\"seal\": "),
            ("\\n", "\n"),
            ("\u{2014}", "\\u2014"),
        ] {
            let other = line.replacen(from, to, 1);
            assert_eq!(kind(other.as_bytes()), Kind::Unknown, "{other}");
        }
    }
}
