//! An alert as receivers get it; `docs/formats/alerts.md`. Whatever hosts and contractors wrote stands in it inert.

use daypass_protocol::digest::Digest;
use daypass_protocol::inert::inert;
use daypass_protocol::time::Time;
use serde::{Deserialize, Serialize};

use super::rules::{Rule, Severity};
use super::subject::Subject;
use crate::clock::Now;

/// Characters of a command or reason, at most: what is cut is in the journal.
const LONGEST: usize = 2000;

/// The alert.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Alert {
    pub(crate) v: u32,
    /// `a-` and 16 hexadecimal digits; the same for the same entry and rule.
    pub(crate) id: String,
    pub(crate) rule: String,
    pub(crate) title: String,
    pub(crate) severity: Severity,
    /// How often the same came since, this one included.
    pub(crate) count: u64,
    pub(crate) raised: Time,
    /// By the writer's clock; the last one where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) when: Option<String>,
    pub(crate) subject: String,
    pub(crate) who: Who,
    pub(crate) what: What,
    #[serde(rename = "where")]
    pub(crate) place: Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) window: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) approved_by: Vec<String>,
    pub(crate) entry: Entry,
    /// The command that shows more.
    pub(crate) see: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<String>,
    /// All of it in a few sentences.
    pub(crate) text: String,
}

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Who {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) person: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) serial: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct What {
    pub(crate) action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Place {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Entry {
    pub(crate) origin: String,
    pub(crate) seq: u64,
}

impl Alert {
    /// What `rule` makes of an entry.
    pub(crate) fn of(
        rule: &Rule,
        subject: &Subject<'_>,
        approved_by: Vec<String>,
        link: Option<&str>,
        now: Now,
    ) -> Self {
        let source = subject.source();
        let text = |pointer: &str| source.text(pointer).map(shown);
        let entry = Entry {
            origin: source.origin().unwrap_or_default().to_owned(),
            seq: source.seq().unwrap_or_default(),
        };
        let digest =
            Digest::of(format!("{}\n{}\n{}", rule.name, entry.origin, entry.seq)).to_string();
        let hex = digest.rsplit(':').next().unwrap_or_default();
        let mut alert = Self {
            v: 1,
            id: format!("a-{}", &hex[..16.min(hex.len())]),
            rule: rule.name.clone(),
            title: shown(&rule.title),
            severity: rule.severity,
            count: 1,
            raised: now.time(),
            when: text("/time"),
            subject: rule.subject_of(subject),
            who: Who {
                person: text("/identity/person"),
                account: text("/identity/account"),
                key: text("/identity/key"),
                serial: text("/identity/serial"),
            },
            what: What {
                action: shown(source.action()),
                outcome: text("/outcome"),
                command: source.command().as_deref().map(shown),
                reason: text("/reason"),
            },
            place: Place {
                host: source.host().map(shown),
                service: text("/resource/service"),
                target: text("/resource/account"),
                address: text("/origin/address"),
                tty: text("/origin/tty"),
                session: text("/origin/session"),
            },
            window: text("/identity/window"),
            approved_by,
            entry,
            see: String::new(),
            link: None,
            text: String::new(),
        };
        alert.see = alert.command();
        alert.link = link.map(|link| alert.filled(link));
        alert.text = alert.sentences();
        alert
    }

    /// The same, told once more because it came `count` times.
    pub(crate) fn again(mut self, count: u64) -> Self {
        self.count = count;
        self.text = self.sentences();
        self
    }

    /// The command that shows what was going on around it.
    fn command(&self) -> String {
        let mut words = vec!["daypass log --collector".to_owned()];
        let is_plain = |text: &&String| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte))
                && !text.starts_with('-')
        };
        for (option, value) in [
            ("--session", &self.place.session),
            ("--window", &self.window),
            ("--host", &self.place.host),
        ] {
            if let Some(value) = value.as_ref().filter(is_plain) {
                words.push(format!("{option} {value}"));
                if option == "--session" {
                    break;
                }
            }
        }
        if let Some(day) = self
            .when
            .as_ref()
            .and_then(|when| when.get(..10))
            .filter(|day| is_plain(&&(*day).to_owned()))
        {
            words.push(format!("--since {day}"));
        }
        words.join(" ")
    }

    fn filled(&self, link: &str) -> String {
        let encoded = |text: Option<&String>| -> String {
            form_urlencoded::byte_serialize(text.map(String::as_bytes).unwrap_or_default())
                .collect()
        };
        [
            ("{origin}", encoded(Some(&self.entry.origin))),
            ("{seq}", self.entry.seq.to_string()),
            ("{host}", encoded(self.place.host.as_ref())),
            ("{window}", encoded(self.window.as_ref())),
            ("{session}", encoded(self.place.session.as_ref())),
            ("{id}", self.id.clone()),
        ]
        .into_iter()
        .fold(link.to_owned(), |link, (name, value)| {
            link.replace(name, &value)
        })
    }

    fn sentences(&self) -> String {
        let mut text = format!("{}.", self.title.trim_end_matches('.'));
        let mut say = |label: &str, value: Option<String>| {
            if let Some(value) = value {
                text.push_str(&format!(" {label}: {value}."));
            }
        };
        let who = match (&self.who.person, &self.who.account) {
            (Some(person), Some(account)) => Some(format!("{person} as {account}")),
            (person, account) => person.clone().or_else(|| account.clone()),
        };
        say("Who", who);
        say(
            "What",
            self.what
                .command
                .clone()
                .or_else(|| Some(self.what.action.clone())),
        );
        say(
            "Why",
            self.what
                .reason
                .clone()
                .map(|reason| reason.trim_end_matches('.').to_owned()),
        );
        let place = match (&self.place.host, &self.place.address) {
            (Some(host), Some(address)) => Some(format!("{host}, from {address}")),
            (host, address) => host.clone().or_else(|| address.clone()),
        };
        say("Where", place);
        say("When", self.when.clone());
        say("Window", self.window.clone());
        say(
            "Approved by",
            (!self.approved_by.is_empty()).then(|| self.approved_by.join(", ")),
        );
        say("Times", (self.count > 1).then(|| self.count.to_string()));
        text
    }
}

/// Inert, and not too long.
fn shown(text: &str) -> String {
    let inert = inert(text);
    match inert.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &inert[..end]),
        None => inert.into_owned(),
    }
}
