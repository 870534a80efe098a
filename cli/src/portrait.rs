//! A window as people see it before they sign: every field, what it means, times in both zones.

use std::fmt::Write as _;

use daypass_protocol::hours::{Hours, Outside};
use daypass_protocol::sudo_item::{Arguments, Rest, SudoItem};
use daypass_protocol::time::Time;
use daypass_protocol::window::{FrozenWindow, Window};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::moment;
use crate::output::inert::inert;

/// How wide the labels are.
const LABEL: usize = 13;

/// The whole document, one line a fact, inert, for a reader in `zone`.
pub(crate) fn of(window: &FrozenWindow, zone: &TimeZone) -> String {
    let document = window.document();
    let mut out = String::new();
    line(&mut out, "window", &document.id.to_string());
    line(&mut out, "for", document.contractor.as_str());
    lines(
        &mut out,
        "with key",
        document.keys.iter().map(ToString::to_string),
    );
    lines(
        &mut out,
        "hosts",
        document.hosts.iter().map(ToString::to_string),
    );
    lines(
        &mut out,
        "accounts",
        document.accounts.iter().map(ToString::to_string),
    );
    if document.sudo.is_empty() {
        line(&mut out, "sudo", "nothing");
    }
    lines(&mut out, "sudo", document.sudo.iter().map(sudo));
    line(&mut out, "from", &both(document.starts, zone));
    line(
        &mut out,
        "until",
        &format!(
            "{}, {} in all",
            both(document.ends, zone),
            moment::exact(document.length())
        ),
    );
    if let Some(hours) = &document.hours {
        lines(&mut out, "hours", self::hours(hours));
    }
    match &document.sources {
        Some(sources) => lines(
            &mut out,
            "logins from",
            sources.iter().map(ToString::to_string),
        ),
        None => line(&mut out, "logins from", "any address"),
    }
    line(&mut out, "permits", &permits(document));
    if let Some(command) = &document.force_command {
        line(&mut out, "runs only", command.as_str());
    }
    line(
        &mut out,
        "certificates",
        &format!(
            "live at most {}",
            moment::exact(document.max_certificate_ttl)
        ),
    );
    line(&mut out, "reason", document.reason.as_str());
    if let Some(ticket) = &document.ticket {
        line(&mut out, "ticket", ticket.as_str());
    }
    if let Some(extended) = &document.extends {
        line(&mut out, "prolongs", &extended.to_string());
    }
    line(&mut out, "document", &format!("sha256 {}", window.hash()));
    out.truncate(out.trim_end().len());
    out
}

/// A document's time for a reader in `zone`, and in UTC.
pub(crate) fn both(time: Time, zone: &TimeZone) -> String {
    // Both types hold every second of the years 1970 to 9998; beyond, the exact text says it alone.
    Timestamp::from_second(time.unix())
        .map_or_else(|_| time.to_string(), |instant| moment::both(instant, zone))
}

/// The same, short, for a table.
pub(crate) fn brief(time: Time, zone: &TimeZone) -> String {
    Timestamp::from_second(time.unix())
        .map_or_else(|_| time.to_string(), |instant| moment::brief(instant, zone))
}

/// What a sudo item lets its holder do.
pub(crate) fn sudo(item: &SudoItem) -> String {
    let mut said = match item {
        SudoItem::All => "ALL: any command, as anybody".to_owned(),
        SudoItem::Command {
            run_as,
            path,
            arguments,
        } => {
            let run_as = run_as
                .as_ref()
                .map_or_else(|| "root".to_owned(), ToString::to_string);
            let arguments = match arguments {
                Arguments::Any => "with any arguments",
                Arguments::None => "without arguments",
                Arguments::Words {
                    rest: Rest::Nothing,
                    ..
                } => "with exactly these arguments",
                Arguments::Words {
                    words,
                    rest: Rest::Anything,
                } if words.is_empty() => "with any arguments",
                Arguments::Words {
                    rest: Rest::Anything,
                    ..
                } => "with these and any further arguments",
            };
            let item = match item.to_string().strip_prefix(&format!("({run_as}) ")) {
                Some(bare) => bare.to_owned(),
                None => item.to_string(),
            };
            debug_assert!(item.starts_with(path.as_str()));
            format!("{item}: as {run_as}, {arguments}")
        }
    };
    if item.is_root_equivalent() {
        said.push_str("  ** as good as root on the host **");
    }
    said
}

pub(crate) fn hours(hours: &Hours) -> Vec<String> {
    let mut said: Vec<String> = hours
        .ranges
        .iter()
        .map(|range| {
            let days: Vec<String> = range
                .days
                .iter()
                .map(|day| format!("{day:?}").to_lowercase())
                .collect();
            format!(
                "{} {} to {}, clocks of {}",
                days.join(","),
                range.from,
                range.to,
                hours.zone
            )
        })
        .collect();
    said.push(match hours.outside {
        Outside::Deny => "outside these hours nobody gets in".to_owned(),
        Outside::Alert => "outside these hours logins are allowed and reported".to_owned(),
    });
    said
}

fn permits(window: &Window) -> String {
    if window.permit.is_empty() {
        return "commands only, no terminal, no forwarding".to_owned();
    }
    window
        .permit
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn lines(out: &mut String, label: &str, texts: impl IntoIterator<Item = String>) {
    for (number, text) in texts.into_iter().enumerate() {
        line(out, if number == 0 { label } else { "" }, &text);
    }
}

fn line(out: &mut String, label: &str, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  {label:LABEL$}{}", inert(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sudo_items_mean_is_said() {
        for (item, said) in [
            (
                "ALL",
                "ALL: any command, as anybody  ** as good as root on the host **",
            ),
            (
                "/usr/bin/systemctl restart nginx",
                "/usr/bin/systemctl restart nginx: as root, with exactly these arguments",
            ),
            (
                "(www-data) /usr/bin/id",
                "/usr/bin/id: as www-data, with any arguments",
            ),
            (
                "/usr/bin/id \"\"",
                "/usr/bin/id \"\": as root, without arguments",
            ),
            (
                "/usr/bin/journalctl -u nginx *",
                "/usr/bin/journalctl -u nginx *: as root, with these and any further arguments",
            ),
        ] {
            let item: SudoItem = item.parse().expect(item);
            assert!(sudo(&item).starts_with(said), "{}", sudo(&item));
        }
        let shell: SudoItem = "/bin/bash".parse().expect("an item");
        assert!(sudo(&shell).contains("as good as root"), "{}", sudo(&shell));
    }
}
