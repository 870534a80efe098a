//! What a site sets for sudo that counts for contractors in the place of their own settings. sudo takes settings in the order in which it
//! reads them, whoever they are for, and the last one counts; those for single commands count last of all, wherever they stand. With
//! `!pam_acct_mgmt` there nobody would be asked and nothing journalled. sudo-rs knows none of these, and asks PAM whatever they say.

use std::path::Path;

use daypass_gate::place::FIRST_SESSION_GID;
use serde_json::{Value, json};

use super::own::PLACE;
use super::tools::Tools;
use crate::command;

/// What contractors' sudo depends on, and the value that it must not have.
const SWITCHES: [(&str, bool); 5] = [
    ("pam_acct_mgmt", false),
    ("pam_session", false),
    ("rootpw", true),
    ("targetpw", true),
    ("runaspw", true),
];
/// The same of what has a name in it.
const SERVICES: [&str; 3] = ["pam_service", "pam_login_service", "pam_askpass_service"];
/// The services by which sudo asks where nothing is set. Their stacks are looked at.
pub const SUDO_SERVICES: [&str; 2] = ["sudo", "sudo-i"];

/// Why contractors' own settings are not what counts for them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// sudo goes on behind a line that it does not understand, its tool does not: what counts is not known.
    #[error("sudo's settings cannot be read: {0}")]
    Unreadable(String),
    /// What counts is not known either.
    #[error("sudo does not read /etc/sudoers.d/daypass")]
    Unread,
    /// It would not, were it read earlier.
    #[error("sudo reads `{0}` behind contractors' own settings")]
    Behind(String),
    /// Whatever stands behind it.
    #[error("sudo takes `{0}` for contractors as well, wherever it stands")]
    Anywhere(String),
}

/// What the rules of sessions say themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// All that counts.
    Group,
    /// Beside sudo-rs, which would tell everybody of settings that it does not know: nothing about PAM.
    Account,
}

/// The first flaw in what sudo reads, as of now; what is for named users alone who are none of these is passed over. `None` as well
/// where there is no original sudo, which alone reads settings so.
///
/// # Errors
/// sudo's tool gives no answer: what it said before may still hold.
pub fn flaw(
    sudoers: &Path,
    is_managed: impl Fn(&str) -> bool,
) -> Result<Option<Flaw>, command::Error> {
    let tools = Tools::default();
    if !tools.reader.exists() || !sudoers.exists() {
        return Ok(None);
    }
    let form = match tools.rust_checker.exists() {
        true => Form::Account,
        false => Form::Group,
    };
    match Settings::read(&tools, sudoers) {
        Ok(settings) => Ok(settings.flaw(form, is_managed)),
        Err(error @ (command::Error::Failed { .. } | command::Error::TooMuch { .. })) => {
            Ok(Some(Flaw::Unreadable(error.to_string())))
        }
        Err(error) => Err(error),
    }
}

/// sudo's settings, in the order in which they count.
fn read(tools: &Tools, sudoers: &Path, which: &[&str]) -> Result<Vec<Value>, command::Error> {
    let file = sudoers.to_string_lossy();
    let words = [
        &["-f", "json", "-s", "aliases,privileges"][..],
        which,
        &[&*file],
    ]
    .concat();
    let said = command::run_within(tools.patience, &tools.reader, &words)?;
    list(&said).map_err(|error| command::Error::Failed {
        program: tools.reader.display().to_string(),
        said: format!("its JSON cannot be read: {error}"),
    })
}

/// Without a setting the tool may say nothing at all. What else is no JSON hides what counts.
fn list(said: &str) -> serde_json::Result<Vec<Value>> {
    let read: Value = match said.trim() {
        "" => Value::Null,
        said => serde_json::from_str(said)?,
    };
    Ok(read["Defaults"].as_array().cloned().unwrap_or_default())
}

#[derive(Debug, Default)]
struct Settings {
    all: Vec<Value>,
    /// Those for whom commands are run as. Among all, the tool tells them from those of users by nothing.
    of_targets: Vec<Value>,
}

