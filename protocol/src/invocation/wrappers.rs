//! Programs whose arguments are another command.

use std::iter::Peekable;
use std::vec::IntoIter;

/// How such a program takes its arguments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Wrapper {
    name: &'static str,
    kind: Kind,
    /// Short options that take a value.
    letters: &'static str,
    /// Long options that take a value in the next word.
    long: &'static [&'static str],
    /// Operands before the command.
    operands: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Plain,
    Sudo,
    Su,
    Env,
}

/// What is inside.
#[derive(Debug)]
pub(super) enum Inner {
    Words(Vec<Vec<u8>>),
    Script(Vec<u8>),
    /// A shell, to type in.
    Shell,
    /// A program of this name with these arguments.
    Itself(Vec<u8>, Vec<Vec<u8>>),
    Nothing,
}

const fn plain(
    name: &'static str,
    letters: &'static str,
    long: &'static [&'static str],
    operands: usize,
) -> Wrapper {
    Wrapper {
        name,
        kind: Kind::Plain,
        letters,
        long,
        operands,
    }
}

/// su and runuser are one program. That su has no `-u` plays no part: it runs nothing then.
const fn su(name: &'static str) -> Wrapper {
    Wrapper {
        name,
        kind: Kind::Su,
        letters: "ucgGsw",
        long: &[
            "user",
            "command",
            "session-command",
            "group",
            "supp-group",
            "shell",
            "whitelist-environment",
        ],
        operands: 0,
    }
}

const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        name: "sudo",
        kind: Kind::Sudo,
        letters: "uCghprtTURaD",
        long: &[
            "user",
            "group",
            "close-from",
            "chdir",
            "host",
            "prompt",
            "role",
            "type",
            "command-timeout",
            "other-user",
            "chroot",
            "auth-type",
        ],
        operands: 0,
    },
    Wrapper {
        name: "doas",
        kind: Kind::Sudo,
        letters: "aCu",
        long: &[],
        operands: 0,
    },
    su("su"),
    su("runuser"),
    Wrapper {
        name: "env",
        kind: Kind::Env,
        letters: "uCS",
        long: &["unset", "chdir", "split-string"],
        operands: 0,
    },
    plain("nice", "n", &["adjustment"], 0),
    plain("ionice", "cnpPu", &["class", "classdata"], 0),
    plain(
        "chrt",
        "TPD",
        &["sched-runtime", "sched-period", "sched-deadline"],
        1,
    ),
    plain("taskset", "", &[], 1),
    plain("nohup", "", &[], 0),
    plain("setsid", "", &[], 0),
    plain("timeout", "ks", &["kill-after", "signal"], 1),
    plain("stdbuf", "ioe", &["input", "output", "error"], 0),
    plain("time", "fo", &["format", "output"], 0),
    plain("busybox", "", &[], 0),
    plain("toybox", "", &[], 0),
    plain("chroot", "", &[], 1),
    plain(
        "unshare",
        "SGR",
        &["setuid", "setgid", "root", "wd", "propagation", "setgroups"],
        0,
    ),
    plain(
        "nsenter",
        "tSGWrw",
        &["target", "setuid", "setgid", "wdns"],
        0,
    ),
    plain(
        "setpriv",
        "",
        &[
            "reuid",
            "regid",
            "groups",
            "inh-caps",
            "ambient-caps",
            "bounding-set",
            "securebits",
        ],
        0,
    ),
    plain(
        "systemd-run",
        "HMpEtuG",
        &[
            "unit",
            "property",
            "description",
            "slice",
            "uid",
            "gid",
            "nice",
            "working-directory",
            "setenv",
            "on-active",
            "on-boot",
            "on-calendar",
            "host",
            "machine",
        ],
        0,
    ),
    plain("systemd-inhibit", "", &["what", "who", "why", "mode"], 0),
    plain(
        "flock",
        "wEc",
        &["timeout", "wait", "conflict-exit-code"],
        1,
    ),
    plain(
        "strace",
        "eosapPuEIO",
        &["output", "trace", "expr", "attach", "user"],
        0,
    ),
    plain("ltrace", "eosapunlF", &["output"], 0),
    plain("watch", "n", &["interval"], 0),
    plain(
        "xargs",
        "aEILnPsd",
        &[
            "arg-file",
            "delimiter",
            "replace",
            "max-lines",
            "max-args",
            "max-procs",
            "max-chars",
        ],
        0,
    ),
    plain("dbus-run-session", "", &["config-file", "dbus-daemon"], 0),
    plain("catchsegv", "", &[], 0),
];

/// sudo's options that ask for something else than running a command.
const LISTS: &str = "lvkKV";

