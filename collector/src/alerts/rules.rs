//! The rules: a file of defaults that comes with the program, and a site's own, which adds to it, replaces rules by their
//! names, and turns some off. Read once, unknown keys refused by file and line.

mod bursts;
mod command;
mod condition;
mod example;
mod pattern;
mod period;

use std::path::{Path, PathBuf};

pub use daypass_protocol::alert::Severity;
use daypass_protocol::hours::{UnknownZone, Zone};
use serde::Deserialize;

pub(crate) use bursts::Bursts;
pub(crate) use condition::Field;
pub use period::Period;

use super::subject::Subject;
use condition::Condition;
use example::Example;

/// The rules that come with the program.
pub const DEFAULTS: &str = include_str!("defaults.toml");
/// Where a site's own rules are.
pub const SITE_PATH: &str = "/etc/daypass/alerts.toml";

/// Bytes of a file of rules, at most.
pub(crate) const LONGEST_FILE: usize = 256 * 1024;
/// Rules, at most.
const MOST: usize = 500;
const LONGEST_NAME: usize = 64;
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
    when: Condition,
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// For schedules that name none; UTC when nothing is said.
    zone: Option<Zone>,
    /// Names of rules that are not wanted.
    #[serde(default)]
    disable: Vec<String>,
    #[serde(default)]
    rule: Vec<Rule>,
}

/// Rules in force.
#[derive(Clone, Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
}

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The file could not be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// More than rules ever need.
    #[error("{} is longer than {LONGEST_FILE} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// No TOML of this shape; the source names line, column and key.
    #[error("{} holds no rules that can be used:\n{source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's message.
        source: Box<toml::de::Error>,
    },
    /// A value that cannot work.
    #[error("{}: rule {rule:?}: {reason}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Which rule, cut after 64 characters.
        rule: String,
        /// What is wrong, and what would be right.
        reason: &'static str,
    },
    /// A schedule in no zone of this machine.
    #[error("{}: {source}", path.display())]
    Zone {
        /// The file.
        path: PathBuf,
        /// Which zone.
        source: UnknownZone,
    },
    /// A rule that is turned off and does not exist.
    #[error("{}: disable names {name:?}, and there is no such rule; daypass-collector alerts defaults prints them", path.display())]
    NotThere {
        /// The file.
        path: PathBuf,
        /// The name, cut after 64 characters.
        name: String,
    },
}

/// An example that turned out otherwise.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WrongExample {
    /// Nothing shows when the rule fires, or when not.
    #[error("rule {rule:?} has no example {which}; give it one, so that others see what it is for")]
    Missing {
        /// Which rule.
        rule: String,
        /// `for which it fires` or `that passes`.
        which: &'static str,
    },
    /// It should fire.
    #[error("rule {rule:?} does not fire for {example}")]
    Silent {
        /// Which rule.
        rule: String,
        /// The example.
        example: String,
    },
    /// It should not.
    #[error("rule {rule:?} fires for {example}, which should pass")]
    Loud {
        /// Which rule.
        rule: String,
        /// The example.
        example: String,
    },
}

impl RuleSet {
    /// The defaults alone.
    ///
    /// # Errors
    /// Never, as a test shows, but for a machine without time zones.
    pub fn defaults() -> Result<Self, RulesError> {
        let path = Path::new("(defaults)");
        Self { rules: Vec::new() }.with(DEFAULTS, path)
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
        Ok(self)
    }

    /// The rules that fire for an entry; `bursts` remembers what came before.
    pub(crate) fn judge<'a>(&'a self, subject: &Subject<'_>, bursts: &mut Bursts) -> Vec<&'a Rule> {
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

impl Rule {
    fn fits(&self) -> Result<(), &'static str> {
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

    fn settle(&mut self, zone: &Zone) -> Result<(), UnknownZone> {
        self.when.settle(zone)?;
        self.unless
            .iter_mut()
            .try_for_each(|condition| condition.settle(zone))
    }

    fn fires(&self, subject: &Subject<'_>, bursts: &mut Bursts) -> bool {
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

    fn wrong_examples(&self) -> Vec<WrongExample> {
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

fn utc() -> Zone {
    // A constant that is a zone's name.
    "UTC"
        .parse()
        .unwrap_or_else(|_| unreachable!("UTC is a zone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_do_what_their_examples_say() {
        let rules = RuleSet::defaults().unwrap();
        assert_eq!(rules.wrong_examples(), []);
        assert!(rules.count() >= 20);
    }

    const OWN: &str = r#"
        [[rule]]
        name = "uploads"
        title = "Something was uploaded"
        severity = "low"
        when.actions = ["sudo.request"]
        when.commands = [{ program = "curl|wget", words = ["(?i)https?://.*"] }]
        fires = [{ command = "sudo curl -T x https://example.org" }]
        passes = [{ command = "sudo curl --version" }]
    "#;

    fn with(text: &str) -> Result<RuleSet, RulesError> {
        RuleSet::defaults()
            .unwrap()
            .with(text, Path::new("/etc/daypass/alerts.toml"))
    }

    #[test]
    fn a_site_adds_replaces_and_turns_off() {
        let before = RuleSet::defaults().unwrap().count();
        let own = with(OWN).unwrap();
        assert_eq!(own.count(), before + 1);
        assert_eq!(own.wrong_examples(), []);
        assert_eq!(
            with(&OWN.replace("uploads", "root-shell")).unwrap().count(),
            before
        );
        assert_eq!(
            with("disable = ['root-shell']").unwrap().count(),
            before - 1
        );
    }

    #[test]
    fn what_cannot_work_is_refused_with_file_and_line() {
        for (text, part) in [
            (OWN.replace("severity", "severty"), "line 5"),
            (OWN.replace("sudo.request", "sudo.maybe"), "sudo.maybe"),
            (OWN.replace("curl|wget", "curl|("), "line 7"),
            (OWN.replace("uploads", "Up Loads"), "small letters"),
            (format!("{OWN}\n{OWN}"), "twice"),
            ("disable = ['no-such-rule']".to_owned(), "no-such-rule"),
            ("zone = 'Nowhere/Land'\n[[rule]]\nname = 'x'\ntitle = 'x'\nseverity = 'low'\nfires = []\npasses = []\n\
              when.outside-hours = { ranges = [{days = ['mon'], from = '08:00', to = '18:00'}] }".to_owned(), "Nowhere/Land"),
            (OWN.replace("{ program", "{ fields = 1, program"), "fields"),
        ] {
            let error = with(&text).unwrap_err();
            let message = crate::diagnostic::explain(&error);
            assert!(message.contains(part), "{part} is not in {message}");
            assert!(message.contains("/etc/daypass/alerts.toml"), "{message}");
        }
    }

    #[test]
    fn an_example_that_turns_out_otherwise_is_named() {
        let wrong = with(&OWN.replace("--version", "http://example.org"))
            .unwrap()
            .wrong_examples();
        assert!(
            matches!(&wrong[..], [WrongExample::Loud { rule, .. }] if rule == "uploads"),
            "{wrong:?}"
        );
        let wrong = with(&OWN.replace("-T x https", "-T x ftp"))
            .unwrap()
            .wrong_examples();
        assert!(
            matches!(&wrong[..], [WrongExample::Silent { .. }]),
            "{wrong:?}"
        );
    }
}
