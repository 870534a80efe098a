//! Where a CA answers.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// `https://HOST[:PORT]`, nothing after it; HOST is a name, an IPv4 address, or an IPv6 address in brackets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaUrl(String);

/// Why a text is not a [`CaUrl`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected an address as in https://ca.example.org:7443, without a path")]
pub struct InvalidUrl;

impl CaUrl {
    /// The port where none is written.
    pub const DEFAULT_PORT: u16 = 7443;

    /// The URL of host and port.
    pub fn new(host: &str, port: u16) -> Result<Self, InvalidUrl> {
        format!("https://{host}:{port}").parse()
    }

    /// The URL as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host without brackets.
    pub fn host(&self) -> &str {
        self.split().0.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, 7443 where none is written.
    pub fn port(&self) -> u16 {
        self.split()
            .1
            .and_then(|port| port.parse().ok())
            .unwrap_or(Self::DEFAULT_PORT)
    }

    /// `https://HOST:PORT` and this path, which begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("https://{}:{}{path}", self.split().0, self.port())
    }

    fn split(&self) -> (&str, Option<&str>) {
        let authority = self.0.strip_prefix("https://").unwrap_or(&self.0);
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        }
    }
}

impl FromStr for CaUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let authority = text.strip_prefix("https://").ok_or(InvalidUrl)?;
        let url = Self(text.to_owned());
        let (host, port) = url.split();
        let is_port = |port: &str| {
            port.parse::<u16>()
                .is_ok_and(|number| number > 0 && number.to_string() == port)
        };
        let is_host = match host.strip_prefix('[') {
            Some(v6) => v6
                .strip_suffix(']')
                .is_some_and(|v6| v6.parse::<Ipv6Addr>().is_ok()),
            None => host.parse::<crate::name::HostName>().is_ok(),
        };
        if authority.len() <= 300 && is_host && port.is_none_or(is_port) {
            Ok(url)
        } else {
            Err(InvalidUrl)
        }
    }
}

impl fmt::Display for CaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(CaUrl);
