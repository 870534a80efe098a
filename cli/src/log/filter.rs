//! Which entries are asked for.

use daypass_protocol::event::reading;
use jiff::Timestamp;

use super::entry::Entry;

/// What an entry must match; an empty list, or `None`, asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) users: Vec<String>,
    pub(crate) persons: Vec<String>,
    pub(crate) accounts: Vec<String>,
    pub(crate) hosts: Vec<String>,
    /// Groups of hosts: who is in one the collector knows; no entry says it.
    pub(crate) groups: Vec<String>,
    pub(crate) windows: Vec<String>,
    pub(crate) sessions: Vec<String>,
    pub(crate) actions: Vec<String>,
    pub(crate) outcomes: Vec<String>,
    pub(crate) text: Option<String>,
}

impl Filter {
    /// Whether `entry` is asked for. An entry whose time cannot be read is shown rather than hidden.
    pub(crate) fn admits(&self, entry: &Entry) -> bool {
        let time = entry.time();
        self.since
            .is_none_or(|since| time.is_none_or(|time| time >= since))
            && self
                .until
                .is_none_or(|until| time.is_none_or(|time| time < until))
            && any(&self.users, |user| {
                entry.text("/identity/person") == user || is_account(entry, user)
            })
            && any(&self.persons, |person| {
                entry.text("/identity/person") == person
            })
            && any(&self.accounts, |account| is_account(entry, account))
            && any(&self.hosts, |host| entry.text("/resource/host") == host)
            && any(&self.windows, |window| {
                entry.text("/identity/window") == window
            })
            && any(&self.sessions, |session| {
                entry.text("/origin/session") == session
            })
            && any(&self.actions, |action| {
                reading::is_within(entry.text("/action"), action)
            })
            && any(&self.outcomes, |outcome| entry.text("/outcome") == outcome)
            && self.text.as_deref().is_none_or(|text| says(entry, text))
    }
}

impl Filter {
    /// The texts that the line of an entry must hold to be admitted, what is rarest first: as in
    /// [`daypass_journal::scan::Wanted::holding`].
    pub(crate) fn holding(&self) -> Vec<Vec<String>> {
        let mut groups = Vec::new();
        let text = self
            .text
            .as_deref()
            .map(longest_plain)
            .filter(|text| !text.is_empty());
        // Commands that are not UTF-8 stand there in base64.
        groups.extend(text.map(|text| vec![text.to_owned(), "\"base64\"".to_owned()]));
        for values in [
            &self.sessions,
            &self.windows,
            &self.persons,
            &self.users,
            &self.accounts,
            &self.outcomes,
        ] {
            groups.push(quoted(values, "\""));
        }
        groups.push(quoted(&self.actions, ""));
        groups.push(quoted(&self.hosts, "\""));
        groups.retain(|group| !group.is_empty());
        groups
    }
}

/// These values as they begin in a line; none if one of them may be written in several ways.
fn quoted(values: &[String], end: &str) -> Vec<String> {
    if values.iter().any(|value| longest_plain(value) != value) {
        return Vec::new();
    }
    values
        .iter()
        .map(|value| format!("\"{value}{end}"))
        .collect()
}

/// The longest piece that JSON writes as it is.
fn longest_plain(text: &str) -> &str {
    let is_special = |c: char| !matches!(c, ' '..='~') || matches!(c, '"' | '\\');
    text.split(is_special)
        .max_by_key(|piece| piece.len())
        .unwrap_or_default()
}

fn is_account(entry: &Entry, account: &str) -> bool {
    entry.text("/identity/account") == account || entry.text("/resource/account") == account
}

fn any(wanted: &[String], matches: impl Fn(&str) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| matches(wanted))
}

