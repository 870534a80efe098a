//! What a command line runs: programs and their arguments, as words. Wrappers (`sudo -u x`, `env A=b`, `nice`), shells
//! (`sh -c '…'`), `find -exec` and `xargs` are looked through; the order of options and the path of a program play no part.
//!
//! A shell decides at run time what a line does; what comes from variables, files and standard input cannot be seen here.
//! Nothing is executed, and no bytes have a meaning beyond these words.

mod shell;
mod wrappers;

use shell::Script;
use wrappers::{Inner, Wrapper};

/// Scripts in scripts that are looked into.
const DEPTH: usize = 8;
/// Wrappers of one line that are looked through; each costs as much as the line is long.
const WRAPPERS: usize = 64;
/// Programs of one line that are looked at.
pub const MOST: usize = 256;

/// One program that a line runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invocation {
    /// Without its directory.
    pub program: Vec<u8>,
    /// All words behind it; the files that a script redirects to and from among them.
    pub arguments: Vec<Vec<u8>>,
}

/// What a line runs, as far as it is looked into.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Invocations {
    /// At most [`MOST`].
    pub programs: Vec<Invocation>,
    /// There is more, or it is nested deeper than is looked: who has something to hide would have it there.
    pub goes_on: bool,
    wrappers: usize,
}

/// All programs that `line` runs; `line` is words joined by spaces, each quoted as a shell needs it.
pub fn invocations(line: &[u8]) -> Invocations {
    let mut found = Invocations::default();
    found.run(shell::words(line), 0);
    found
}

/// All programs that a call of sudo runs; `line` is as for [`invocations`], the call's own name first.
pub fn invocations_of_sudo(line: &[u8]) -> Invocations {
    invocations_of_sudo_words(&shell::words(line))
}

/// The same of words that are known one by one.
///
/// Whoever calls sudo calls it what they like. Where that name ends in "edit" it may be an edit, so both are found.
pub fn invocations_of_sudo_words(words: &[Vec<u8>]) -> Invocations {
    let mut found = Invocations::default();
    let Some((name, rest)) = words.split_first() else {
        return found;
    };
    let names: &[&[u8]] = match name.ends_with(b"edit") {
        true => &[b"sudo", b"sudoedit"],
        false => &[b"sudo"],
    };
    for name in names {
        let called = std::iter::once(name.to_vec()).chain(rest.iter().cloned());
        found.run(called.collect(), 0);
    }
    found
}

impl Invocations {
    fn run(&mut self, mut words: Vec<Vec<u8>>, depth: usize) {
        loop {
            let assigned = words.iter().take_while(|word| is_assignment(word)).count();
            words.drain(..assigned);
            if words.is_empty() {
                return;
            }
            let program = base_name(&words[0]).to_vec();
            let arguments = words.split_off(1);
            let Some(wrapper) = Wrapper::of(&program) else {
                return self.itself(program, arguments, depth);
            };
            if self.wrappers >= WRAPPERS {
                self.goes_on = true;
                return;
            }
            self.wrappers += 1;
            match wrapper.open(arguments) {
                Inner::Words(inner) => words = inner,
                Inner::Script(inner) => return self.script(&inner, depth),
                Inner::Shell => return self.push(b"sh".to_vec(), Vec::new()),
                Inner::Itself(program, arguments) => return self.push(program, arguments),
                Inner::Nothing => return,
            }
        }
    }

    /// A program that is no wrapper; some of those run others as well.
    fn itself(&mut self, program: Vec<u8>, arguments: Vec<Vec<u8>>, depth: usize) {
        let inner: Vec<Vec<Vec<u8>>> = match program.as_slice() {
            b"find" => wrappers::executed_by_find(&arguments),
            _ => Vec::new(),
        };
        let inside = is_shell(&program).then(|| script_of(&arguments)).flatten();
        self.push(program, arguments);
        if depth >= DEPTH && !(inner.is_empty() && inside.is_none()) {
            self.goes_on = true;
            return;
        }
        for words in inner {
            self.run(words, depth + 1);
        }
        if let Some(inside) = inside {
            self.script(&inside, depth);
        }
    }

    fn script(&mut self, text: &[u8], depth: usize) {
        if depth >= DEPTH || self.programs.len() >= MOST {
            self.goes_on = true;
            return;
        }
        let Script { commands, nested } = Script::read(text);
        for words in commands {
            self.run(words, depth + 1);
        }
        for inner in nested {
            self.script(&inner, depth + 1);
        }
    }

    fn push(&mut self, program: Vec<u8>, arguments: Vec<Vec<u8>>) {
        match self.programs.len() < MOST {
            true => self.programs.push(Invocation { program, arguments }),
            false => self.goes_on = true,
        }
    }
}

fn is_shell(program: &[u8]) -> bool {
    [
        &b"sh"[..],
        b"bash",
        b"rbash",
        b"dash",
        b"ash",
        b"zsh",
        b"ksh",
        b"mksh",
        b"fish",
        b"csh",
        b"tcsh",
    ]
    .contains(&program)
}

/// The script of `sh -c SCRIPT`: what follows the options of which one is `c`.
fn script_of(arguments: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut has_c = false;
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        match word.as_slice() {
            b"--" => return has_c.then(|| rest.next().cloned()).flatten(),
            // These take a value.
            b"-o" | b"+o" | b"-O" | b"+O" | b"--rcfile" | b"--init-file" => {
                rest.next();
            }
            word if word.starts_with(b"--") => has_c |= word == b"--command",
            word if word.len() > 1 && (word[0] == b'-' || word[0] == b'+') => {
                has_c |= word[0] == b'-' && word.contains(&b'c');
            }
            word => return has_c.then(|| word.to_vec()),
        }
    }
    None
}

fn is_assignment(word: &[u8]) -> bool {
    let Some(equals) = word.iter().position(|byte| *byte == b'=') else {
        return false;
    };
    let name = &word[..equals];
    !name.is_empty()
        && !name[0].is_ascii_digit()
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests;
