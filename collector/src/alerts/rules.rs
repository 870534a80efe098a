//! The rules: a file of defaults that comes with the program, and a site's own, which adds to it, replaces rules by their
//! names, and turns some off. Read once, unknown keys refused by file and line.

mod bursts;
mod example;
mod fault;
mod period;
mod rule;
mod sieve;

use std::path::Path;

pub use daypass_protocol::alert::Severity;
use daypass_protocol::hours::Zone;
use daypass_protocol::rule::Condition;
use serde::Deserialize;

pub(crate) use bursts::{Bursts, is_of};
pub(crate) use daypass_protocol::rule::Field;
pub use fault::{RulesError, WrongExample};
pub use period::Period;
pub(crate) use rule::Rule;
pub(crate) use sieve::Sieve;

use super::subject::Subject;
use rule::LONGEST_NAME;

/// The rules that come with the program.
pub const DEFAULTS: &str = include_str!("defaults.toml");
/// Where a site's own rules are.
pub const SITE_PATH: &str = "/etc/daypass/alerts.toml";

/// Bytes of a file of rules, at most.
pub(crate) const LONGEST_FILE: usize = 256 * 1024;
/// Rules, at most.
const MOST: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// For schedules that name none; UTC when nothing is said.
    zone: Option<Zone>,
    /// Names of rules that are not wanted.
    #[serde(default)]
    disable: Vec<String>,
    /// What no rule is to judge: a site's own people at work, its monitoring.
    #[serde(default)]
    ignore: Vec<Condition>,
    #[serde(default)]
    rule: Vec<Rule>,
}

/// Rules in force.
#[derive(Clone, Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    ignore: Vec<Condition>,
    sieve: Sieve,
}

impl RuleSet {
    /// The defaults alone.
    ///
    /// # Errors
    /// Never, as a test shows, but for a machine without time zones.
    pub fn defaults() -> Result<Self, RulesError> {
        let path = Path::new("(defaults)");
        let none = Self {
            rules: Vec::new(),
            ignore: Vec::new(),
            sieve: Sieve::open(),
        };
        none.with(DEFAULTS, path)
    }

    /// The defaults and the site's own, where it has any.
    ///
    /// # Errors
    /// When the file cannot be read or its rules cannot be used.
    pub fn of_site(path: &Path) -> Result<Self, RulesError> {
        let defaults = Self::defaults()?;
        match std::fs::read_to_string(path) {
            Ok(text) => defaults.with(&text, path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(defaults),
            Err(source) => Err(RulesError::Unreadable {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// These and those of `text`; `path` is for messages.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn with(mut self, text: &str, path: &Path) -> Result<Self, RulesError> {
        let owned = || path.to_owned();
        if text.len() > LONGEST_FILE {
            return Err(RulesError::TooLong { path: owned() });
        }
        let file: File = toml::from_str(text).map_err(|source| RulesError::Malformed {
            path: owned(),
            source: Box::new(source),
        })?;
        let zone = match file.zone {
            Some(zone) => zone,
            None => utc(),
        };
        let mut names: Vec<String> = Vec::new();
        for mut rule in file.rule {
            let unfit = |reason| RulesError::Unfit {
                path: owned(),
                rule: rule.name.chars().take(LONGEST_NAME).collect(),
                reason,
            };
            rule.fits().map_err(unfit)?;
            if names.contains(&rule.name) {
                return Err(unfit("stands in the file twice"));
            }
            names.push(rule.name.clone());
            rule.settle(&zone).map_err(|source| RulesError::Zone {
                path: owned(),
                source,
            })?;
            self.rules.retain(|other| other.name != rule.name);
            self.rules.push(rule);
        }
        for mut condition in file.ignore {
            condition.settle(&zone).map_err(|source| RulesError::Zone {
                path: owned(),
                source,
            })?;
            self.ignore.push(condition);
        }
        for name in file.disable {
            let before = self.rules.len();
            self.rules.retain(|rule| rule.name != name);
            if self.rules.len() == before {
                return Err(RulesError::NotThere {
                    path: owned(),
                    name: name.chars().take(LONGEST_NAME).collect(),
                });
            }
        }
        if self.rules.len() > MOST {
            return Err(RulesError::Unfit {
                path: owned(),
                rule: format!("{MOST}th"),
                reason: "there are more rules than 500; join some of them",
            });
        }
        self.sieve = Sieve::of(self.rules.iter().map(|rule| rule.when.actions()));
        Ok(self)
    }

    /// What holds back lines that some rule may be about.
    pub(crate) fn sieve(&self) -> &Sieve {
        &self.sieve
    }

    /// The rules that fire for an entry; `bursts` remembers what came before.
    pub(crate) fn judge<'a>(&'a self, subject: &Subject<'_>, bursts: &mut Bursts) -> Vec<&'a Rule> {
        if self.ignore.iter().any(|condition| condition.holds(subject)) {
            return Vec::new();
        }
        self.rules
            .iter()
            .filter(|rule| rule.fires(subject, bursts))
            .collect()
    }

    /// Tries every rule on its own examples.
    pub fn wrong_examples(&self) -> Vec<WrongExample> {
        self.rules.iter().flat_map(Rule::wrong_examples).collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rules.len()
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
