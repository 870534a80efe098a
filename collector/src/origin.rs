//! A journal's name, and what follows from it: whose it is, and where its segments stand.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use daypass_protocol::digest::Incarnation;
use daypass_protocol::name::HostName;

/// `daypass/PIN16/host/HOST/INCARNATION`, `daypass/PIN16/ca/INCARNATION` or `daypass/PIN16/collector/INCARNATION`, where
/// PIN16 is the beginning of the pin: 16 hexadecimal digits.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Origin {
    pin: Incarnation,
    owner: Owner,
    incarnation: Incarnation,
}

/// Who writes a journal; also who a client certificate speaks for.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Owner {
    /// The certificate authority.
    Ca,
    /// An enrolled host.
    Host(HostName),
    /// A collector, its own. No client certificate speaks for it: what it writes comes over no wire.
    Collector,
}

/// Why a text is no journal's name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{found:?} is no journal's origin: expected daypass/PIN16/host/HOST/INCARNATION, daypass/PIN16/ca/INCARNATION or daypass/PIN16/collector/INCARNATION"
)]
pub struct InvalidOrigin {
    /// The text, cut after 300 characters.
    pub found: String,
}

impl Origin {
    /// Who writes this journal.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Which life of its writer's journal.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// A relative path of its own. No part of an origin can be empty, `.` or `..`.
    pub fn path(&self) -> PathBuf {
        self.to_string().into()
    }
}

impl Owner {
    /// The common name of a client certificate: a host's name, or `ca`, which no host may have.
    pub fn of_common_name(name: &str) -> Option<Self> {
        match name {
            "ca" => Some(Self::Ca),
            _ => name.parse().ok().map(Self::Host),
        }
    }

    /// The name that it goes by in search and alarms.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ca => "ca",
            Self::Host(name) => name.as_str(),
            Self::Collector => "collector",
        }
    }

    /// The host, if it is one.
    pub fn host(&self) -> Option<&HostName> {
        match self {
            Self::Host(name) => Some(name),
            Self::Ca | Self::Collector => None,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        parse(text).ok_or_else(|| InvalidOrigin {
            found: text.chars().take(300).collect(),
        })
    }
}

fn parse(text: &str) -> Option<Origin> {
    let parts: Vec<&str> = text.splitn(6, '/').collect();
    let (pin, owner, incarnation) = match parts[..] {
        ["daypass", pin, "ca", incarnation] => (pin, Owner::Ca, incarnation),
        ["daypass", pin, "collector", incarnation] => (pin, Owner::Collector, incarnation),
        ["daypass", pin, "host", host, incarnation] => {
            (pin, Owner::Host(host.parse().ok()?), incarnation)
        }
        _ => return None,
    };
    Some(Origin {
        pin: pin.parse().ok()?,
        owner,
        incarnation: incarnation.parse().ok()?,
    })
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pin, incarnation, ..
        } = self;
        match &self.owner {
            Owner::Ca => write!(f, "daypass/{pin}/ca/{incarnation}"),
            Owner::Collector => write!(f, "daypass/{pin}/collector/{incarnation}"),
            Owner::Host(host) => write!(f, "daypass/{pin}/host/{host}/{incarnation}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_of_hosts_and_of_the_ca_go_there_and_back() {
        for text in [
            "daypass/0123456789abcdef/host/db1.example.org/00000000000000ff",
            "daypass/0123456789abcdef/ca/00000000000000ff",
            "daypass/0123456789abcdef/collector/00000000000000ff",
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_path_never_leaves_its_directory() {
        for text in [
            "daypass/0123456789abcdef/host/../00000000000000ff",
            "daypass/0123456789abcdef/host//00000000000000ff",
            "daypass/../host/db1/00000000000000ff",
            "/daypass/0123456789abcdef/ca/00000000000000ff",
            "daypass/0123456789abcdef/ca/00000000000000ff/",
            "daypass/0123456789abcdef/ca/00000000000000fF",
            "daypass/0123456789abcdef/host/db1/00000000000000ff\n",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_cannot_be_called_ca() {
        assert_eq!(Owner::of_common_name("ca"), Some(Owner::Ca));
        assert_eq!(Owner::of_common_name("../ca"), None);
    }

    #[test]
    fn a_host_called_collector_writes_no_collectors_journal() {
        let host = Owner::of_common_name("collector").unwrap();
        assert_ne!(host, Owner::Collector);
    }
}
