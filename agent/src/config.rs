//! `/etc/daypass/agent.toml`: every key has a default, an unknown key is an error.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use daypass_journal::retention::Policy;
use daypass_protocol::token::CaUrl;
use serde::Deserialize;

use crate::durable;
use crate::rules::EndRules;

const MAX_BYTES: u64 = 64 * 1024;

/// The administrator's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How the agent keeps up with the CA.
    pub state: StateConfig,
    /// What is journalled.
    pub journal: JournalConfig,
    /// How long the journal keeps its text.
    pub retention: Policy,
    /// How contractors' sessions are ended.
    pub sessions: SessionConfig,
    /// Witnesses of others, beside the collectors.
    pub witness: Vec<WitnessConfig>,
    /// What ends a contractor's session at once.
    pub end: EndRules,
    /// Doors that stay open to a managed account while nobody is in.
    pub allow: Vec<Allow>,
}

/// `[[allow]]`: a door that stays open to a managed account while nobody is in it by a window.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// One of its names.
    pub account: String,
    /// The door.
    pub service: AllowedService,
}

/// The doors that can be left open: all beside those by which contractors come. sshd and sudo are never among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllowedService {
    /// Jobs of a crontab, the system's included.
    Cron,
    /// Jobs for later.
    Atd,
    /// Its user manager, by lingering for one.
    SystemdUser,
    /// The console.
    Login,
    /// Other people's `su` into it.
    Su,
}

impl AllowedService {
    /// Its name in PAM.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cron => "cron",
            Self::Atd => "atd",
            Self::SystemdUser => "systemd-user",
            Self::Login => "login",
            Self::Su => "su",
        }
    }

    /// Whether PAM means this one by `service`.
    #[must_use]
    pub fn is(self, service: &str) -> bool {
        self.as_str() == service || self == Self::Su && service == "su-l"
    }
}

/// Keys of all `[[witness]]`, at most: a journal declares so many beside the collectors'.
const MOST_WITNESS_KEYS: u64 = 16;

/// `[[witness]]`: somebody else's witness (C2SP tlog-witness), asked to cosign this host's journal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// Where it answers: `https://HOST:PORT`.
    pub url: CaUrl,
    /// The key that it cosigns with, as a vkey.
    pub key: String,
    /// Keys that came or will come after it, likewise: its cosignatures count by any of them.
    #[serde(default)]
    pub later_keys: Vec<String>,
    /// A file with the X.509 root (PEM) under which it shows its certificate.
    pub root: PathBuf,
    /// Seconds between two questions: 60 to 86400, an hour by default.
    #[serde(default = "an_hour")]
    pub every_seconds: u64,
}

fn an_hour() -> u64 {
    3600
}

/// `[state]`: how the agent keeps up with the CA.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateConfig {
    /// Seconds without a word from the CA after which it is asked: 1 to 3600, 30 by default.
    pub poll_seconds: u64,
    /// No new logins on a state older than this many seconds: 8 hours by default.
    pub max_age_seconds: u64,
    /// Contractors are refused while the clock is off by more than this: 5 minutes by default.
    pub max_clock_offset_seconds: u64,
}

impl Default for StateConfig {
    fn default() -> Self {
        Self {
            poll_seconds: 30,
            max_age_seconds: 8 * 3600,
            max_clock_offset_seconds: 300,
        }
    }
}

impl StateConfig {
    /// Time between two questions to the CA.
    #[must_use]
    pub fn poll(&self) -> Duration {
        Duration::from_secs(self.poll_seconds)
    }

    /// No new logins on a state older than this.
    #[must_use]
    pub fn max_age(&self) -> Duration {
        Duration::from_secs(self.max_age_seconds)
    }

    /// Contractors are refused while the clock is off by more than this.
    #[must_use]
    pub fn max_clock_offset(&self) -> TimeDelta {
        TimeDelta::seconds(i64::try_from(self.max_clock_offset_seconds).unwrap_or(i64::MAX / 1000))
    }
}

/// `[journal]`: what is journalled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// Whose logins and sudo commands are journalled.
    pub log: Log,
    /// Commands that monitoring runs all day: counted in summaries instead of one entry each.
    pub exclude: Vec<Exclude>,
    /// Whether a contractor's sudo waits until a collector has cosigned its request.
    pub forward: Forward,
}

/// Whose logins and sudo commands are journalled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Log {
    /// Everybody's.
    #[default]
    Everyone,
    /// Only those of managed accounts.
    Managed,
}

/// What a contractor's sudo waits for, once its request is durable here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forward {
    /// A quarter of a second for the collector's cosignature, while one answers.
    #[default]
    BeforeSudo,
    /// Likewise, and without it sudo is refused.
    Strict,
    /// Nothing.
    Async,
}

/// One command of one account that is counted instead of journalled each time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclude {
    /// The account that runs it; never a managed one.
    pub account: String,
    /// What stands behind sudo's own options, exactly as typed.
    pub command: String,
}

/// `[sessions]`: how contractors' sessions are ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionConfig {
    /// Warnings on the session's terminals, in seconds before its end: 600 and 60 by default.
    pub warn_seconds: Vec<u64>,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            warn_seconds: vec![600, 60],
        }
    }
}

