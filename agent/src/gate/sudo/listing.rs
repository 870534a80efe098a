//! Telling calls of sudo that run nothing from those that run a command.

/// Whether this call of sudo runs nothing by itself: `-l`, `-v`, `-k`, `-K`, `-V`, `-h`. Options that take a value hide
/// what follows them; the first word that is no option begins the command.
pub(super) fn only_lists(words: &[Vec<u8>]) -> bool {
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix(b"--") {
            match long {
                b"list" | b"validate" | b"version" | b"help" | b"remove-timestamp" => return true,
                b"" => return false,
                _ => {}
            }
            continue;
        }
        let Some(short) = word.strip_prefix(b"-") else {
            return false;
        };
        for (index, letter) in short.iter().enumerate() {
            match letter {
                b'l' | b'v' | b'V' | b'K' => return true,
                b'u' | b'g' | b'p' | b'C' | b'D' | b'R' | b'T' | b'U' | b'r' | b't' | b'h'
                | b'a' | b'c' => {
                    if index + 1 == short.len() {
                        words.next();
                    }
                    break;
                }
                _ => {}
            }
        }
    }
    false
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
}
