//! Everything that the module says to people.

/// Shown to a managed account when the agent did not answer.
pub(crate) const NO_ANSWER: &str = "daypass: access to this account is checked by the daypass agent of this host, which does not \
     answer. Try again in a minute, then ask whoever runs this host (they look at: systemctl status daypass-agent).";

/// Shown when the user name changed in the middle of a PAM transaction.
pub(crate) const USER_CHANGED: &str = "daypass: the user name changed during this login, which is refused. Log in again under one name.";

/// Shown when the module itself failed for a managed account.
pub(crate) const FAILED: &str = "daypass: the login check of this host failed. Ask whoever runs this host; its system log says more.";

/// For syslog: a login or sudo of somebody who is not under management went on unseen.
pub(crate) fn unseen(phase: &str, user: &str, why: &str) -> String {
    format!(
        "daypass did not see {phase} of {user:?}, who is not under management and was let through: {why}"
    )
}

/// For syslog: a managed account was refused because the agent did not say yes.
pub(crate) fn refused(phase: &str, user: &str, why: &str) -> String {
    format!("daypass refused {phase} of {user:?}: {why}")
}

/// For syslog: the session's group could not be set.
pub(crate) fn no_group(gid: u32, why: &std::io::Error) -> String {
    format!("daypass could not give the session its group {gid}, so it has no sudo: {why}")
}

/// What a person may be shown of an agent's message: no control characters but the line break, and none that turns the
/// direction of what follows.
pub(crate) fn harmless(message: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    message
        .chars()
        .map(|c| {
            if (c.is_control() && c != '\n') || turns(c) {
                '?'
            } else {
                c
            }
        })
        .collect()
}
