//! One rule: when it fires, how often is told of it, and the examples that show it.

use daypass_protocol::alert::Severity;
use daypass_protocol::digest::Digest;
use daypass_protocol::hours::{UnknownZone, Zone};
use daypass_protocol::inert::inert;
use daypass_protocol::rule::Condition;
use serde::Deserialize;

use super::bursts::{By, When};
use super::example::Example;
use super::fault::WrongExample;
use super::{Bursts, Field, Period};
use crate::alerts::subject::Subject;

pub(super) const LONGEST_NAME: usize = 64;
const LONGEST_TITLE: usize = 200;
/// Characters of one field in what makes alerts the same.
const LONGEST_VALUE: usize = 200;

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
                    let by = By {
                        writer: subject.writer(),
                        fields: &key(&burst.by, subject),
                    };
                    let within = burst.within;
                    let when = When {
                        written: subject.micros(),
                        came: subject.came(),
                    };
                    bursts.count(&self.name, by, when, within, burst.count)
                }
            }
    }

    /// What this entry shares with those that are the same for this rule, beside the journal that it stands in.
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

/// What the fields say, each behind its name, in one line.
fn key(fields: &[Field], subject: &Subject<'_>) -> String {
    let parts: Vec<String> = fields
        .iter()
        .map(|field| format!("{}={}", field.name(), shortened(&field.of(subject))))
        .collect();
    parts.join(" ")
}

/// Inert. Of a long text the beginning, and what tells it from others that begin so.
fn shortened(text: &str) -> String {
    let inert = inert(text);
    match inert.char_indices().nth(LONGEST_VALUE) {
        None => inert.into_owned(),
        Some((end, _)) => {
            let digest = Digest::of(text).to_string();
            let hex = digest.rsplit(':').next().unwrap_or_default();
            format!("{}…{}", &inert[..end], hex.get(..16).unwrap_or(hex))
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_bounded_and_tells_long_texts_apart() {
        let origin = "daypass/0123456789abcdef/host/db1/00000000000000ff";
        let fields: [Field; 2] = ["person", "host"].map(|name| name.parse().unwrap());
        let of = |person: &str| {
            let line = serde_json::json!({"identity": {"person": person}}).to_string();
            key(&fields, &Subject::new(origin, line.as_bytes()))
        };
        assert_eq!(of("carol\n"), "person=carol\\n host=db1");
        let (one, other) = ("x".repeat(60_000) + "1", "x".repeat(60_000) + "2");
        assert!(of(&one).len() < 300, "{}", of(&one).len());
        assert_ne!(of(&one), of(&other));
    }
}
