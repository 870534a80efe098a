//! A test that is ignored says why.

use std::fs;

use crate::chores::error::{Error, Result};
use crate::chores::{say, source_tree, workspace};

pub(super) fn check() -> Result<()> {
    let mut places = Vec::new();
    for file in source_tree::files(workspace::top())? {
        if file.extension().is_some_and(|extension| extension == "rs") {
            let path = workspace::top().join(&file);
            let text = fs::read_to_string(&path).map_err(Error::path("read", &path))?;
            places.extend(unexplained(&text).map(|line| format!("{}:{line}", file.display())));
        }
    }
    for place in &places {
        say::note(format_args!("{place}: say why: #[ignore = \"…\"]"));
    }
    if places.is_empty() {
        Ok(())
    } else {
        Err(Error::Ignored { places })
    }
}

/// The numbers, from 1, of lines that ignore a test without a word.
fn unexplained(text: &str) -> impl Iterator<Item = usize> + '_ {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| line.trim() == concat!("#[", "ignore]"))
        .map(|(index, _)| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_ignore_is_found() {
        let text = concat!(
            "#[test]\n    #[",
            "ignore]\nfn a() {}\n#[ignore = \"needs a moon\"]\nfn b() {}\n"
        );
        assert_eq!(unexplained(text).collect::<Vec<_>>(), [2]);
    }
}
