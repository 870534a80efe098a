//! A process's command line. Whoever calls may have made it as long as the kernel allows, and many may call at once: it is
//! read in pieces, and what is held of it is as much as an entry keeps, or as much as somebody has room for.

use std::fs::File;
use std::io::{self, Read};

use daypass_protocol::event::{Command, Typed, spell};

use super::process::{FactError, Process, unread};
use super::reading;

/// Bytes that are read at once; nearly every line comes whole with the first.
const PIECE: usize = 8 * 1024;
/// The most bytes read of a command line: Linux takes 2 MiB of arguments by default, and 6 MiB at most, from whoever has
/// raised the limit of their stack.
const MAX_SHOWN: u64 = 8 * 1024 * 1024;

/// A command line, of which no more is held than an entry keeps.
#[derive(Clone, Debug)]
pub struct CommandLine {
    /// As entries have it.
    pub command: Command,
    /// The bytes that the kernel shows.
    pub shown: usize,
    /// Whether there is anything to read. Who has ended shows nothing.
    pub is_legible: bool,
    head: Vec<u8>,
}

impl CommandLine {
    fn read(mut from: impl Read) -> io::Result<Self> {
        let mut typed = Typed::default();
        let (mut head, mut shown, mut is_legible) = (Vec::new(), 0, false);
        let mut piece = [0; PIECE];
        loop {
            let bytes = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => &piece[..length],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if shown == 0 {
                head = bytes.to_vec();
            }
            shown += bytes.len();
            is_legible |= bytes.iter().any(|byte| *byte != 0);
            typed.push(bytes);
        }
        Ok(Self {
            command: typed.finish(),
            shown,
            is_legible,
            head,
        })
    }

    /// The first words, each whole.
    #[must_use]
    pub fn first_words(&self) -> Vec<Vec<u8>> {
        let mut words = reading::words(&self.head);
        if self.head.len() < self.shown && self.head.last() != Some(&0) {
            words.pop();
        }
        words
    }

    /// The whole line, where it is still this one.
    fn spelled(&self, from: impl Read) -> io::Result<Option<Vec<u8>>> {
        let mut shown = Vec::with_capacity(self.shown);
        from.take(self.shown as u64 + 1).read_to_end(&mut shown)?;
        let mut line = Vec::with_capacity(self.command.length());
        let words = shown.strip_suffix(b"\0").unwrap_or(&shown);
        spell(words.split(|byte| *byte == 0), &mut line);
        let is_it = daypass_protocol::digest::Digest::of(&line) == self.command.sha256();
        Ok(is_it.then_some(line))
    }
}

impl Process {
    /// What it was called with, whatever its length.
    ///
    /// # Errors
    /// [`FactError`].
    pub fn command_line(self) -> Result<CommandLine, FactError> {
        self.shows(|file| CommandLine::read(file.take(MAX_SHOWN)))
    }

    /// The whole line that an entry has the beginning of. It takes as many bytes as the kernel shows and as the line is
    /// long, at once, and the latter afterwards. `None` where it has changed since.
    ///
    /// # Errors
    /// [`FactError`].
    pub fn whole_line(self, line: &CommandLine) -> Result<Option<Vec<u8>>, FactError> {
        self.shows(|file| line.spelled(file))
    }

    /// Its words as they stand in memory; `None` where these are more bytes than `most`.
    ///
    /// # Errors
    /// [`FactError`].
    pub fn words(self, most: usize) -> Result<Option<Vec<Vec<u8>>>, FactError> {
        self.shows(|file| {
            let mut bytes = Vec::new();
            file.take((most as u64).saturating_add(1))
                .read_to_end(&mut bytes)?;
            Ok((bytes.len() <= most).then(|| reading::words(&bytes)))
        })
    }

    fn shows<T>(self, read: impl FnOnce(File) -> io::Result<T>) -> Result<T, FactError> {
        let path = self.path("cmdline");
        File::open(&path)
            .and_then(read)
            .map_err(|source| unread(path, self.pid, source))
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command as Program, Stdio};

    use super::*;

    /// As the kernel shows them, a few bytes at a time.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = into.len().min(1000);
            self.0.read(&mut into[..length])
        }
    }

    fn shown(words: &[&[u8]]) -> Vec<u8> {
        let mut shown = words.join(&0);
        shown.push(0);
        shown
    }

    #[test]
    fn a_line_is_the_same_in_pieces_and_whole() {
        let long = vec![b'x'; 100_000];
        let words: [&[u8]; 4] = [b"sudo", b"it's", &long, b""];
        let shown = shown(&words);
        let line = CommandLine::read(Slowly(&shown)).unwrap();
        assert_eq!(line.command, Command::from_arguments(words));
        assert_eq!(line.shown, shown.len());
        assert!(line.is_legible);
        assert_eq!(line.first_words(), [&b"sudo"[..], b"it's"]);
        let whole = line.spelled(Slowly(&shown)).unwrap().unwrap();
        let mut expected = Vec::new();
        spell(words, &mut expected);
        assert!(whole == expected);
        // Neither more than was announced, nor anything else.
        for other in [[&shown[..], b"y"].concat(), shown[1..].to_vec()] {
            assert_eq!(line.spelled(&other[..]).unwrap(), None);
        }
    }

    #[test]
    fn nothing_but_ends_of_words_is_not_legible() {
        for (bytes, words) in [(&b""[..], 1), (b"\0", 1), (b"\0\0", 2)] {
            let line = CommandLine::read(bytes).unwrap();
            assert!(!line.is_legible);
            assert_eq!(line.first_words(), vec![b""; words]);
        }
    }

    #[test]
    fn a_command_line_keeps_its_bytes_and_is_no_longer_than_somebody_wants_to_know() {
        let mut child = Program::new("sh")
            .args(["-c", "echo; read x", "a b\n"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Once it says something, it has its words.
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let process = Process::with_pid(child.id() as i32).unwrap();
        let line = process.command_line().unwrap();
        assert_eq!(line.command.beginning(), b"sh -c 'echo; read x' 'a b\n'");
        let words = process.words(line.shown).unwrap().unwrap();
        assert_eq!(words.last().unwrap(), b"a b\n");
        assert_eq!(process.words(line.shown - 1).unwrap(), None);
        let whole = process.whole_line(&line).unwrap().unwrap();
        assert_eq!(whole, line.command.beginning());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(matches!(
            process.command_line(),
            Err(FactError::Gone { .. })
        ));
    }
}
