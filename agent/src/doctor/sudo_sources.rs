//! Where sudo finds rules and settings besides its files.

use super::Finding;
use crate::durable;
use crate::layout::Layout;

/// No list of the name services is larger.
const MAX_NAME_SWITCH: u64 = 64 * 1024;

/// Whether somebody else than this host says what sudo does here.
pub(super) fn look(layout: &Layout) -> Option<Finding> {
    let switch = match durable::read(&layout.name_switch(), MAX_NAME_SWITCH) {
        Ok(switch) => switch?,
        Err(error) => return Some(Finding::SudoSourcesUnread(error)),
    };
    let sources = directories(&String::from_utf8_lossy(&switch));
    (!sources.is_empty()).then_some(Finding::SudoDirectory { sources })
}

/// Whom sudo asks beyond `/etc/sudoers`, by the words of `/etc/nsswitch.conf`: `sss` and `ldap` are all that it knows. As sudo reads it
/// (sudo: `sudo_nss.c`, `sudo_read_nss`): the first line counts that begins with `sudoers:`, and without one the files alone.
fn directories(switch: &str) -> Vec<&'static str> {
    const KNOWN: [&str; 2] = ["ldap", "sss"];
    let lines = switch.lines().map(|line| match line.split_once('#') {
        Some((line, _)) => line,
        None => line,
    });
    let sudoers = lines.filter_map(|line| {
        let (database, sources) = line.trim().split_once(':')?;
        database.eq_ignore_ascii_case("sudoers").then_some(sources)
    });
    let first = sudoers.take(1).flat_map(str::split_whitespace);
    let named = |word: &str| {
        let mut known = KNOWN.into_iter();
        known.find(|known| word.eq_ignore_ascii_case(known))
    };
    first.filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_cannot_be_read_says_nothing_and_one_that_is_not_there_names_no_directory() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::under(root.path());
        assert!(look(&layout).is_none());
        std::fs::create_dir_all(layout.name_switch()).unwrap();
        let found = look(&layout).unwrap();
        assert!(matches!(found, Finding::SudoSourcesUnread(_)), "{found:?}");
        assert!(found.is_fault());
        std::fs::remove_dir(layout.name_switch()).unwrap();
        std::fs::write(layout.name_switch(), "sudoers: sss\n").unwrap();
        let found = look(&layout).unwrap();
        assert!(
            matches!(&found, Finding::SudoDirectory { sources } if *sources == ["sss"]),
            "{found:?}"
        );
        assert!(!found.is_fault());
    }

    #[test]
    fn only_what_sudo_asks_beyond_its_files_is_named() {
        for (switch, asked) in [
            ("", &[][..]),
            ("passwd: files sss\n", &[]),
            ("sudoers: files\n", &[]),
            ("sudoers: files # sss\n#sudoers: ldap\n", &[]),
            ("passwd: files\nsudoers:\tfiles sss\n", &["sss"]),
            (
                "SUDOERS: LDAP [SUCCESS=return] files sss\n",
                &["ldap", "sss"],
            ),
            // The first line counts.
            ("sudoers: files\nsudoers: sss\n", &[]),
        ] {
            assert_eq!(directories(switch), asked, "{switch:?}");
        }
    }
}
