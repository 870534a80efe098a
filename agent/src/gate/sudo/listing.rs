//! Telling calls of sudo apart by their words: those that run nothing from those that run a command, and those that do
//! nothing but run it as root.

/// Whether this call of sudo runs nothing by itself: `-l`, `-v`, `-k`, `-K`, `-V`, `-h`. Options that take a value hide
/// what follows them; the first word that is no option begins the command.
pub(super) fn only_lists(words: &[Vec<u8>]) -> bool {
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix(b"--") {
            match long {
                b"list" | b"validate" | b"version" | b"help" | b"remove-timestamp" => return true,
                b"" => return false,
                _ => continue,
            }
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

/// The command and its arguments, where this call does nothing but run it as root: sudo by its own name, with no options
/// but `-n`, `-u root` and `--`. Any other word before the command may make it another one: an editor, an environment, a
/// directory, a root of its own.
pub(super) fn plain_command(words: &[Vec<u8>]) -> Option<&[Vec<u8>]> {
    let (name, mut rest) = words.split_first()?;
    let name = name.rsplit(|byte| *byte == b'/').next()?;
    if !matches!(name, b"sudo" | b"sudo-rs") {
        return None;
    }
    loop {
        let (word, behind) = rest.split_first()?;
        rest = match word.as_slice() {
            b"-n" => behind,
            b"-u" if behind.first()? == b"root" => &behind[1..],
            b"--" => return command(behind),
            other if other.starts_with(b"-") => return None,
            _ => return command(rest),
        };
    }
}

/// sudo takes words with a `=` for its environment, behind `--` as well.
fn command(words: &[Vec<u8>]) -> Option<&[Vec<u8>]> {
    let first = words.first()?;
    (!first.contains(&b'=')).then_some(words)
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
    fn a_plain_command_has_no_words_before_it_that_could_change_it() {
        let words = |line: &str| {
            line.split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect::<Vec<_>>()
        };
        let command = |line: &str| {
            let words = words(line);
            let found = plain_command(&words)?;
            Some(String::from_utf8(found.join(&b' ')).unwrap())
        };
        for line in [
            "sudo id -u",
            "/usr/bin/sudo -n id -u",
            "sudo-rs -n -u root id -u",
            "sudo -u root -n -- id -u",
        ] {
            assert_eq!(command(line).as_deref(), Some("id -u"), "{line}");
        }
        assert_eq!(command("sudo -- -x y").as_deref(), Some("-x y"));
        for line in [
            "sudo",
            "sudo -n",
            "sudo --",
            "sudo -l",
            "sudo -s id",
            "sudo -ni id",
            "sudoedit id",
            "/usr/bin/sudoedit id",
            "sudo -e id",
            "sudo -R /tmp id",
            "sudo -D /tmp id",
            "sudo -E id",
            "sudo --preserve-env=PATH id",
            "sudo -u www id",
            "sudo -uroot id",
            "sudo -u #0 id",
            "sudo -u",
            "sudo -g root id",
            "sudo -nE id",
            "sudo --non-interactive id",
            "sudo PATH=/tmp id",
            "sudo -- PATH=/tmp id",
        ] {
            assert_eq!(command(line), None, "{line}");
        }
    }
}