fn says(entry: &Entry, text: &str) -> bool {
    reading::says(
        &entry.command().unwrap_or_default(),
        entry.text("/reason"),
        text,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ENTRY: &str = r#"{"seq":4,"time":"2026-11-23T10:00:00.000001Z","action":"sudo.request",
        "identity":{"person":"carol","account":"deploy","window":"w-1"},"resource":{"host":"db1","account":"root"},
        "outcome":"allowed","origin":{"session":"s-1"},"command":{"line":"systemctl restart nginx"}}"#;

    fn admits(change: impl FnOnce(&mut Filter)) -> bool {
        let mut filter = Filter::default();
        change(&mut filter);
        filter.admits(&Entry::new(ENTRY.into()))
    }

    #[test]
    fn each_filter_asks_for_its_own_field() {
        assert!(admits(|_| {}));
        assert!(admits(
            |filter| filter.users = vec!["bob".into(), "carol".into()]
        ));
        assert!(admits(|filter| filter.users = vec!["deploy".into()]));
        assert!(!admits(|filter| filter.users = vec!["car".into()]));
        assert!(admits(|filter| filter.hosts = vec!["db1".into()]));
        assert!(!admits(|filter| filter.hosts = vec!["db2".into()]));
        assert!(admits(|filter| filter.actions = vec!["sudo".into()]));
        assert!(!admits(|filter| filter.actions = vec!["su".into()]));
        assert!(!admits(|filter| filter.windows = vec!["w-2".into()]));
        assert!(admits(|filter| filter.text = Some("restart ng".into())));
        assert!(!admits(|filter| filter.text = Some("stop".into())));
        assert!(admits(|filter| filter.persons = vec!["carol".into()]));
        assert!(!admits(|filter| filter.persons = vec!["deploy".into()]));
        assert!(admits(|filter| filter.accounts = vec!["root".into()]));
        assert!(!admits(|filter| filter.accounts = vec!["carol".into()]));
        assert!(admits(|filter| filter.sessions = vec!["s-1".into()]));
        assert!(!admits(|filter| filter.sessions = vec!["s-2".into()]));
        assert!(admits(
            |filter| filter.outcomes = vec!["denied".into(), "allowed".into()]
        ));
        assert!(!admits(|filter| filter.outcomes = vec!["done".into()]));
    }

    #[test]
    fn since_is_inclusive_and_until_is_not() {
        let at = |text: &str| Some(text.parse().expect("a time"));
        assert!(admits(
            |filter| filter.since = at("2026-11-23T10:00:00.000001Z")
        ));
        assert!(!admits(|filter| filter.since = at("2026-11-23T10:00:01Z")));
        assert!(!admits(
            |filter| filter.until = at("2026-11-23T10:00:00.000001Z")
        ));
        assert!(admits(|filter| filter.until = at("2026-11-23T10:00:01Z")));
    }

    #[test]
    fn what_a_line_must_hold_is_what_json_writes_as_it_is() {
        let filter = Filter {
            users: vec!["carol".into(), "dave".into()],
            actions: vec!["sudo".into()],
            text: Some("say \"hello world\"".into()),
            ..Filter::default()
        };
        let expected: [&[&str]; 3] = [
            &["hello world", "\"base64\""],
            &["\"carol\"", "\"dave\""],
            &["\"sudo"],
        ];
        assert_eq!(filter.holding(), expected);
        let foreign = Filter {
            users: vec!["carol".into(), "zoë".into()],
            text: Some("\u{1b}".into()),
            ..Filter::default()
        };
        assert_eq!(foreign.holding(), [[""; 0]; 0]);
    }

    /// A command's bytes, and a text that is likely to be in it.
    fn typed_and_asked() -> impl Strategy<Value = (Vec<u8>, String, String)> {
        let part = prop_oneof![
            Just(b"rm -r /srv".to_vec()),
            Just("DROP TABLE \u{e9}\"\\/".as_bytes().to_vec()),
            Just(b"\xff\xc3\0\x1b".to_vec()),
            proptest::arbitrary::any::<Vec<u8>>()
                .prop_map(|bytes| bytes.into_iter().take(5).collect()),
        ];
        let typed = prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat());
        (
            typed,
            "[a-z\"\\\\/\u{e9} ]{0,12}",
            proptest::arbitrary::any::<(usize, usize)>(),
        )
            .prop_map(|(typed, reason, (from, length))| {
                let readable = format!("{}{reason}", String::from_utf8_lossy(&typed));
                let begun = readable.chars().skip(from % (readable.chars().count() + 1));
                let asked = begun.take(length % 9).collect();
                (typed, reason, asked)
            })
    }

    proptest! {
        /// The collector's index is held against the same words: both find the same entries.
        #[test]
        fn a_text_is_found_where_the_entry_says_it_and_no_line_that_says_it_is_passed_over(
            (typed, reason, asked) in typed_and_asked()
        ) {
            let command = daypass_protocol::event::Command::from_line(&typed);
            let event = daypass_protocol::event::Event::new(
                daypass_protocol::event::Action::SudoRequest,
            );
            let event = event.because("code", reason.as_str()).command(command);
            let line = serde_json::to_vec(&event).expect("an entry");
            let filter = Filter { text: Some(asked.clone()), ..Filter::default() };
            let admits = filter.admits(&Entry::new(line.clone()));
            prop_assert_eq!(admits, reading::says(&typed, &reason, &asked));
            let holds = |needle: &String| {
                needle.is_empty()
                    || line.windows(needle.len()).any(|part| part == needle.as_bytes())
            };
            for group in filter.holding() {
                prop_assert!(!admits || group.iter().any(holds), "{:?}", group);
            }
        }
    }
}
