//! What sshd says in the system log about whom it turns away and whom it takes in, in the words of OpenSSH 9.2 to 10.0.
//!
//! Whoever knocks chooses a name and what a certificate says of itself, and sshd writes both down. So a line is read from
//! its beginning, by sshd's own words: what a stranger chose stands behind all that is believed, or behind the words
//! `invalid user`, which are none of these.

use std::net::IpAddr;

use crate::facts::Endpoint;

/// One line of sshd's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<'a> {
    /// What somebody showed does not open the account.
    Failed {
        /// The account.
        account: &'a str,
        /// The far end of the connection.
        from: Endpoint,
        /// The key or certificate, in sshd's words, which it writes at `LogLevel VERBOSE`.
        shown: Option<&'a str>,
    },
    /// Somebody went without having come in.
    Left {
        /// The account.
        account: &'a str,
        /// The far end of the connection.
        from: Endpoint,
    },
    /// Somebody came in.
    Accepted,
    /// sshd lets nobody into this account, whatever they show.
    Barred {
        /// The account.
        account: &'a str,
        /// From where they came; `None` where sshd says no address, or the name that a name service has for it.
        address: Option<IpAddr>,
        /// Why, in sshd's words: its shell, a lock, a list of the site's.
        why: &'a str,
    },
    /// Whoever it was had shown what opens the account, and PAM's account stack refused them.
    DeniedByPam {
        /// The account.
        account: &'a str,
    },
    /// A key is on the list of revoked ones: its type and fingerprint.
    Revoked {
        /// As they begin [`Said::Failed`]'s `shown`.
        key: &'a str,
    },
}

/// How sshd begins to tell that a connection is over.
const ENDS: [&str; 5] = [
    "Connection closed by ",
    "Connection reset by ",
    "Connection from ",
    "Disconnected from ",
    "Disconnecting ",
];

impl<'a> Said<'a> {
    /// The account that it names.
    #[must_use]
    pub fn account(&self) -> Option<&'a str> {
        match self {
            Self::Failed { account, .. }
            | Self::Left { account, .. }
            | Self::Barred { account, .. }
            | Self::DeniedByPam { account } => Some(account),
            Self::Accepted | Self::Revoked { .. } => None,
        }
    }

    /// Reads a line; `None` for all that is nothing of this.
    #[must_use]
    pub fn parse(message: &'a str) -> Option<Self> {
        // What it says of an error it says so in syslog.
        let mut kinds = ["error: ", "fatal: "].into_iter();
        let plain = kinds.find_map(|kind| message.strip_prefix(kind));
        let message = plain.unwrap_or(message);
        if let Some(rest) = message.strip_prefix("Accepted ") {
            // Not the `Accepted certificate` of before its key is proven.
            let (_method, rest) = rest.split_once(' ')?;
            return rest.starts_with("for ").then_some(Self::Accepted);
        }
        if let Some(rest) = message.strip_prefix("Failed ") {
            return failed(rest);
        }
        // Of accounts that there are: names of others stand behind `Invalid user`.
        if let Some(rest) = message.strip_prefix("User ") {
            return barred(rest);
        }
        if let Some(rest) = message.strip_prefix("Access denied for user ") {
            let (account, rest) = rest.split_once(' ')?;
            return rest
                .starts_with("by PAM account configuration")
                .then_some(Self::DeniedByPam { account });
        }
        if let Some(rest) = message.strip_prefix("Authentication key ") {
            let (key, _file) = rest.split_once(" revoked by file ")?;
            return Some(Self::Revoked { key });
        }
        let rest = ENDS.iter().find_map(|end| message.strip_prefix(end))?;
        let (account, rest) = rest.strip_prefix("authenticating user ")?.split_once(' ')?;
        let (from, _) = endpoint(rest)?;
        Some(Self::Left { account, from })
    }
}

/// `publickey for deploy from 192.0.2.7 port 4711 ssh2: ED25519-CERT SHA256:… ID …`
fn failed(rest: &str) -> Option<Said<'_>> {
    let (_method, rest) = rest.split_once(" for ")?;
    let (account, rest) = rest.split_once(' ')?;
    let (from, rest) = endpoint(rest.strip_prefix("from ")?)?;
    let shown = rest.strip_prefix(" ssh2: ");
    Some(Said::Failed {
        account,
        from,
        shown,
    })
}

/// `deploy from 192.0.2.7 not allowed because listed in DenyUsers`, and without an address where that makes no difference.
fn barred(rest: &str) -> Option<Said<'_>> {
    const SO: &str = "not allowed because ";
    let (account, rest) = rest.split_once(' ')?;
    let (from, rest) = match rest.strip_prefix("from ") {
        Some(rest) => rest.split_once(' ')?,
        None => ("", rest),
    };
    Some(Said::Barred {
        account,
        address: address(from),
        why: rest.strip_prefix(SO)?,
    })
}

/// `192.0.2.7 port 4711`, and what follows.
fn endpoint(text: &str) -> Option<(Endpoint, &str)> {
    let (address, rest) = text.split_once(" port ")?;
    let length = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    let (port, rest) = rest.split_at(length);
    let address = self::address(address)?;
    let port = port.parse().ok()?;
    Some((Endpoint { address, port }, rest))
}

