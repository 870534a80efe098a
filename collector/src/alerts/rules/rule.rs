//! One rule: when it fires, how often is told of it, and the examples that show it.

use daypass_protocol::alert::Severity;
use daypass_protocol::hours::{UnknownZone, Zone};
use daypass_protocol::rule::Condition;
use serde::Deserialize;

use super::example::Example;
use super::fault::WrongExample;
use super::{Bursts, Field, Period};
use crate::alerts::subject::Subject;

pub(super) const LONGEST_NAME: usize = 64;
const LONGEST_TITLE: usize = 200;

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// Kebab-case; a site's rule of the same name replaces a default.
    pub(crate) name: String,
    /// What happened, for people.
    pub(crate) title: String,
    pub(crate) severity: Severity,
    pub(super) when: Condition,
    /// It does not hold where one of these does.
    #[serde(default)]
    unless: Vec<Condition>,
    /// How often it must happen.
    burst: Option<Burst>,
    /// What makes two alerts of this rule the same.
    #[serde(default = "usual_subject")]
    pub(crate) subject: Vec<Field>,
    /// So long the same is counted, and not told again.
    #[serde(default = "usual_period")]
    pub(crate) period: Period,
    /// Examples for which it fires.
    fires: Vec<Example>,
    /// Examples for which it does not.
    passes: Vec<Example>,
}

/// So often within so long a time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Burst {
    /// 2 to 1000.
    count: usize,
    within: Period,
    /// Counted apart by these.
    #[serde(default)]
    by: Vec<Field>,
}

impl Rule {
    pub(super) fn fits(&self) -> Result<(), &'static str> {
        let is_kebab =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty()
            || self.name.len() > LONGEST_NAME
            || !self.name.bytes().all(is_kebab)
        {
            return Err("a name is 1 to 64 small letters, digits and dashes");
        }
        if self.title.is_empty() || self.title.len() > LONGEST_TITLE {
            return Err("a title has 1 to 200 bytes");
        }
        if self
            .burst
            .as_ref()
            .is_some_and(|burst| !(2..=1000).contains(&burst.count))
        {
            return Err("burst.count is 2 to 1000");
        }
        Ok(())
    }

    pub(super) fn settle(&mut self, zone: &Zone) -> Result<(), UnknownZone> {
        self.when.settle(zone)?;
        self.unless
            .iter_mut()
            .try_for_each(|condition| condition.settle(zone))
    }

    pub(super) fn fires(&self, subject: &Subject<'_>, bursts: &mut Bursts) -> bool {
        self.when.holds(subject)
            && !self.unless.iter().any(|condition| condition.holds(subject))
            && match &self.burst {
                None => true,
                Some(burst) => {
                    let key = key(&burst.by, subject);
                    let time = subject.source().micros().unwrap_or_default();
                    bursts.count(&self.name, &key, time, burst.within, burst.count)
                }
            }
    }

    /// What this entry shares with those that are the same for this rule.
    pub(crate) fn subject_of(&self, subject: &Subject<'_>) -> String {
        key(&self.subject, subject)
    }

    pub(super) fn wrong_examples(&self) -> Vec<WrongExample> {
        let rule = || self.name.clone();
        let mut wrong = Vec::new();
        for (examples, which) in [
            (&self.fires, "for which it fires"),
            (&self.passes, "that passes"),
        ] {
            if examples.is_empty() {
                wrong.push(WrongExample::Missing {
                    rule: rule(),
                    which,
                });
            }
        }
        for example in self.fires.iter().filter(|example| !example.fires(self)) {
            wrong.push(WrongExample::Silent {
                rule: rule(),
                example: example.to_string(),
            });
        }
        for example in self.passes.iter().filter(|example| example.fires(self)) {
            wrong.push(WrongExample::Loud {
                rule: rule(),
                example: example.to_string(),
            });
        }
        wrong
    }
}

/// What the fields say, each behind its name.
fn key(fields: &[Field], subject: &Subject<'_>) -> String {
    let parts: Vec<String> = fields
        .iter()
        .map(|field| {
            format!(
                "{}={}",
                field.name(),
                daypass_protocol::inert::inert(&field.of(subject))
            )
        })
        .collect();
    parts.join(" ")
}

fn usual_subject() -> Vec<Field> {
    ["person", "account", "host"]
        .into_iter()
        .filter_map(|name| name.parse().ok())
        .collect()
}

fn usual_period() -> Period {
    Period::minutes(10)
}
