//! `collector.toml`: parsed once, unknown keys refused by file, line and key.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use daypass_protocol::token::SetupLine;
use serde::{Deserialize, Deserializer};

use crate::alerts::config::AlertsConfig;
use crate::export::config::ExportConfig;
use crate::retention::Policy;
use crate::strangers::Stranger;

/// Where the packages put the configuration.
pub const DEFAULT_PATH: &str = "/etc/daypass/collector.toml";
/// Where the collector keeps its data when nothing else is said.
pub const DEFAULT_DATA: &str = "/var/lib/daypass/collector";
/// Every interface, the port of `docs/formats/forwarding.md`.
pub const DEFAULT_LISTEN: &str = "[::]:7444";

/// The shortest silence that can be noticed, in seconds: a heartbeat comes every quarter of an hour at least.
const MIN_SILENCE: u64 = 60;

/// The configuration of `daypass-collector serve`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The CA that it belongs to: address, X.509 root and pin.
    #[serde(deserialize_with = "setup_line")]
    pub ca_setup: SetupLine,
    /// Address and port to listen on.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Directory of everything that it keeps.
    #[serde(default = "default_data")]
    pub data: PathBuf,
    /// Seconds after which a journal of which nothing came is silent: three heartbeats.
    #[serde(default = "default_silence")]
    pub silence_after: u64,
    /// How long the text of journals is kept; for ever where nothing is said.
    #[serde(default)]
    pub retention: Policy,
    /// When erasures that journals declare are followed here.
    #[serde(default)]
    pub follow_erasures: FollowErasures,
    /// A second directory, on another disk, into which all that is stored is copied.
    #[serde(default)]
    pub archive: Option<PathBuf>,
    /// Requests that one address without a client certificate may make in a minute.
    #[serde(default = "default_rate")]
    pub requests_per_minute: u32,
    /// Loopback address and port at which `/metrics` and `/ready` are shown in the clear; nowhere when absent.
    #[serde(default)]
    pub metrics: Option<SocketAddr>,
    /// What people are told of at once, and where.
    #[serde(default)]
    pub alerts: AlertsConfig,
    /// Where entries go as they come in.
    #[serde(default)]
    pub export: ExportConfig,
    /// Logs of others, to which this collector is a witness.
    #[serde(default)]
    pub witnessed: Vec<Stranger>,
}

/// When an erasure that a journal declares is followed in the stored copy. An intruder who owns a host can declare one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FollowErasures {
    /// So many days after it was seen here, in which somebody can look at it.
    AfterDays(u16),
    /// Never by itself: `daypass-collector erase` is the only way.
    Never,
}

impl Default for FollowErasures {
    fn default() -> Self {
        Self::AfterDays(7)
    }
}

impl<'de> Deserialize<'de> for FollowErasures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "follow_erasures is a number of days, or \"never\""
        )]
        enum Said {
            Days(u16),
            Word(Never),
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Never {
            Never,
        }
        Ok(match Said::deserialize(deserializer)? {
            Said::Days(days) => Self::AfterDays(days),
            Said::Word(Never::Never) => Self::Never,
        })
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no TOML of this shape; the source names line, column and key.
    #[error("{} is not a valid configuration:\n{source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's message, with line and key.
        source: toml::de::Error,
    },
    /// A silence shorter than any heartbeat.
    #[error("{}: silence_after is {found} seconds; less than {MIN_SILENCE} would alarm all the time", path.display())]
    SilenceTooShort {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u64,
    },
    /// `metrics` is an address that others reach.
    #[error("{}: metrics are shown in the clear, so they need a loopback address, not {address}", path.display())]
    MetricsNotLocal {
        /// The file.
        path: PathBuf,
        /// What it says.
        address: SocketAddr,
    },
}

