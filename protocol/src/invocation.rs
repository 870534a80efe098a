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

/// The same of words that are known one by one.
pub fn invocations_of(words: Vec<Vec<u8>>) -> Invocations {
    let mut found = Invocations::default();
    found.run(words, 0);
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As `program argument argument`, one for each.
    fn seen(line: &str) -> Vec<String> {
        invocations(line.as_bytes())
            .programs
            .into_iter()
            .map(|found| {
                let words: Vec<_> = std::iter::once(found.program)
                    .chain(found.arguments)
                    .collect();
                String::from_utf8_lossy(&words.join(&b' ')).into_owned()
            })
            .collect()
    }

    #[test]
    fn wrappers_and_paths_are_looked_through() {
        for (line, what) in [
            ("sudo rm -rf /srv", "rm -rf /srv"),
            (
                "sudo -u postgres -- /usr/bin/psql -c 'DROP TABLE x'",
                "psql -c DROP TABLE x",
            ),
            ("/usr/bin/sudo -nu postgres psql", "psql"),
            ("sudo --user=postgres FOO=bar psql", "psql"),
            ("sudo --us postgres psql", "psql"),
            ("sudo --shel", "sh"),
            ("sudo su --comm 'rm x' postgres", "rm x"),
            (
                "sudo env -i -u B A=1 nice -n 5 nohup timeout -k 3 10s rm x",
                "rm x",
            ),
            ("sudo env -S 'rm -r /etc'", "rm -r /etc"),
            ("sudo busybox rm -r /etc", "rm -r /etc"),
            (
                "sudo ionice -c3 setsid -f stdbuf -oL dd of=/dev/sda",
                "dd of=/dev/sda",
            ),
            ("sudo systemd-run --unit x -p A=b rm x", "rm x"),
            ("sudo -e /etc/sudoers", "sudoedit /etc/sudoers"),
            (
                "sudoedit -u root /etc/sudoers",
                "sudoedit -u root /etc/sudoers",
            ),
            ("sudo -i", "sh"),
            ("sudo -s", "sh"),
            ("sudo -iu postgres", "sh"),
            ("sudo su -", "sh"),
            ("sudo su - postgres", "sh"),
            ("sudo su postgres -c 'psql -c x'", "psql -c x"),
            ("sudo -s rm -r /etc", "rm -r /etc"),
            ("sudo xargs -n 1 -I {} rm -r {}", "rm -r {}"),
            ("sudo chroot /mnt rm -r /etc", "rm -r /etc"),
            ("sudo nsenter -t 1 -a rm x", "rm x"),
        ] {
            assert_eq!(seen(line), [what], "{line}");
        }
    }

    #[test]
    fn scripts_are_taken_apart() {
        for (line, what) in [
            (
                "sudo sh -c 'id; rm -r /etc'",
                &["sh -c id; rm -r /etc", "id", "rm -r /etc"][..],
            ),
            (
                "sudo bash -lc 'cd / && rm -r etc | tee /x'",
                &[
                    "bash -lc cd / && rm -r etc | tee /x",
                    "cd /",
                    "rm -r etc",
                    "tee /x",
                ],
            ),
            (
                "sudo bash -o pipefail -c 'id'",
                &["bash -o pipefail -c id", "id"],
            ),
            (
                "sudo sh -c 'echo x > /etc/sudoers'",
                &["sh -c echo x > /etc/sudoers", "echo x /etc/sudoers"],
            ),
            (
                "sudo sh -c 'echo $(rm -r /etc)'",
                &[
                    "sh -c echo $(rm -r /etc)",
                    "echo $(rm -r /etc)",
                    "rm -r /etc",
                ],
            ),
            (
                "sudo sh -c 'if true; then rm -r /etc; fi'",
                &["sh -c if true; then rm -r /etc; fi", "true", "rm -r /etc"],
            ),
            (
                "sudo sh -c \"sh -c 'id'\"",
                &["sh -c sh -c 'id'", "sh -c id", "id"],
            ),
            (
                "sudo find / -name x -exec rm -r '{}' ';'",
                &["find / -name x -exec rm -r {} ;", "rm -r {}"],
            ),
            ("sudo bash x.sh -c", &["bash x.sh -c"]),
            (
                "sudo sh -c 'eval \"rm -r /etc\"'",
                &["sh -c eval \"rm -r /etc\"", "rm -r /etc"],
            ),
        ] {
            assert_eq!(seen(line), what, "{line}");
        }
    }

    #[test]
    fn what_only_lists_runs_nothing() {
        for line in [
            "sudo -l",
            "sudo -v",
            "sudo -k",
            "sudo -V",
            "sudo -ll -U carol",
            "sudo",
            "",
        ] {
            assert!(seen(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn what_is_nested_too_deep_or_goes_on_too_long_is_said() {
        let goes_on = |line: &str| invocations(line.as_bytes()).goes_on;
        let nested = |depth: usize| {
            let (open, close) = (": $(".repeat(depth), ")".repeat(depth));
            format!("sudo sh -c '{open}rm -r /{close}'")
        };
        assert!(!goes_on(&nested(DEPTH - 1)));
        assert!(
            invocations(nested(DEPTH - 1).as_bytes())
                .programs
                .iter()
                .any(|found| found.program == b"rm")
        );
        assert!(goes_on(&nested(DEPTH)));
        let found = "-exec find / ".repeat(DEPTH + 1);
        assert!(goes_on(&format!("sudo find / {found} -exec rm -r / ;")));

        let many = |count: usize| format!("sudo sh -c '{}'", ":;".repeat(count));
        assert!(!goes_on(&many(MOST - 1)));
        assert!(goes_on(&many(MOST)));
        assert!(goes_on(&format!(
            "sudo sh -c '{}'",
            ":;".repeat(MOST - 1) + "eval :"
        )));

        let wrapped = |count: usize| format!("{}rm -r /", "nice ".repeat(count));
        assert!(!goes_on(&wrapped(WRAPPERS)));
        assert!(goes_on(&wrapped(WRAPPERS + 1)));
        // In several commands of one line, too.
        let each = ";nice nice :".repeat(WRAPPERS / 2 + 1);
        assert!(goes_on(&format!("sh -c '{each}'")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_only_words(line in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(invocations(&line).programs.len() <= MOST);
        }

        #[test]
        fn any_script_is_only_words(script in "[a-z$(){}`'\"\\\\;|&<> \n-]{0,200}") {
            let line = format!("sudo sh -c '{}'", script.replace('\'', "'\\''"));
            prop_assert!(invocations(line.as_bytes()).programs.len() <= MOST);
        }
    }
}