/// A link-local address names its interface.
fn address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.split('%').next()?.parse().ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str, port: u16) -> Endpoint {
        let address = address.parse().unwrap();
        Endpoint { address, port }
    }

    #[test]
    fn what_fails_is_read_with_the_key_that_was_shown() {
        let line = "Failed publickey for deploy from 192.0.2.7 port 4711 ssh2: ED25519-CERT SHA256:5R20 ID x (serial 9) CA ED25519 SHA256:Pd8W";
        assert_eq!(
            Said::parse(line),
            Some(Said::Failed {
                account: "deploy",
                from: at("192.0.2.7", 4711),
                shown: Some("ED25519-CERT SHA256:5R20 ID x (serial 9) CA ED25519 SHA256:Pd8W"),
            })
        );
        let line = "Failed publickey for deploy from 2001:db8::7 port 1 ssh2";
        assert_eq!(
            Said::parse(line),
            Some(Said::Failed {
                account: "deploy",
                from: at("2001:db8::7", 1),
                shown: None,
            })
        );
    }

    #[test]
    fn every_way_to_leave_is_read() {
        for line in [
            "Connection closed by authenticating user deploy 192.0.2.7 port 4711 [preauth]",
            "Connection reset by authenticating user deploy 192.0.2.7 port 4711 [preauth]",
            "Connection from authenticating user deploy 192.0.2.7 port 4711 timed out [preauth]",
            "Disconnected from authenticating user deploy ::ffff:192.0.2.7 port 4711 [preauth]",
            "Disconnecting authenticating user deploy 192.0.2.7 port 4711: Too many authentication failures [preauth]",
        ] {
            let left = Said::Left {
                account: "deploy",
                from: at("192.0.2.7", 4711),
            };
            assert_eq!(Said::parse(line), Some(left), "{line}");
        }
    }

    #[test]
    fn who_comes_in_and_what_is_revoked_are_read() {
        let line =
            "Accepted publickey for deploy from 192.0.2.7 port 4711 ssh2: ED25519 SHA256:5R20";
        assert_eq!(Said::parse(line), Some(Said::Accepted));
        let line = "error: Authentication key ED25519-CERT SHA256:5R20 revoked by file /etc/daypass/ssh/revoked_keys";
        let key = "ED25519-CERT SHA256:5R20";
        assert_eq!(Said::parse(line), Some(Said::Revoked { key }));
    }

    #[test]
    fn whom_sshd_or_pam_bars_is_read_with_the_reason() {
        for (line, from, why) in [
            (
                "User deploy from 192.0.2.7 not allowed because not listed in AllowUsers",
                "192.0.2.7",
                "not listed in AllowUsers",
            ),
            (
                "User deploy from fe80::7%eth0 not allowed because none of user's groups are listed in AllowGroups",
                "fe80::7",
                "none of user's groups are listed in AllowGroups",
            ),
            (
                "User deploy from laptop.example.org not allowed because listed in DenyUsers",
                "",
                "listed in DenyUsers",
            ),
            (
                "User deploy not allowed because account is locked",
                "",
                "account is locked",
            ),
            (
                "User deploy not allowed because shell /bin/gone does not exist",
                "",
                "shell /bin/gone does not exist",
            ),
        ] {
            let said = Said::Barred {
                account: "deploy",
                address: from.parse().ok(),
                why,
            };
            assert_eq!(Said::parse(line), Some(said));
        }
        let line = "fatal: Access denied for user deploy by PAM account configuration [preauth]";
        let account = "deploy";
        assert_eq!(Said::parse(line), Some(Said::DeniedByPam { account }));
    }

    /// The names and the key ids are of a stranger's choice.
    #[test]
    fn a_stranger_cannot_write_another_account_or_address_into_a_line() {
        for line in [
            "Failed none for invalid user deploy from 198.51.100.9 port 1 ssh2 from 192.0.2.7 port 4711 ssh2",
            "Invalid user deploy from 198.51.100.9 port 1 from 192.0.2.7 port 4711",
            "Connection closed by invalid user authenticating user deploy 198.51.100.9 port 1 192.0.2.7 port 4711 [preauth]",
            "Disconnected from user deploy 192.0.2.7 port 4711",
            "User child is on pid 4711",
            "Invalid user User deploy not allowed because account is locked from 192.0.2.7 port 4711",
            "Access denied for user deploy",
            "Accepted certificate ID \"publickey for deploy\" (serial 1) signed by ED25519 CA SHA256:Pd8W via /etc/daypass/ssh/user_ca.pub",
            "Failed publickey for deploy from somewhere port 1 ssh2",
            "Failed publickey for deploy from 192.0.2.7 port 65536 ssh2",
            "",
        ] {
            assert_eq!(Said::parse(line), None, "{line}");
        }
        let line = "Failed publickey for deploy from 192.0.2.7 port 4711 ssh2: RSA-CERT SHA256:5R20 ID x from 198.51.100.9 port 1 ssh2: y (serial 1) CA RSA SHA256:Pd8W";
        let Some(Said::Failed { from, .. }) = Said::parse(line) else {
            panic!("{line} is not read");
        };
        assert_eq!(from, at("192.0.2.7", 4711));
    }
}
