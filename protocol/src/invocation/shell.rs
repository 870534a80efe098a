//! As much of the shell's grammar as separates words and commands.

/// Words that stand before a command and are none.
const KEYWORDS: [&[u8]; 19] = [
    b"if", b"then", b"elif", b"else", b"fi", b"while", b"until", b"do", b"done", b"for", b"!",
    b"{", b"}", b"time", b"exec", b"command", b"builtin", b"coproc", b"eval",
];

/// A script: its simple commands, and the texts of its command substitutions.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) commands: Vec<Vec<Vec<u8>>>,
    pub(super) nested: Vec<Vec<u8>>,
}

/// The words of a line, quotes taken off; a quote that is not closed goes to the end.
pub(super) fn words(line: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader::new(line);
    let mut words = Vec::new();
    loop {
        reader.skip(|byte| byte.is_ascii_whitespace());
        match reader.word(|byte| byte.is_ascii_whitespace()) {
            Some(word) => words.push(word),
            None if reader.is_done() => return words,
            None => reader.at += 1,
        }
    }
}

impl Script {
    pub(super) fn read(text: &[u8]) -> Self {
        let mut reader = Reader::new(text);
        let mut script = Self::default();
        let mut command = Vec::new();
        loop {
            reader.skip(|byte| byte == b' ' || byte == b'\t');
            let Some(byte) = reader.peek() else { break };
            match byte {
                b';' | b'\n' | b'&' | b'|' | b'(' | b')' => {
                    reader.at += 1;
                    script.push(&mut command);
                }
                b'#' => reader.skip(|byte| byte != b'\n'),
                // The file behind it is a word of the command.
                b'<' | b'>' => reader.at += 1,
                _ => match reader.word(is_end) {
                    Some(word) => command.push(word),
                    None => reader.at += 1,
                },
            }
        }
        script.push(&mut command);
        script.nested.append(&mut reader.nested);
        script
    }

    fn push(&mut self, command: &mut Vec<Vec<u8>>) {
        let mut words = std::mem::take(command);
        let mut evaluates = false;
        let before = words
            .iter()
            .take_while(|word| KEYWORDS.contains(&word.as_slice()))
            .inspect(|word| evaluates |= word.as_slice() == b"eval")
            .count();
        words.drain(..before);
        if evaluates {
            self.nested.push(words.join(&b' '));
        } else if !words.is_empty() {
            self.commands.push(words);
        }
    }
}

fn is_end(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b";&|()<>".contains(&byte)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    nested: Vec<Vec<u8>>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            at: 0,
            nested: Vec::new(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, skipped: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&skipped) {
            self.at += 1;
        }
    }

    /// The word that begins here, up to what ends words; `None` when there is none.
    fn word(&mut self, ends: impl Fn(u8) -> bool) -> Option<Vec<u8>> {
        let mut word = Vec::new();
        let mut has_begun = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'\'' => {
                    self.at += 1;
                    word.extend(self.until(b'\''));
                }
                b'"' => {
                    self.at += 1;
                    self.in_quotes(&mut word);
                }
                b'\\' => {
                    self.at += 1;
                    word.extend(self.next());
                }
                b'$' | b'`' => self.expansion(&mut word),
                byte if ends(byte) => break,
                byte => {
                    self.at += 1;
                    word.push(byte);
                }
            }
            has_begun = true;
        }
        has_begun.then_some(word)
    }

    fn in_quotes(&mut self, word: &mut Vec<u8>) {
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    return;
                }
                b'\\' => {
                    self.at += 1;
                    match self.next() {
                        Some(escaped @ (b'"' | b'\\' | b'$' | b'`')) => word.push(escaped),
                        Some(other) => word.extend([b'\\', other]),
                        None => {}
                    }
                }
                b'$' | b'`' => self.expansion(word),
                byte => {
                    self.at += 1;
                    word.push(byte);
                }
            }
        }
    }

    /// A substitution stays in the word as it is written; what it runs is remembered.
    fn expansion(&mut self, word: &mut Vec<u8>) {
        let begin = self.at;
        match self.next() {
            Some(b'`') => {
                let inner = self.until(b'`');
                self.nested.push(inner);
            }
            Some(_) if self.peek() == Some(b'(') => {
                self.at += 1;
                let inner = self.balanced();
                self.nested.push(inner);
            }
            _ => {}
        }
        word.extend_from_slice(&self.text[begin..self.at]);
    }

    /// Up to the byte, which is passed over, or to the end.
    fn until(&mut self, end: u8) -> Vec<u8> {
        let begin = self.at;
        self.skip(|byte| byte != end);
        let inner = self.text[begin..self.at].to_vec();
        self.at = (self.at + 1).min(self.text.len());
        inner
    }

    /// Up to the bracket that closes, which is passed over, or to the end.
    fn balanced(&mut self) -> Vec<u8> {
        let begin = self.at;
        let mut open = 1;
        while let Some(byte) = self.next() {
            match byte {
                b'(' => open += 1,
                b')' => open -= 1,
                _ => {}
            }
            if open == 0 {
                return self.text[begin..self.at - 1].to_vec();
            }
        }
        self.text[begin..].to_vec()
    }
}