/// Why the settings were refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] durable::Error),
    /// Not TOML, an unknown key, or a value of the wrong type.
    #[error("{}, line {line}: {message}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What the parser said; it names the key.
        message: String,
    },
    /// A number out of its range.
    #[error("{}: `{key}` must be between {low} and {high}, not {found}", path.display())]
    Range {
        /// The file.
        path: PathBuf,
        /// The key with its table.
        key: &'static str,
        /// The smallest value allowed.
        low: u64,
        /// The largest value allowed.
        high: u64,
        /// What stands there.
        found: u64,
    },
}

impl Config {
    /// Reads the settings; a missing file means the defaults.
    ///
    /// # Errors
    /// See [`enum@Error`]; each names the file, and the line or the key.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = durable::read(path, MAX_BYTES)?.unwrap_or_default();
        Self::parse(path, &String::from_utf8_lossy(&bytes))
    }

    /// Reads the text of a settings file; `path` is for the messages.
    ///
    /// # Errors
    /// As [`Config::load`], reading aside.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let config: Self = toml::from_str(text).map_err(|error| Error::Toml {
            path: path.to_owned(),
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        })?;
        config.in_range(path)?;
        Ok(config)
    }

    fn in_range(&self, path: &Path) -> Result<(), Error> {
        let state = &self.state;
        let rows = [
            ("state.poll_seconds", state.poll_seconds, 1, 3600),
            (
                "state.max_age_seconds",
                state.max_age_seconds,
                60,
                30 * 86400,
            ),
            (
                "state.max_clock_offset_seconds",
                state.max_clock_offset_seconds,
                1,
                86400,
            ),
        ];
        let witnesses = self
            .witness
            .iter()
            .map(|witness| ("witness.every_seconds", witness.every_seconds, 60, 86400));
        let keys = self
            .witness
            .iter()
            .map(|witness| 1 + witness.later_keys.len() as u64);
        let keys = ("witness.later_keys", keys.sum(), 0, MOST_WITNESS_KEYS);
        for (key, found, low, high) in rows.into_iter().chain(witnesses).chain([keys]) {
            if !(low..=high).contains(&found) {
                return Err(Error::Range {
                    path: path.to_owned(),
                    key,
                    low,
                    high,
                    found,
                });
            }
        }
        Ok(())
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, Error> {
        Config::parse(Path::new("/etc/daypass/agent.toml"), text)
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn every_key_is_read() {
        let text = "[state]\npoll_seconds = 5\nmax_age_seconds = 600\nmax_clock_offset_seconds = 60\n\
            [journal]\nlog = \"managed\"\nforward = \"strict\"\nexclude = [{ account = \"nagios\", command = \"/bin/true\" }]\n\
            [retention]\nkeep_days = 400\n\
            [sessions]\nwarn_seconds = [30]\n\
            [[allow]]\naccount = \"backup\"\nservice = \"systemd-user\"\n\
            [[witness]]\nurl = \"https://witness.example.org:443\"\nkey = \"w+0+A\"\nroot = \"/etc/ssl/w.pem\"\n";
        let config = parse(text).unwrap();
        assert_eq!(config.state.poll(), Duration::from_secs(5));
        assert_eq!(config.journal.log, Log::Managed);
        assert_eq!(config.journal.forward, Forward::Strict);
        assert_eq!(config.journal.exclude[0].account, "nagios");
        assert_eq!(config.retention.keep_days, Some(400));
        assert_eq!(config.sessions.warn_seconds, [30]);
        assert_eq!(config.witness[0].every_seconds, 3600);
        assert_eq!(config.allow[0].account, "backup");
        assert!(config.allow[0].service.is("systemd-user"));
    }

    #[test]
    fn a_door_that_contractors_come_by_cannot_be_left_open() {
        for service in ["sshd", "sudo", "daypass-sudo", "su-l", "*"] {
            let text = format!("[[allow]]\naccount = \"deploy\"\nservice = \"{service}\"\n");
            let error = parse(&text).unwrap_err();
            assert!(matches!(error, Error::Toml { line: 3, .. }), "{error}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_line_and_key() {
        let error = parse("[state]\npoll_seconds = 5\npol = 3\n").unwrap_err();
        let said = error.to_string();
        assert!(
            said.starts_with("/etc/daypass/agent.toml, line 3:"),
            "{said}"
        );
        assert!(said.contains("`pol`"), "{said}");
    }

    #[test]
    fn a_value_of_the_wrong_type_names_its_line() {
        let error = parse("\n[state]\npoll_seconds = \"often\"\n").unwrap_err();
        assert!(matches!(error, Error::Toml { line: 3, .. }), "{error}");
    }

    #[test]
    fn a_number_out_of_range_names_its_key() {
        let error = parse("[state]\npoll_seconds = 0\n").unwrap_err();
        assert!(error.to_string().contains("state.poll_seconds"), "{error}");
        let keys = vec!["\"w\""; 16].join(",");
        let many = format!(
            "[[witness]]\nurl = \"https://w:1\"\nkey = \"\"\nroot = \"/\"\nlater_keys = [{keys}]\n"
        );
        let error = parse(&many).unwrap_err();
        assert!(error.to_string().contains("witness.later_keys"), "{error}");
        let witness =
            "[[witness]]\nurl = \"https://w:1\"\nkey = \"\"\nroot = \"/\"\nevery_seconds = 1\n";
        let error = parse(witness).unwrap_err();
        assert!(
            error.to_string().contains("witness.every_seconds"),
            "{error}"
        );
    }
}
