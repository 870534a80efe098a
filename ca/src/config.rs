//! `ca.toml`: parsed once, unknown keys refused by file, line and key.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use daypass_journal::retention::Policy;
use daypass_protocol::time::{MOST_SKEW, SKEW};
use daypass_protocol::token::{CaUrl, InvalidUrl};
use serde::Deserialize;

/// Where the packages put the configuration.
pub const DEFAULT_PATH: &str = "/etc/daypass/ca.toml";

/// Where the CA keeps its data when nothing else is said.
pub const DEFAULT_DATA: &str = "/var/lib/daypass/ca";

/// Where the service listens for commands when nothing else is said; its unit makes the directory.
pub const DEFAULT_CONTROL: &str = "/run/daypass-ca/control.sock";

/// Every interface, the port of `docs/formats/api.md`.
pub const DEFAULT_LISTEN: &str = "[::]:7443";

/// The configuration of `daypass-ca serve`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// DNS names that the server's certificate carries; the first one is in the URLs that are handed out.
    pub names: Vec<String>,
    /// Address and port to listen on.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The URL that clients and hosts are given; from the first name and the port when absent.
    #[serde(default)]
    pub url: Option<String>,
    /// Directory of database, keys and journal.
    #[serde(default = "default_data")]
    pub data: PathBuf,
    /// Loopback address and port at which `/metrics` and `/ready` are shown in the clear; nowhere when absent.
    #[serde(default)]
    pub metrics: Option<SocketAddr>,
    /// The socket of the ssh-agent that holds the signing keys that are in no file.
    #[serde(default)]
    pub ssh_agent: Option<PathBuf>,
    /// Requests that one address may make in a minute before it is told to wait.
    #[serde(default = "default_rate")]
    pub requests_per_minute: u32,
    /// How far back certificates are dated, in seconds, for clocks that are behind the CA's.
    #[serde(default = "default_skew")]
    pub clock_skew: u64,
    /// The socket by which root on this machine speaks to the service.
    #[serde(default = "default_control")]
    pub control: PathBuf,
    /// How long the journal keeps its text.
    #[serde(default)]
    pub retention: Policy,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no TOML of this shape; the source names line, column and key.
    #[error("{path} is not a valid configuration:\n{source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's message, with line and key.
        source: toml::de::Error,
    },
    /// `names` is empty.
    #[error("{path}: names needs at least one DNS name of this server")]
    NoName {
        /// The file.
        path: PathBuf,
    },
    /// `metrics` is an address that others reach.
    #[error(
        "{path}: metrics are shown in the clear, so they need a loopback address, not {address}"
    )]
    NotLoopback {
        /// The file.
        path: PathBuf,
        /// The address.
        address: SocketAddr,
    },
    /// `clock_skew` is more than hosts take.
    #[error(
        "{path}: clock_skew is 0 to {MOST_SKEW} seconds, not {found}: hosts refuse what is dated further back"
    )]
    Skew {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u64,
    },
    /// `url`, or what `names` and `listen` give, is no address of a CA.
    #[error("{path}: {url} cannot be the CA's address")]
    Url {
        /// The file.
        path: PathBuf,
        /// What it says, or what follows from what it says.
        url: String,
        /// What is wrong with it.
        source: InvalidUrl,
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
        if config.names.is_empty() {
            return Err(ConfigError::NoName { path });
        }
        if let Some(address) = config.metrics.filter(|at| !at.ip().is_loopback()) {
            return Err(ConfigError::NotLoopback { path, address });
        }
        if config.clock_skew > MOST_SKEW {
            let found = config.clock_skew;
            return Err(ConfigError::Skew { path, found });
        }
        config.public_url().map_err(|source| ConfigError::Url {
            url: config.url_text(),
            path,
            source,
        })?;
        Ok(config)
    }

    /// The URL that tokens and the setup line carry.
    ///
    /// # Errors
    /// When it is none; [`Config::parse`] lets no such configuration pass.
    pub fn public_url(&self) -> Result<CaUrl, InvalidUrl> {
        self.url_text().parse()
    }

    fn url_text(&self) -> String {
        self.url.clone().unwrap_or_else(|| {
            let name = self.names.first().map_or("localhost", String::as_str);
            format!("https://{name}:{}", self.listen.port())
        })
    }
}

