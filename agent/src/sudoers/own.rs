//! Our own file of `/etc/sudoers.d`, which is the sysadmin's to edit: two of its lines must stay.

/// For whom the file sets something, to show where it is read. sudo-rs takes no long numbers there.
pub(super) const PLACE: &str = "daypass-principals";
/// In this order: behind the line that shows the place stand contractors' own settings, and then nobody else's.
const LINES: [&str; 2] = [
    "Defaults:daypass-principals !rootpw",
    "@includedir /run/daypass/sudoers.d",
];

/// The first of our lines that this text lacks, or has before the one that belongs before it.
#[must_use]
pub fn lacking(text: &str) -> Option<&'static str> {
    let whole = text.replace("\\\n", "");
    let mut lines = whole.lines().map(str::trim);
    // What was passed over is not looked at again, so the order counts.
    LINES
        .into_iter()
        .find(|wanted| !lines.any(|line| line == *wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGED: &str = include_str!("../../../packaging/debian/files-host/sudoers");

    #[test]
    fn the_packages_own_file_lacks_nothing_and_may_have_more() {
        assert_eq!(lacking(PACKAGED), None);
        let more = format!(
            "# ours\n\n{}\nDefaults:ann !lecture\n",
            PACKAGED.replace("\n@", "\n\n  @")
        );
        assert_eq!(lacking(&more), None);
    }

    #[test]
    fn a_line_that_is_gone_or_out_of_order_or_part_of_another_is_named() {
        let [place, include] = LINES;
        assert!(place.contains(PLACE));
        for (text, lacks) in [
            (String::new(), place),
            ("olga ALL = ALL\n".to_owned(), place),
            (PACKAGED.replace(place, ""), place),
            (PACKAGED.replace(place, &format!("# {place}")), place),
            (
                PACKAGED.replace(place, &format!("Host_Alias X = a\\\n{place}")),
                place,
            ),
            (PACKAGED.replace("!rootpw", "rootpw"), place),
            (PACKAGED.replace(include, ""), include),
            (PACKAGED.replace("/run/daypass", "/run/other"), include),
            (format!("{include}\n{place}\n"), include),
        ] {
            assert_eq!(lacking(&text), Some(lacks), "{text}");
        }
    }
}
