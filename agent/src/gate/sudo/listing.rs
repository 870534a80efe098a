//! Telling calls of sudo that run nothing from those that run a command.

/// Whether this call of sudo runs nothing by itself: `-l`, `-v`, `-k`, `-K`, `-V`, `-h`.
pub(super) fn only_lists(words: &[Vec<u8>]) -> bool {
    read(words).0 == Kind::Lists
}

/// The command that this call of sudo runs, and its arguments; nothing where it lists or starts a shell.
pub(super) fn command_of(words: &[Vec<u8>]) -> &[Vec<u8>] {
    match read(words) {
        (Kind::Runs, begin) => words.get(begin..).unwrap_or_default(),
        (Kind::Lists | Kind::Shell, _) => &[],
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lists,
    Runs,
    /// A shell runs what follows.
    Shell,
}

/// Options that take a value hide what follows them; the first word that is no option begins the command.
fn read(words: &[Vec<u8>]) -> (Kind, usize) {
    let mut place = 1;
    let mut kind = Kind::Runs;
    while let Some(word) = words.get(place) {
        if let Some(long) = word.strip_prefix(b"--") {
            match long {
                b"list" | b"validate" | b"version" | b"help" | b"remove-timestamp" => {
                    return (Kind::Lists, place);
                }
                b"shell" | b"login" => kind = Kind::Shell,
                b"" => return (kind, place + 1),
                _ => {}
            }
            place += 1;
            continue;
        }
        let Some(short) = word.strip_prefix(b"-") else {
            return (kind, place);
        };
        for (index, letter) in short.iter().enumerate() {
            match letter {
                b'l' | b'v' | b'V' | b'K' => return (Kind::Lists, place),
                b's' | b'i' => kind = Kind::Shell,
                b'u' | b'g' | b'p' | b'C' | b'D' | b'R' | b'T' | b'U' | b'r' | b't' | b'h'
                | b'a' | b'c' => {
                    if index + 1 == short.len() {
                        place += 1;
                    }
                    break;
                }
                _ => {}
            }
        }
        place += 1;
    }
    (kind, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listing_and_validating_run_nothing() {
        let words = |line: &str| {
            line.split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect::<Vec<_>>()
        };
        for line in [
            "sudo -l",
            "sudo -nl",
            "sudo -v",
            "sudo --list",
            "sudo -n -u www -l",
            "sudo -uwww -ll",
        ] {
            assert!(only_lists(&words(line)), "{line}");
        }
        for line in [
            "sudo id",
            "sudo -n id -l",
            "sudo -u lv id",
            "sudo -ulv id",
            "sudo -- -l",
            "sudo -i",
            "sudo -nu v id",
        ] {
            assert!(!only_lists(&words(line)), "{line}");
        }
    }

    #[test]
    fn the_command_begins_behind_sudos_own_options() {
        let words = |line: &str| {
            line.split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect::<Vec<_>>()
        };
        for (line, command) in [
            ("sudo id", "id"),
            ("sudo -n -u www id -l", "id -l"),
            ("sudo -nuwww id", "id"),
            ("sudo --non-interactive -- -x y", "-x y"),
            ("sudo -l", ""),
            ("sudo -s id", ""),
            ("sudo -ni", ""),
            ("sudo", ""),
        ] {
            let found = command_of(&words(line)).join(&b' ');
            assert_eq!(found, command.as_bytes(), "{line}");
        }
    }
}
