//! Gate 1's helper: asks the agent which principal a certificate may use, and prints it for sshd.

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use daypass_gate::{Request, Response, place};

use crate::client::{Endpoint, Unanswered};

/// How long sshd is kept waiting.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the helper prints nothing. A refusal by the agent is no error.
#[derive(Debug)]
pub enum HelperError {
    /// Not called as `AuthorizedPrincipalsCommand daypass-principals %u %i %s %t %k`.
    Usage,
    /// The agent did not answer.
    Unanswered(Unanswered),
    /// The agent answered something else than a principal or a refusal.
    Unfitting(Response),
}

impl fmt::Display for HelperError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => write!(
                out,
                "sshd runs this program: AuthorizedPrincipalsCommand /usr/lib/daypass/daypass-principals %u %i %s %t %k"
            ),
            Self::Unanswered(why) => write!(out, "{why}; look at: systemctl status daypass-agent"),
            Self::Unfitting(response) => {
                write!(out, "the agent's answer does not fit: {response:?}")
            }
        }
    }
}

impl std::error::Error for HelperError {}

/// The question that sshd's arguments make.
///
/// # Errors
/// [`HelperError::Usage`].
pub fn question(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, HelperError> {
    let texts: Option<Vec<String>> = arguments
        .into_iter()
        .map(|argument| argument.into_string().ok())
        .collect();
    let Some([user, key_id, serial, key_type, certificate]) =
        texts.and_then(|texts| <[String; 5]>::try_from(texts).ok())
    else {
        return Err(HelperError::Usage);
    };
    let serial = serial.parse().map_err(|_| HelperError::Usage)?;
    Ok(Request::Principals {
        user,
        key_id,
        serial,
        key_type,
        certificate,
    })
}

/// The principal that the agent admits, `None` when it refuses.
///
/// # Errors
/// [`HelperError::Unanswered`] and [`HelperError::Unfitting`].
pub fn principal(request: &Request) -> Result<Option<String>, HelperError> {
    let agent = Endpoint::of_root(place::PRINCIPALS_SOCKET.as_ref());
    match agent
        .ask(request, PATIENCE)
        .map_err(HelperError::Unanswered)?
    {
        // sshd reads lines with options in front of the name: nothing but a window's id may be printed.
        Response::Admit { principal } if is_window_id(&principal) => Ok(Some(principal)),
        Response::Deny { .. } | Response::Ignore => Ok(None),
        other => Err(HelperError::Unfitting(other)),
    }
}

fn is_window_id(text: &str) -> bool {
    text.len() == 28
        && text.strip_prefix("w-").is_some_and(|rest| {
            rest.bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_window_id_is_ever_printed() {
        assert!(is_window_id("w-01jd3x5v7e8s2k4m6n8p0q2r4t"));
        for bad in [
            "root",
            "w-",
            "w-01jd3x5v7e8s2k4m6n8p0q2r4t\nroot",
            "w-01jd3x5v7e8s2k4m6n8p0q2r4 ",
            "W-01jd3x5v7e8s2k4m6n8p0q2r4t",
        ] {
            assert!(!is_window_id(bad), "{bad:?}");
        }
    }

    #[test]
    fn sshd_gives_five_arguments() {
        let words = [
            "deploy",
            "daypass/w-1/ann",
            "7",
            "ssh-ed25519-cert-v01@openssh.com",
            "AAAA",
        ];
        let asked = question(words.map(OsString::from)).unwrap();
        assert!(matches!(asked, Request::Principals { serial: 7, .. }));
        assert!(question(["deploy"].map(OsString::from)).is_err());
        assert!(question(["deploy", "id", "-7", "type", "AAAA"].map(OsString::from)).is_err());
    }
}