impl Settings {
    fn read(tools: &Tools, sudoers: &Path) -> Result<Self, command::Error> {
        Ok(Self {
            all: read(tools, sudoers, &[])?,
            of_targets: read(tools, sudoers, &["-d", "runas"])?,
        })
    }

    fn flaw(&self, form: Form, is_managed: impl Fn(&str) -> bool) -> Option<Flaw> {
        let counts = |entry: &&Value| !self.is_of_others(entry, &is_managed);
        if !self.all.iter().any(|entry| is_bound_to(entry, is_place)) {
            return Some(Flaw::Unread);
        }
        let anywhere = self.all.iter().filter(counts).find_map(|entry| {
            let mut said = otherwise(entry, form);
            match is_of_commands(entry) {
                true => said.next(),
                false => said.find(|setting| !form.bears(setting)),
            }
        });
        let is_ours = |bound: &Value| is_place(bound) || is_session(bound);
        let ours = self
            .all
            .iter()
            .rposition(|entry| is_bound_to(entry, is_ours));
        let behind = self.all.iter().skip(ours? + 1).filter(counts);
        anywhere.map(Flaw::Anywhere).or_else(|| {
            let mut said = behind.flat_map(|entry| otherwise(entry, form));
            said.next().map(Flaw::Behind)
        })
    }

    /// For named users, and nobody of ours among them: a group, a host or somebody's negation may be anybody.
    fn is_of_others(&self, entry: &Value, is_managed: impl Fn(&str) -> bool) -> bool {
        let is_other = |bound: &Value| {
            let name = bound["username"].as_str();
            let is_all = bound.as_object().is_some_and(|bound| bound.len() == 1);
            is_all && name.is_some_and(|name| name != "ALL" && !is_managed(name))
        };
        is_bound_to(entry, is_other) && !self.of_targets.contains(entry)
    }
}

impl Form {
    /// Whether such a setting before the rules of sessions harms nobody: they say the contrary, or PAM is asked all the same.
    fn bears(self, setting: &str) -> bool {
        match self {
            Self::Group => true,
            Self::Account => !setting.trim_start_matches('!').starts_with("pam_"),
        }
    }
}

/// Whether an entry is for these alone.
fn is_bound_to(entry: &Value, whom: impl Fn(&Value) -> bool) -> bool {
    let binding = entry["Binding"].as_array();
    binding.is_some_and(|binding| !binding.is_empty() && binding.iter().all(whom))
}

fn is_place(bound: &Value) -> bool {
    *bound == json!({ "username": PLACE })
}

fn is_session(bound: &Value) -> bool {
    let gid = bound["usergid"].as_u64();
    gid.is_some_and(|gid| gid >= u64::from(FIRST_SESSION_GID))
}

fn is_of_commands(entry: &Value) -> bool {
    let is_command = |bound: &Value| bound["command"].is_string() || bound["cmndalias"].is_string();
    let binding = entry["Binding"].as_array();
    binding.is_some_and(|binding| binding.iter().any(is_command))
}

/// What an entry sets that contractors' sudo must not have, as it stands in sudoers.
fn otherwise(entry: &Value, form: Form) -> impl Iterator<Item = String> {
    let options = entry["Options"].as_array();
    let options = options.into_iter().flatten();
    options.filter_map(move |option| switch(option).or_else(|| service(option, form)))
}

fn switch(option: &Value) -> Option<String> {
    let (name, value) = SWITCHES.iter().find(|(name, bad)| option[name] == *bad)?;
    Some(match value {
        true => (*name).to_owned(),
        false => format!("!{name}"),
    })
}

fn service(option: &Value, form: Form) -> Option<String> {
    let key = SERVICES.into_iter().find(|key| option[key].is_string())?;
    let named = option[key].as_str()?;
    // Beside sudo-rs contractors' calls go through the system's own stacks in any case.
    let is_theirs = form == Form::Account && SUDO_SERVICES.contains(&named);
    (!is_theirs).then(|| format!("{key}={named}"))
}

#[cfg(test)]
mod tests;
