//! Which entries are asked for.

use jiff::Timestamp;

use super::entry::Entry;

/// What an entry must match; an empty list, or `None`, asks for nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    pub(super) users: Vec<String>,
    pub(super) hosts: Vec<String>,
    pub(super) windows: Vec<String>,
    pub(super) actions: Vec<String>,
    pub(super) text: Option<String>,
}

impl Filter {
    /// Whether `entry` is asked for. An entry whose time cannot be read is shown rather than hidden.
    pub(super) fn admits(&self, entry: &Entry) -> bool {
        let time = entry.time();
        self.since
            .is_none_or(|since| time.is_none_or(|time| time >= since))
            && self
                .until
                .is_none_or(|until| time.is_none_or(|time| time < until))
            && any(&self.users, |user| {
                [
                    entry.text("/identity/person"),
                    entry.text("/identity/account"),
                    entry.text("/resource/account"),
                ]
                .contains(&user)
            })
            && any(&self.hosts, |host| entry.text("/resource/host") == host)
            && any(&self.windows, |window| {
                entry.text("/identity/window") == window
            })
            && any(&self.actions, |action| {
                is_within(entry.text("/action"), action)
            })
            && self.text.as_deref().is_none_or(|text| says(entry, text))
    }
}

fn any(wanted: &[String], matches: impl Fn(&str) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| matches(wanted))
}

/// `sudo` asks for `sudo.request` and all its siblings.
fn is_within(action: &str, wanted: &str) -> bool {
    action
        .strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn says(entry: &Entry, text: &str) -> bool {
    let command = entry.command().unwrap_or_default();
    entry.text("/reason").contains(text)
        || text.is_empty()
        || command
            .windows(text.len())
            .any(|part| part == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"{"seq":4,"time":"2026-11-23T10:00:00.000001Z","action":"sudo.request",
        "identity":{"person":"carol","account":"deploy","window":"w-1"},"resource":{"host":"db1","account":"root"},
        "command":{"line":"systemctl restart nginx"}}"#;

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
}
