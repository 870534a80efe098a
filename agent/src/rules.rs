//! `[[end]]` in `agent.toml`: rules that must not wait for anybody. What a contractor's session may not do is judged here,
//! before it is done, in the words of the collector's alerts.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use daypass_protocol::event::{Action, Event};
use daypass_protocol::export::Source;
use daypass_protocol::hours::{UnknownZone, Zone};
use daypass_protocol::invocation::{Invocation, Invocations, invocations_of_sudo_words};
use daypass_protocol::line::Line;
use daypass_protocol::rule::{Condition, Judged};
use serde::Deserialize;

/// Rules, at most.
const MOST: usize = 64;
/// Bytes of a command that are looked through: longer ones are not clear.
pub const LONGEST_COMMAND: usize = 128 * 1024;
const LONGEST_NAME: usize = 64;

/// What is judged. A rule for anything else would never hold, and nobody would notice.
const JUDGED: [Action; 3] = [Action::SudoRequest, Action::SudoDenied, Action::SessionOpen];

/// The rules of a host, each checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<EndRule>")]
pub struct EndRules(Vec<EndRule>);

/// `[[end]]`: what ends a contractor's session at once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndRule {
    /// Kebab-case.
    pub name: String,
    /// What may not be, for people: those in the session read it.
    pub title: Line<200>,
    when: Condition,
    /// It does not hold where one of these does.
    #[serde(default)]
    unless: Vec<Condition>,
}

/// Why rules cannot be used; each names the rule.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// More than 64.
    #[error("there are more rules than 64; join some of them")]
    TooMany,
    /// A name that is none.
    #[error("rule {0:?}: a name is 1 to 64 small letters, digits and dashes")]
    Name(String),
    /// Two of one name.
    #[error("rule {0:?} stands there twice")]
    Twice(String),
    /// It would be about everything.
    #[error(
        "rule {0:?}: when.actions must say what it is about: sudo.request, sudo.denied, session.open"
    )]
    NoActions(String),
    /// It is about something that is not judged.
    #[error(
        "rule {rule:?}: {action:?} is not judged here; sudo.request, sudo.denied and session.open are"
    )]
    Action {
        /// Its name.
        rule: String,
        /// What it is about.
        action: String,
    },
    /// A schedule in no zone of this machine.
    #[error("rule {rule:?}: {source}")]
    Zone {
        /// Its name.
        rule: String,
        /// Which zone.
        source: UnknownZone,
    },
}

/// What the rules say of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Nothing.
    Passes,
    /// This rule ends the session.
    Ends(&'a EndRule),
    /// There is more to the command than can be looked at, and a rule is about commands.
    Unclear,
}

impl TryFrom<Vec<EndRule>> for EndRules {
    type Error = Unfit;

    fn try_from(mut rules: Vec<EndRule>) -> Result<Self, Unfit> {
        if rules.len() > MOST {
            return Err(Unfit::TooMany);
        }
        let mut names = BTreeSet::new();
        for rule in &mut rules {
            rule.check()?;
            if !names.insert(rule.name.clone()) {
                return Err(Unfit::Twice(rule.name.clone()));
            }
        }
        Ok(Self(rules))
    }
}

impl EndRule {
    fn check(&mut self) -> Result<(), Unfit> {
        let rule = || self.name.chars().take(LONGEST_NAME).collect::<String>();
        let is_kebab =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=LONGEST_NAME).contains(&self.name.len()) || !self.name.bytes().all(is_kebab) {
            return Err(Unfit::Name(rule()));
        }
        if self.when.actions().is_empty() {
            return Err(Unfit::NoActions(rule()));
        }
        let is_judged = |wanted: &str| {
            JUDGED
                .iter()
                .any(|action| daypass_protocol::event::reading::is_within(action.as_str(), wanted))
        };
        if let Some(action) = self.when.actions().iter().find(|it| !is_judged(it)) {
            return Err(Unfit::Action {
                rule: rule(),
                action: action.clone(),
            });
        }
        let name = rule();
        for condition in std::iter::once(&mut self.when).chain(&mut self.unless) {
            condition.settle(&utc()).map_err(|source| Unfit::Zone {
                rule: name.clone(),
                source,
            })?;
        }
        Ok(())
    }

    fn holds(&self, subject: &impl Judged) -> bool {
        self.when.holds(subject) && !self.unless.iter().any(|condition| condition.holds(subject))
    }
}

impl EndRules {
    /// Whether there is nothing to judge by.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Judges what is about to be journalled; `words` are those of the sudo that it is about, none where it is about none or
    /// where they are more than anybody looks through.
    #[must_use]
    pub fn judge(&self, event: &Event, words: &[Vec<u8>]) -> Verdict<'_> {
        if self.is_empty() {
            return Verdict::Passes;
        }
        let line = entry(event, SystemTime::now());
        let subject = Asked {
            source: Source::new(None, &line),
            words,
            commands: OnceCell::new(),
        };
        if let Some(rule) = self.0.iter().find(|rule| rule.holds(&subject)) {
            return Verdict::Ends(rule);
        }
        // Whoever has something to hide would have it where nobody looks.
        let is_about_commands = self.0.iter().any(|rule| rule.when.names_commands());
        if is_about_commands && subject.goes_on() {
            Verdict::Unclear
        } else {
            Verdict::Passes
        }
    }
}

/// The event as its entry will say it.
fn entry(event: &Event, now: SystemTime) -> Vec<u8> {
    let time = DateTime::<Utc>::from(now).to_rfc3339_opts(SecondsFormat::Micros, true);
    // Texts, numbers and lists of them: this cannot fail.
    let mut entry = serde_json::to_value(event).unwrap_or_default();
    entry["time"] = time.into();
    serde_json::to_vec(&entry).unwrap_or_default()
}

/// What rules judge: an entry to be, and the whole command, of which the entry may keep the beginning only.
struct Asked<'a> {
    source: Source<'a>,
    words: &'a [Vec<u8>],
    commands: OnceCell<Invocations>,
}

impl Asked<'_> {
    fn invocations(&self) -> &Invocations {
        self.commands.get_or_init(|| {
            if self.is_too_long() || self.words.is_empty() {
                return Invocations::default();
            }
            invocations_of_sudo_words(self.words)
        })
    }

    /// A call of sudo has a name at least.
    fn is_unread(&self) -> bool {
        self.words.is_empty() && self.source.action() == Action::SudoRequest.as_str()
    }

    fn is_too_long(&self) -> bool {
        let bytes: usize = self.words.iter().map(|word| word.len() + 1).sum();
        bytes > LONGEST_COMMAND
    }
}

impl Judged for Asked<'_> {
    fn source(&self) -> &Source<'_> {
        &self.source
    }

    fn commands(&self) -> &[Invocation] {
        &self.invocations().programs
    }

    fn goes_on(&self) -> bool {
        self.is_too_long() || self.is_unread() || self.invocations().goes_on
    }
}

fn utc() -> Zone {
    // A constant that is a zone's name.
    "UTC"
        .parse()
        .unwrap_or_else(|_| unreachable!("UTC is a zone"))
}

#[cfg(test)]
mod tests;
