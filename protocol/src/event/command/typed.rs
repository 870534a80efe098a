//! A command line that comes in pieces, as the kernel shows it: however long it is made, no more of it is held than an
//! entry keeps.

use super::{Command, MAX_LINE, is_plain, quote, quote_inside, whole_characters};
use crate::digest::Hasher;

/// Takes the words of a command line in, each ended by a NUL, in pieces that may end anywhere.
#[derive(Debug, Default)]
pub struct Typed {
    line: Spelled,
    /// The word of which the end has not come.
    open: Option<Open>,
    words: u64,
}

/// A word whose end is not known, in the two forms that it may get: only its last byte shows whether it needs quotes.
#[derive(Debug)]
struct Open {
    plain: Option<Spelled>,
    quoted: Spelled,
}

/// A line up to some place.
#[derive(Clone, Debug, Default)]
struct Spelled {
    beginning: Vec<u8>,
    length: usize,
    hasher: Hasher,
}

impl Spelled {
    fn push(&mut self, bytes: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.beginning.len());
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.beginning.extend_from_slice(kept);
        self.length += bytes.len();
        self.hasher.push(bytes);
    }
}

impl Typed {
    /// Some more bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut parts = bytes.split(|byte| *byte == 0).peekable();
        while let Some(part) = parts.next() {
            let is_ended = parts.peek().is_some();
            match (is_ended, self.open.is_some()) {
                (true, false) => self.whole_word(part),
                (true, true) => {
                    self.open_word(part);
                    self.end_word();
                }
                (false, _) if part.is_empty() => {}
                (false, _) => self.open_word(part),
            }
        }
    }

    /// The command; that of nothing at all is one empty word.
    pub fn finish(mut self) -> Command {
        match self.open {
            Some(_) => self.end_word(),
            None if self.words == 0 => self.whole_word(b""),
            None => {}
        }
        let Spelled {
            beginning,
            length,
            hasher,
        } = self.line;
        Command {
            beginning: whole_characters(&beginning, length).to_vec(),
            length,
            sha256: hasher.finish(),
            is_kept: false,
        }
    }

    fn whole_word(&mut self, word: &[u8]) {
        self.separate();
        quote(word, |piece| self.line.push(piece));
    }

    fn open_word(&mut self, part: &[u8]) {
        if self.open.is_none() {
            self.separate();
            let mut quoted = self.line.clone();
            quoted.push(b"'");
            self.open = Some(Open {
                plain: Some(self.line.clone()),
                quoted,
            });
        }
        if let Some(open) = &mut self.open {
            match &mut open.plain {
                Some(plain) if is_plain(part) => plain.push(part),
                plain => *plain = None,
            }
            quote_inside(part, &mut |piece| open.quoted.push(piece));
        }
    }

    fn end_word(&mut self) {
        if let Some(Open { plain, mut quoted }) = self.open.take() {
            quoted.push(b"'");
            self.line = plain.unwrap_or(quoted);
        }
    }

    fn separate(&mut self) {
        if self.words > 0 {
            self.line.push(b" ");
        }
        self.words += 1;
    }
}
