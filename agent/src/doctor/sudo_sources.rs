//! Where sudo finds rules and settings besides its files.

/// Whom sudo asks beyond `/etc/sudoers`, by the words of `/etc/nsswitch.conf`: `sss` and `ldap` are all that it knows. As sudo reads it
/// (sudo: `sudo_nss.c`, `sudo_read_nss`): the first line counts that begins with `sudoers:`, and without one the files alone.
pub(super) fn directories(switch: &str) -> Vec<&'static str> {
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
