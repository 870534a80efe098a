//! What a command must be for a rule: judged word by word, whatever the order of its options.

use serde::Deserialize;

use super::pattern::Pattern;
use crate::alerts::invocation::Invocation;

/// A kind of command: everything that is said must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandPattern {
    /// The program's name without its directory.
    program: Pattern,
    /// Each line is one option by all its names, as `r R recursive`; one of the names must be there. A name of one letter
    /// stands alone or among others (`-fr`), a longer one may be shortened (`--recurs`); one with its dash is taken as it is.
    #[serde(default)]
    options: Vec<String>,
    /// Each must hold for some word behind the program.
    #[serde(default)]
    words: Vec<Pattern>,
    /// Some word behind the program must be a path outside all of these directories.
    #[serde(default)]
    outside: Vec<String>,
    /// The value of an option.
    value: Option<ValuePattern>,
    /// Whether it must have been called without operands, as a shell to type in is.
    operands: Option<Operands>,
    /// The same command must be none of these. Another one on the same line plays no part: nothing hides behind it.
    #[serde(default)]
    unless: Vec<CommandPattern>,
}

/// The value of an option: `-c VALUE`, `-cVALUE`, `--command=VALUE`, `--command VALUE`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ValuePattern {
    /// All names of the option.
    of: String,
    is: Pattern,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Operands {
    None,
}

impl CommandPattern {
    pub(crate) fn holds(&self, command: &Invocation) -> bool {
        let arguments = &command.arguments;
        self.program.holds(&command.program)
            && self
                .options
                .iter()
                .all(|names| has_option(arguments, names))
            && self
                .words
                .iter()
                .all(|pattern| arguments.iter().any(|word| pattern.holds(word)))
            && (self.outside.is_empty()
                || operands(arguments).any(|word| leads_outside(word, &self.outside)))
            && self
                .value
                .as_ref()
                .is_none_or(|value| value.holds(arguments))
            && self
                .operands
                .is_none_or(|Operands::None| operands(arguments).next().is_none())
            && !self.unless.iter().any(|pattern| pattern.holds(command))
    }
}

impl ValuePattern {
    fn holds(&self, arguments: &[Vec<u8>]) -> bool {
        let next = |place: usize| arguments.get(place + 1).map(Vec::as_slice);
        arguments.iter().enumerate().any(|(place, word)| {
            self.of
                .split(' ')
                .filter_map(|name| value_of(word, name, next(place)))
                .any(|value| self.is.holds(value))
        })
    }
}

/// The value that `word` gives the option `name`, if it is that option.
fn value_of<'a>(word: &'a [u8], name: &str, next: Option<&'a [u8]>) -> Option<&'a [u8]> {
    if let Some(long) = word.strip_prefix(b"--") {
        let (found, value) = match long.iter().position(|byte| *byte == b'=') {
            Some(equals) => (&long[..equals], Some(&long[equals + 1..])),
            None => (long, None),
        };
        return (name.len() > 1 && is_short_for(found, name))
            .then(|| value.or(next))
            .flatten();
    }
    let letters = word.strip_prefix(b"-")?;
    let [letter] = name.as_bytes() else {
        return None;
    };
    let place = letters.iter().position(|byte| byte == letter)?;
    match &letters[place + 1..] {
        [] => next,
        value => Some(value),
    }
}

fn has_option(arguments: &[Vec<u8>], names: &str) -> bool {
    let options = arguments.iter().take_while(|word| word.as_slice() != b"--");
    let mut options = options.filter(|word| word.starts_with(b"-"));
    options.any(|word| names.split(' ').any(|name| is_option(word, name)))
}

fn is_option(word: &[u8], name: &str) -> bool {
    if name.starts_with('-') {
        return word == name.as_bytes();
    }
    match (word.strip_prefix(b"--"), name.as_bytes()) {
        (Some(long), name_bytes) if name_bytes.len() > 1 => {
            let found = long.split(|byte| *byte == b'=').next().unwrap_or(long);
            is_short_for(found, name)
        }
        (None, [letter]) => word[1..].contains(letter),
        _ => false,
    }
}

fn is_short_for(found: &[u8], name: &str) -> bool {
    !found.is_empty() && name.as_bytes().starts_with(found)
}

/// Words that are no options.
fn operands(arguments: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    let mut only_operands = false;
    arguments.iter().map(Vec::as_slice).filter(move |word| {
        if only_operands {
            return true;
        }
        only_operands = *word == b"--";
        !word.starts_with(b"-")
    })
}

/// Whether a path, read without a look at the disk, is in none of `directories`. From where a relative one counts is not
/// known: it leads outside when it climbs.
fn leads_outside(path: &[u8], directories: &[String]) -> bool {
    if !path.starts_with(b"/") {
        // A home that a shell of root's would put in is not one of people's.
        return path.starts_with(b"~")
            || path.split(|byte| *byte == b'/').any(|part| part == b"..");
    }
    let path = normal(path);
    !directories.iter().any(|directory| {
        let inside = path.strip_prefix(directory.as_bytes());
        // The directory itself is not inside it.
        inside.is_some_and(|rest| rest.len() > 1 && rest.starts_with(b"/"))
    })
}

fn normal(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    [&b"/"[..], &parts.join(&b'/')].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::invocation::invocations;

    fn holds(pattern: &str, line: &str) -> bool {
        let pattern: CommandPattern = toml::from_str(pattern).unwrap();
        invocations(line.as_bytes())
            .programs
            .iter()
            .any(|command| pattern.holds(command))
    }

    #[test]
    fn options_are_found_in_any_order_and_spelling() {
        let pattern = "program = 'rm'\noptions = ['r R recursive']\noutside = ['/home']";
        for line in [
            "rm -r /etc",
            "rm -fr /etc",
            "rm /etc -R",
            "rm --recursive /etc",
            "rm --recurs /etc",
            "rm -r -- /etc",
            "rm -r /home/../etc",
            "rm -r /home",
            "rm -r ../etc",
            "rm -r /home/x /etc",
        ] {
            assert!(holds(pattern, &format!("sudo {line}")), "{line}");
        }
        for line in [
            "rm /etc",
            "rm -f /etc",
            "rm -r /home/x",
            "rm -r x",
            "rm -r /home/./x//y",
            "rm -f -- -r /etc",
            "rmdir -r /etc",
        ] {
            assert!(!holds(pattern, &format!("sudo {line}")), "{line}");
        }
    }

    #[test]
    fn values_are_found_in_each_of_their_forms() {
        let pattern = "program = 'psql'\nvalue = {of = 'c command', is = '(?i)drop .*'}";
        for line in [
            "psql -c 'DROP x'",
            "psql '-cdrop x'",
            "psql -Atc 'drop x'",
            "psql --command='drop x'",
            "psql --command 'drop x'",
            "psql -d db -c 'select 1' -c 'drop x'",
        ] {
            assert!(holds(pattern, line), "{line}");
        }
        for line in [
            "psql -d 'drop x'",
            "psql -c",
            "psql --file='drop x'",
            "psql 'drop x'",
        ] {
            assert!(!holds(pattern, line), "{line}");
        }
    }

    #[test]
    fn a_shell_to_type_in_has_no_operands() {
        let pattern = "program = '(ba)?sh'\noperands = 'none'";
        assert!(holds(pattern, "sudo bash -il"));
        assert!(holds(pattern, "sudo -i"));
        assert!(!holds(pattern, "sudo bash script.sh"));
        assert!(!holds(pattern, "sudo bash -c id"));
    }
}
