//! What people read at the gates and on a session's terminal.

use std::time::Duration;

use daypass_protocol::name::Name;
use daypass_protocol::window::WindowId;

use crate::sessions::Cause;

/// On a session's terminal, before its end.
#[must_use]
pub fn ends_soon(left: Duration) -> String {
    let seconds = left.as_millis().div_ceil(1000);
    let left = match seconds {
        0..=1 => "1 second".to_owned(),
        2..=119 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    };
    format!(
        "daypass: this session ends in {left}, with its window. Save your work; for more time: daypass request"
    )
}

/// On a session's terminal, at its end.
#[must_use]
pub fn ended(cause: &Cause) -> String {
    let next = match cause {
        Cause::Rule { .. } => "Ask whoever let you in before you come back",
        _ => "To come back, ask for a window with: daypass request",
    };
    format!("daypass: this session ends now: {cause}. {next}")
}

/// To a sudo that a rule of the host ends the session for.
#[must_use]
pub fn ended_by_rule(title: &str) -> String {
    format!("daypass: this is not run, and the session ends now: a rule of this host says: {title}")
}

/// To a sudo whose command is too long, or nested too deep, for the host's rules.
pub const COMMAND_GOES_ON: &str = "daypass: this host has rules for commands, and this one is too long, or nested too deep, to be judged by them. Run it in parts, each by its own sudo.";

/// To a managed account whose certificate gate 1 has refused.
#[must_use]
pub fn login_refused(reason: &str) -> String {
    format!("daypass: you are not let in: {reason}.")
}

/// To a managed account that shows no certificate of ours.
pub const NO_CERTIFICATE: &str =
    "this account is open to approved windows only; ask for one with: daypass request";

/// To a managed account whose login does not show the certificate that was approved.
pub const OTHER_CERTIFICATE: &str =
    "the certificate of this login is not the one that was checked; log in again";

/// To a managed account, when the journal takes no entries.
pub const NO_JOURNAL: &str = "this host cannot write its journal, so nobody is let in who must be journalled; ask whoever runs it";

/// To a session's sudo, where a cosignature must come first and does not.
pub const NOT_WITNESSED: &str = "daypass: this host lets sudo run only after its collector has confirmed the request, and no confirmation comes. Try again in a minute; if it stays so, tell whoever runs this host.";

/// To a managed account's program outside a session.
pub const NO_SESSION: &str = "daypass: this account is under management and nobody is logged in to it with an open window, so nothing runs in its name.";

/// To a managed account that calls sudo outside a session.
pub const SUDO_WITHOUT_SESSION: &str = "daypass: sudo is for sessions with an open window; this is none. Log in again, or ask for a window with: daypass request";

/// To a session that wants to become another account, which its window does not grant.
pub const SU_NOT_GRANTED: &str =
    "daypass: this window does not grant it. Ask for a window that does: daypass request --sudo";

/// To a session whose window grants no sudo, or none for this.
#[must_use]
pub fn sudo_not_granted(window: WindowId) -> String {
    format!(
        "daypass: this window does not grant that. To see what it grants: daypass show {window}; to ask for one that does: daypass request --sudo"
    )
}

/// To a session whose account's sudo is another one's for now.
#[must_use]
pub fn sudo_taken(by: &Name) -> String {
    format!(
        "daypass: sudo in this account serves one window at a time on this host (its sudo is sudo-rs), and it is {by}'s for now. It is yours when {by} has logged out, without a new login."
    )
}

/// To a session whose sudo is withdrawn.
pub const SUDO_WITHHELD: &str = "daypass: sudo is withdrawn here for now: PAM does not ask daypass about it, or the rules are still being looked at. Try again in a minute; if it stays so, tell whoever runs this host (they look at: daypass-agent doctor).";

/// To a call of sudo that may have read other rules than those in force.
pub const SUDO_OLDER: &str =
    "daypass: what sudo may do here was changed while this call of it was under way. Try again.";

/// To a call of sudo beside very many others of the same session.
pub const SUDO_CROWDED: &str = "daypass: too many sudo commands of this session are waiting to begin. Try again when some of them run.";

/// To whoever wants to become a managed account.
pub const SU_INTO_MANAGED: &str = "daypass: this account is entered through approved windows only. Ask for one with: daypass request";
