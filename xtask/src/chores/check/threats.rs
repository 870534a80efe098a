//! What `docs/threats.md` names as proof is there.

use std::fs;
use std::path::Path;

use crate::chores::error::{Error, Result};
use crate::chores::{say, workspace};

const TABLE: &str = "docs/threats.md";

pub(super) fn check() -> Result<()> {
    let path = workspace::top().join(TABLE);
    let text = fs::read_to_string(&path).map_err(Error::path("read", &path))?;
    let is_gone = |(_, name): &(usize, &str)| !workspace::top().join(Path::new(name)).exists();
    let places: Vec<String> = named(&text)
        .filter(is_gone)
        .map(|(line, name)| format!("{TABLE}:{line}: {name}"))
        .collect();
    for place in &places {
        say::note(format_args!("{place}: there is no such file"));
    }
    if places.is_empty() {
        Ok(())
    } else {
        Err(Error::Threats { places })
    }
}

/// Files and directories between backticks, each with the number of its line, from 1.
fn named(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_path = |name: &&str| {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
        name.contains('/') && !name.starts_with('/') && name.bytes().all(is_word)
    };
    (1..).zip(text.lines()).flat_map(move |(number, line)| {
        let names = line.split('`').skip(1).step_by(2).filter(is_path);
        names.map(move |name| (number, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_between_backticks_are_found_and_nothing_else() {
        let text = "| `/run` wiped | a/b | `ca/src/api`, `gate/src/message.rs`: a_test |\n`x y/z` `plain.rs` `a/b`\n";
        let found: Vec<_> = named(text).collect();
        assert_eq!(
            found,
            [(1, "ca/src/api"), (1, "gate/src/message.rs"), (2, "a/b")]
        );
    }
}
