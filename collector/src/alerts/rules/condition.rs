//! When a rule holds for an entry.

use std::collections::BTreeMap;

use daypass_protocol::event::Action;
use daypass_protocol::hours::{Hours, Outside, Range, UnknownZone, Zone};
use daypass_protocol::time::Time;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::command::CommandPattern;
use super::pattern::Pattern;
use crate::alerts::subject::Subject;

/// Everything that is said must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Condition {
    /// One of these actions, or of these kinds of them (`alarm` for every `alarm.…`).
    #[serde(default, deserialize_with = "actions")]
    actions: Vec<String>,
    /// One of these outcomes.
    #[serde(default)]
    outcomes: Vec<String>,
    /// What fields say: a field that is absent says the empty text.
    #[serde(default)]
    fields: BTreeMap<Field, Pattern>,
    /// One of these commands is run.
    #[serde(default)]
    commands: Vec<CommandPattern>,
    /// Whether there is more to the command than is looked at.
    goes_on: Option<bool>,
    /// By the writer's clock it is outside these hours.
    outside_hours: Option<Schedule>,
}

/// Weekly hours.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Schedule {
    /// The file's zone when it has none.
    zone: Option<Zone>,
    ranges: Vec<Range>,
}

/// A part of an entry, by the name that rules have for it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Field {
    name: String,
    pointer: String,
}

const FIELDS: &[(&str, &str)] = &[
    ("person", "/identity/person"),
    ("account", "/identity/account"),
    ("window", "/identity/window"),
    ("key", "/identity/key"),
    ("service", "/resource/service"),
    ("target", "/resource/account"),
    ("address", "/origin/address"),
    ("session", "/origin/session"),
    ("via", "/origin/via"),
    ("code", "/code"),
    ("reason", "/reason"),
];

impl Condition {
    /// Gives every schedule a zone, and looks that there is such a zone.
    pub(crate) fn settle(&mut self, zone: &Zone) -> Result<(), UnknownZone> {
        if let Some(schedule) = &mut self.outside_hours {
            let zone = schedule.zone.get_or_insert_with(|| zone.clone()).clone();
            hours(&zone, schedule).contains(Time::from_unix(0))?;
        }
        Ok(())
    }

    /// The actions that it is about; none means all.
    pub(super) fn actions(&self) -> &[String] {
        &self.actions
    }

    pub(crate) fn holds(&self, subject: &Subject<'_>) -> bool {
        let source = subject.source();
        (self.actions.is_empty()
            || self
                .actions
                .iter()
                .any(|wanted| is_within(source.action(), wanted)))
            && (self.outcomes.is_empty()
                || source
                    .text("/outcome")
                    .is_some_and(|outcome| self.outcomes.iter().any(|wanted| wanted == outcome)))
            && self
                .fields
                .iter()
                .all(|(field, pattern)| pattern.holds(field.of(subject).as_bytes()))
            && self
                .outside_hours
                .as_ref()
                .is_none_or(|schedule| schedule.is_closed(subject))
            && self
                .goes_on
                .is_none_or(|wanted| subject.goes_on() == wanted)
            && (self.commands.is_empty()
                || subject
                    .commands()
                    .iter()
                    .any(|command| self.commands.iter().any(|pattern| pattern.holds(command))))
    }
}

impl Schedule {
    /// An entry whose time cannot be read is at no time.
    fn is_closed(&self, subject: &Subject<'_>) -> bool {
        let (Some(zone), Some(micros)) = (&self.zone, subject.source().micros()) else {
            return false;
        };
        let time = Time::from_unix(micros.div_euclid(1_000_000));
        hours(zone, self).contains(time).is_ok_and(|inside| !inside)
    }
}

fn hours(zone: &Zone, schedule: &Schedule) -> Hours {
    Hours {
        zone: zone.clone(),
        ranges: schedule.ranges.clone(),
        outside: Outside::Alert,
    }
}

impl Field {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it says; numbers and words as JSON has them, lists joined by commas.
    pub(crate) fn of(&self, subject: &Subject<'_>) -> String {
        let source = subject.source();
        match self.name.as_str() {
            "host" => source.host().unwrap_or_default().to_owned(),
            "journal" => source.origin().unwrap_or_default().to_owned(),
            _ => source.value(&self.pointer).map(text).unwrap_or_default(),
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

impl std::str::FromStr for Field {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = FIELDS.iter().find(|(known, _)| *known == name);
        let pointer = match (known, name.strip_prefix("detail.")) {
            (Some((_, pointer)), _) => (*pointer).to_owned(),
            (None, Some(key)) if !key.is_empty() && !key.contains(['/', '~']) => {
                format!("/detail/{}", key.replace('.', "/"))
            }
            _ if name == "host" || name == "journal" => String::new(),
            _ => {
                let names: Vec<_> = FIELDS.iter().map(|(name, _)| *name).collect();
                return Err(format!(
                    "no field is called {name:?}; known are host, journal, {}, and detail.KEY",
                    names.join(", ")
                ));
            }
        };
        Ok(Self {
            name: name.to_owned(),
            pointer,
        })
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// A rule for an action that nobody writes would never hold, and nobody would notice.
fn actions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let actions = Vec::<String>::deserialize(deserializer)?;
    for wanted in &actions {
        if !wanted.starts_with("journal.")
            && !Action::ALL
                .iter()
                .any(|action| is_within(action.as_str(), wanted))
        {
            return Err(D::Error::custom(format!(
                "no entry has the action {wanted:?}; docs/formats/events.md lists them"
            )));
        }
    }
    Ok(actions)
}

fn is_within(action: &str, wanted: &str) -> bool {
    action
        .strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