/// The text of a first `ca.toml`, as `init` writes it.
pub fn initial_text(
    names: &[String],
    listen: SocketAddr,
    url: Option<&str>,
    data: &Path,
) -> String {
    let quoted: Vec<String> = names.iter().map(|name| toml_string(name)).collect();
    let mut text = format!(
        "# daypass-ca(8) explains every key.\nnames = [{}]\nlisten = {}\n",
        quoted.join(", "),
        toml_string(&listen.to_string()),
    );
    if let Some(url) = url {
        let _ = writeln!(text, "url = {}", toml_string(url));
    }
    let _ = writeln!(text, "data = {}", toml_string(&data.display().to_string()));
    text
}

fn toml_string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn default_listen() -> SocketAddr {
    SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 7443))
}

fn default_data() -> PathBuf {
    DEFAULT_DATA.into()
}

fn default_rate() -> u32 {
    600
}

fn default_skew() -> u64 {
    SKEW
}

fn default_control() -> PathBuf {
    DEFAULT_CONTROL.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("/etc/daypass/ca.toml"))
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_line_and_key() {
        let message = parse("names = [\"ca\"]\nlissten = \"[::]:1\"\n")
            .unwrap_err()
            .to_string();
        for part in ["/etc/daypass/ca.toml", "line 2", "lissten"] {
            assert!(message.contains(part), "{part} is missing from {message}");
        }
    }

    #[test]
    fn a_malformed_file_is_refused_with_its_line() {
        let message = parse("names = [\"ca\"\n").unwrap_err().to_string();
        assert!(
            message.contains("line 2") || message.contains("line 1"),
            "{message}"
        );
    }

    #[test]
    fn a_configuration_without_names_is_refused() {
        assert!(matches!(
            parse("names = []"),
            Err(ConfigError::NoName { .. })
        ));
    }

    #[test]
    fn a_name_that_makes_no_url_is_refused() {
        assert!(matches!(
            parse("names = [\"ca example\"]"),
            Err(ConfigError::Url { .. })
        ));
    }

    #[test]
    fn metrics_are_shown_on_this_machine_alone() {
        let at = |address: &str| parse(&format!("names = [\"ca\"]\nmetrics = \"{address}\"\n"));
        assert!(at("127.0.0.1:9464").is_ok());
        assert!(at("[::1]:9464").is_ok());
        assert!(matches!(
            at("0.0.0.0:9464"),
            Err(ConfigError::NotLoopback { .. })
        ));
    }

    #[test]
    fn certificates_are_dated_back_no_further_than_hosts_take() {
        let of = |skew: u64| {
            parse(&format!("names = [\"ca\"]\nclock_skew = {skew}\n"))
                .map(|config| config.clock_skew)
        };
        assert_eq!(parse("names = [\"ca\"]").unwrap().clock_skew, 60);
        assert_eq!((of(0).unwrap(), of(300).unwrap()), (0, 300));
        assert!(matches!(of(301), Err(ConfigError::Skew { found: 301, .. })));
    }

    #[test]
    fn what_init_writes_is_what_serve_reads() {
        let listen = default_listen();
        let text = initial_text(
            &["ca.example.org".into()],
            listen,
            None,
            Path::new("/srv/\"ca\""),
        );
        let config = parse(&text).unwrap();
        assert_eq!(
            config.public_url().unwrap().as_str(),
            "https://ca.example.org:7443"
        );
        assert_eq!(config.data, Path::new("/srv/\"ca\""));
    }
}