impl Config {
    /// Reads and checks `path`.
    ///
    /// # Errors
    /// When the file cannot be read, is malformed, or holds values that cannot work.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// Parses `text`; `path` is for messages.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let path = path.to_owned();
        let config: Self = toml::from_str(text).map_err(|source| ConfigError::Malformed {
            path: path.clone(),
            source,
        })?;
        if config.silence_after < MIN_SILENCE {
            return Err(ConfigError::SilenceTooShort {
                path,
                found: config.silence_after,
            });
        }
        if let Some(address) = config.metrics.filter(|at| !at.ip().is_loopback()) {
            return Err(ConfigError::MetricsNotLocal { path, address });
        }
        Ok(config)
    }
}

/// The text of a first `collector.toml`, as `init` writes it.
pub fn initial_text(ca_setup: &SetupLine, listen: SocketAddr, data: &Path) -> String {
    let quoted = |text: String| toml::Value::String(text).to_string();
    format!(
        "# daypass-collector(8) explains every key.\nca_setup = {}\nlisten = {}\ndata = {}\n",
        quoted(ca_setup.to_string()),
        quoted(listen.to_string()),
        quoted(data.display().to_string()),
    )
}

fn setup_line<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SetupLine, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn default_listen() -> SocketAddr {
    SocketAddr::from((Ipv6Addr::UNSPECIFIED, 7444))
}

fn default_data() -> PathBuf {
    DEFAULT_DATA.into()
}

fn default_silence() -> u64 {
    45 * 60
}

fn default_rate() -> u32 {
    600
}

#[cfg(test)]
mod tests {
    use super::*;
    use daypass_protocol::digest::{Digest, Pin};

    fn setup() -> SetupLine {
        SetupLine {
            url: "https://ca.example.org:7443".parse().unwrap(),
            root: Digest::of("root"),
            ca: Pin::from(Digest::of("roster")),
        }
    }

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("/etc/daypass/collector.toml"))
    }

    #[test]
    fn what_init_writes_is_what_serve_reads() {
        let text = initial_text(&setup(), default_listen(), Path::new("/srv/\"c\""));
        let config = parse(&text).unwrap();
        assert_eq!(config.ca_setup, setup());
        assert_eq!(config.data, Path::new("/srv/\"c\""));
        assert_eq!(config.silence_after, 2700);
    }

    #[test]
    fn unknown_keys_and_values_that_cannot_work_are_refused() {
        let good = initial_text(&setup(), default_listen(), Path::new("/srv"));
        let message = parse(&format!("{good}lissten = 1\n"))
            .unwrap_err()
            .to_string();
        for part in ["/etc/daypass/collector.toml", "line 5", "lissten"] {
            assert!(message.contains(part), "{part} is missing from {message}");
        }
        let short = parse(&format!("{good}silence_after = 5\n"));
        assert!(matches!(
            short,
            Err(ConfigError::SilenceTooShort { found: 5, .. })
        ));
        for (address, is_taken) in [
            ("127.0.0.1:9", true),
            ("[::1]:9", true),
            ("192.0.2.1:9", false),
        ] {
            let config = parse(&format!("{good}metrics = \"{address}\"\n"));
            assert_eq!(config.is_ok(), is_taken, "{address}");
        }
        assert!(parse("ca_setup = \"daypass-setup-1.x\"").is_err());
    }

    #[test]
    fn how_long_things_are_kept_is_said_in_the_configuration() {
        let good = initial_text(&setup(), default_listen(), Path::new("/srv"));
        let config = parse(&good).unwrap();
        assert!(config.retention.keeps_all());
        assert_eq!(config.follow_erasures, FollowErasures::AfterDays(7));
        let said = format!(
            "{good}follow_erasures = \"never\"\narchive = \"/mnt/b\"\n[retention]\nkeep_days = 9\n[retention.hosts]\ndb1 = 3\n"
        );
        let config = parse(&said).unwrap();
        assert_eq!(config.follow_erasures, FollowErasures::Never);
        assert_eq!(config.archive.as_deref(), Some(Path::new("/mnt/b")));
        assert_eq!(config.retention.keep_days, Some(9));
        for wrong in [
            "follow_erasures = \"soon\"",
            "follow_erasures = -1",
            "[retention]\nkeep_dayz = 1",
        ] {
            assert!(parse(&format!("{good}{wrong}\n")).is_err(), "{wrong}");
        }
    }
}