impl Wrapper {
    pub(super) fn of(program: &[u8]) -> Option<&'static Self> {
        WRAPPERS
            .iter()
            .find(|wrapper| wrapper.name.as_bytes() == program)
    }

    pub(super) fn open(&self, arguments: Vec<Vec<u8>>) -> Inner {
        let Options { seen, values, rest } = self.options(arguments);
        match self.kind {
            Kind::Plain => words(rest.into_iter().skip(self.operands).collect()),
            Kind::Env => match values.into_iter().find(|(name, _)| self.splits(name)) {
                // What is split may begin with options as well.
                Some((_, text)) => {
                    let mut again = vec![self.name.as_bytes().to_vec()];
                    again.extend(super::shell::words(&text));
                    again.extend(rest);
                    Inner::Words(again)
                }
                None => {
                    let is_variable = |word: &Vec<u8>| word.contains(&b'=');
                    words(rest.into_iter().skip_while(is_variable).collect())
                }
            },
            Kind::Su => {
                let script = values.into_iter().find(|(name, _)| {
                    is_option(name, "c", "command") || is_option(name, "c", "session-command")
                });
                match script {
                    Some((_, script)) => Inner::Script(script),
                    // `runuser -u USER COMMAND` runs a command; `su USER` a shell.
                    None if self.name == "runuser"
                        && !rest.is_empty()
                        && seen.iter().any(|name| is_option(name, "u", "user")) =>
                    {
                        words(rest)
                    }
                    None => Inner::Shell,
                }
            }
            Kind::Sudo => sudo(&seen, rest),
        }
    }

    fn options(&self, arguments: Vec<Vec<u8>>) -> Options {
        let mut options = Options::default();
        let mut words = arguments.into_iter().peekable();
        let mut ends = self.leading(&mut words, &mut options);
        match self.kind {
            // `sudo A=b -n …`: options may follow what is for the environment.
            Kind::Sudo => {
                while !ends && words.next_if(|word| is_for_environment(word)).is_some() {
                    ends = self.leading(&mut words, &mut options);
                }
            }
            // `su USER -c …`: options may follow.
            Kind::Su => {
                while let Some(word) = words.next() {
                    options.rest.push(word);
                    if !words.peek().is_some_and(|word| word.starts_with(b"-")) {
                        break;
                    }
                    self.leading(&mut words, &mut options);
                }
            }
            Kind::Plain | Kind::Env => {}
        }
        options.rest.extend(words);
        options
    }

    /// Takes the options at the beginning off; whether they were ended by `--`, or by text that env splits into words, which
    /// takes its place before all that follow.
    fn leading(&self, words: &mut Peekable<IntoIter<Vec<u8>>>, options: &mut Options) -> bool {
        while let Some(word) = words.next_if(|word| word.starts_with(b"-")) {
            if word == b"--" {
                return true;
            }
            if let Some(long) = word.strip_prefix(b"--") {
                let (name, value) = match long.iter().position(|byte| *byte == b'=') {
                    Some(equals) => (&long[..equals], Some(long[equals + 1..].to_vec())),
                    None => (long, None),
                };
                let name = String::from_utf8_lossy(name).into_owned();
                // Long options may be shortened.
                let takes_value = self.long.iter().any(|long| long.starts_with(&name));
                let takes_next = value.is_none() && takes_value;
                let value = if takes_next { words.next() } else { value };
                let splits = self.splits(&name);
                options.saw(name, value);
                if splits {
                    return true;
                }
                continue;
            }
            let letters = &word[1..];
            for (place, letter) in letters.iter().enumerate() {
                let name = char::from(*letter).to_string();
                if !self.letters.contains(&name) {
                    options.saw(name, None);
                    continue;
                }
                let behind = &letters[place + 1..];
                let value = if behind.is_empty() {
                    words.next()
                } else {
                    Some(behind.to_vec())
                };
                let splits = self.splits(&name);
                options.saw(name, value);
                if splits {
                    return true;
                }
                break;
            }
        }
        false
    }

    fn splits(&self, name: &str) -> bool {
        self.kind == Kind::Env && is_option(name, "S", "split-string")
    }
}

#[derive(Debug, Default)]
struct Options {
    seen: Vec<String>,
    values: Vec<(String, Vec<u8>)>,
    rest: Vec<Vec<u8>>,
}

impl Options {
    fn saw(&mut self, name: String, value: Option<Vec<u8>>) {
        if let Some(value) = value {
            self.values.push((name.clone(), value));
        }
        self.seen.push(name);
    }
}

/// Whether `name`, without its dashes, is this option: by its letter, or by its long name, which may be shortened.
fn is_option(name: &str, letter: &str, long: &str) -> bool {
    name == letter || (name.len() > 1 && long.starts_with(name))
}

/// Whether sudo takes a word before the command for the environment: any with `=` but a path.
fn is_for_environment(word: &[u8]) -> bool {
    word.contains(&b'=') && !word.starts_with(b"/")
}

fn sudo(seen: &[String], rest: Vec<Vec<u8>>) -> Inner {
    let has = |short: &str, long: &str| seen.iter().any(|name| is_option(name, short, long));
    if has("e", "edit") {
        return Inner::Itself(b"sudoedit".to_vec(), rest);
    }
    let lists = seen.iter().any(|name| {
        name.len() == 1 && LISTS.contains(name.as_str())
            || ["list", "validate", "version"]
                .iter()
                .any(|long| is_option(name, "", long))
    });
    if !rest.is_empty() && !has("l", "list") {
        return words(rest);
    }
    if lists {
        return Inner::Nothing;
    }
    if has("i", "login") || has("s", "shell") {
        return Inner::Shell;
    }
    Inner::Nothing
}

fn words(words: Vec<Vec<u8>>) -> Inner {
    match words.is_empty() {
        true => Inner::Nothing,
        false => Inner::Words(words),
    }
}

/// The commands of `find … -exec COMMAND … ;`.
pub(super) fn executed_by_find(arguments: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let starts =
        |word: &Vec<u8>| [&b"-exec"[..], b"-execdir", b"-ok", b"-okdir"].contains(&word.as_slice());
    let mut found = Vec::new();
    let mut rest = arguments;
    while let Some(start) = rest.iter().position(starts) {
        rest = &rest[start + 1..];
        let end = rest
            .iter()
            .position(|word| word == b";" || word == b"+")
            .unwrap_or(rest.len());
        found.push(rest[..end].to_vec());
        rest = &rest[end..];
    }
    found
}
