//! What sudo may run, in a language smaller than sudoers.
//!
//! Whatever can be written here means in sudoers exactly what it seems to mean. Commas, colons, `!`, `=`, aliases,
//! tags, digests, quotes, globs (but one) and line breaks cannot be written at all.

mod root;

use crate::name::Account;
use std::fmt;
use std::str::FromStr;

/// Bytes in one item, at most.
pub const MAX_TEXT: usize = 1024;

/// `ALL`, or `[(RUNAS) ]/absolute/command[ ARGUMENTS]`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SudoItem {
    /// Anything, as anybody.
    All,
    /// One command.
    Command {
        /// As whom; `None` when not written, which means root.
        run_as: Option<RunAs>,
        /// The absolute path.
        path: String,
        /// With which arguments.
        arguments: Arguments,
    },
}

/// As whom a command runs.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RunAs {
    /// Anybody, root included.
    All,
    /// This account.
    Account(Account),
}

/// The arguments that a command may be given.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Arguments {
    /// Nothing written: any, as in sudoers.
    Any,
    /// `""`: none.
    None,
    /// These words; after them `rest`.
    Words {
        /// The words, in order; empty only before a lone `*`.
        words: Vec<String>,
        /// Whether anything may follow.
        rest: Rest,
    },
}

/// What may follow the words of an item.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Rest {
    /// Nothing.
    Nothing,
    /// A closing `*`: any further arguments.
    Anything,
}

/// Why a text is not a [`SudoItem`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Longer than [`MAX_TEXT`].
    #[error("a sudo item has at most 1024 bytes, this one has {0}")]
    TooLong(usize),
    /// `(…)` is neither `ALL` nor an account, or is not followed by a space.
    #[error("begin with (ACCOUNT) or (ALL) and one space, or leave it out for root")]
    RunAs,
    /// Not an absolute path.
    #[error("the command must be an absolute path, as in /usr/bin/systemctl, or the word ALL")]
    NotAbsolute,
    /// A path with an empty, `.` or `..` part, or a character that sudoers could take for something else.
    #[error(
        "the command path {0:?} may hold A-Z a-z 0-9 . _ + @ - between single slashes, and no . or .. part"
    )]
    Path(String),
    /// `sudoedit`, which sudoers takes for its own built-in wherever it stands.
    #[error("sudoedit is not a command that can be granted; it edits any file named")]
    SudoEdit,
    /// A character that means something in sudoers.
    #[error(
        "{0:?} cannot stand in the arguments of a sudo item; it has a meaning of its own in sudoers"
    )]
    Character(char),
    /// Words not separated by one space each.
    #[error("separate the words of a sudo item by single spaces")]
    Spaces,
    /// `*` inside a word or before the last.
    #[error("* may only stand alone as the last word, for any further arguments")]
    Star,
    /// `""` beside words.
    #[error("\"\" means no arguments at all and stands alone in their place")]
    Empty,
}

impl SudoItem {
    /// Whether whoever may run this is root on the host: `ALL`, or a command run as root that is known to run, write
    /// or give away anything (a shell, an editor, a package manager, …). `false` is not a promise.
    pub fn is_root_equivalent(&self) -> bool {
        match self {
            Self::All => true,
            Self::Command { run_as, path, .. } => {
                runs_as_root(run_as.as_ref()) && root::is_way_to_root(path)
            }
        }
    }

    /// The item as it stands in a sudoers file after `%#GID ALL = `.
    pub fn to_sudoers(&self) -> String {
        match self {
            Self::All => "(ALL : ALL) NOPASSWD: ALL".to_owned(),
            Self::Command {
                run_as,
                path,
                arguments,
            } => {
                let run_as = run_as
                    .as_ref()
                    .map_or_else(|| "root".to_owned(), RunAs::to_string);
                format!("({run_as}) NOPASSWD: {path}{arguments}")
            }
        }
    }
}

fn runs_as_root(run_as: Option<&RunAs>) -> bool {
    match run_as {
        None | Some(RunAs::All) => true,
        Some(RunAs::Account(account)) => account.as_str() == "root",
    }
}

impl FromStr for SudoItem {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_TEXT {
            return Err(Error::TooLong(text.len()));
        }
        if text == "ALL" {
            return Ok(Self::All);
        }
        let (run_as, command) = match text.strip_prefix('(') {
            Some(rest) => {
                let (run_as, command) = rest.split_once(") ").ok_or(Error::RunAs)?;
                (Some(run_as.parse()?), command)
            }
            None => (None, text),
        };
        let (path, arguments) = match command.split_once(' ') {
            Some((path, arguments)) => (path, parse_arguments(arguments)?),
            None => (command, Arguments::Any),
        };
        check_path(path)?;
        Ok(Self::Command {
            run_as,
            path: path.to_owned(),
            arguments,
        })
    }
}

impl FromStr for RunAs {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "ALL" => Ok(Self::All),
            account => account.parse().map(Self::Account).map_err(|_| Error::RunAs),
        }
    }
}

fn check_path(path: &str) -> Result<(), Error> {
    let parts = path.strip_prefix('/').ok_or(Error::NotAbsolute)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+@-".contains(&byte);
    if parts
        .split('/')
        .any(|part| matches!(part, "" | "." | "..") || !part.bytes().all(is_plain))
    {
        return Err(Error::Path(path.to_owned()));
    }
    if parts.rsplit('/').next() == Some("sudoedit") {
        return Err(Error::SudoEdit);
    }
    Ok(())
}

fn parse_arguments(text: &str) -> Result<Arguments, Error> {
    if text == "\"\"" {
        return Ok(Arguments::None);
    }
    let (text, rest) = match text.strip_suffix(" *") {
        Some(words) => (words, Rest::Anything),
        None if text == "*" => {
            return Ok(Arguments::Words {
                words: Vec::new(),
                rest: Rest::Anything,
            });
        }
        None => (text, Rest::Nothing),
    };
    let words = text.split(' ').map(parse_word).collect::<Result<_, _>>()?;
    Ok(Arguments::Words { words, rest })
}

fn parse_word(word: &str) -> Result<String, Error> {
    match word.chars().find(|&character| {
        !character.is_ascii_graphic() || r#",:=!\"()#[]?%^~'*"#.contains(character)
    }) {
        Some('*') => Err(Error::Star),
        Some('"') if word == "\"\"" => Err(Error::Empty),
        Some(character) => Err(Error::Character(character)),
        None if word.is_empty() => Err(Error::Spaces),
        None => Ok(word.to_owned()),
    }
}

impl fmt::Display for SudoItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("ALL"),
            Self::Command {
                run_as: Some(run_as),
                path,
                arguments,
            } => write!(f, "({run_as}) {path}{arguments}"),
            Self::Command {
                run_as: None,
                path,
                arguments,
            } => write!(f, "{path}{arguments}"),
        }
    }
}

impl fmt::Display for RunAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("ALL"),
            Self::Account(account) => account.fmt(f),
        }
    }
}

/// With the space that separates them from the command.
impl fmt::Display for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::None => f.write_str(" \"\""),
            Self::Words { words, rest } => {
                words.iter().try_for_each(|word| write!(f, " {word}"))?;
                if *rest == Rest::Anything {
                    f.write_str(" *")
                } else {
                    Ok(())
                }
            }
        }
    }
}

serde_as_text!(SudoItem);
