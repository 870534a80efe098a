//! Whom a rule is for, and how the two sudos are told.

use std::fmt::Write as _;

use daypass_protocol::sudo_item::SudoItem;
use serde_json::{Value, json};

/// What holds for sudo inside these sessions, whatever the site's own files say: PAM decides, through our own service,
/// about the caller. What the session's rules do not grant needs a password: PAM hears of it then, `sudo -n` or not,
/// and once.
const OF_GROUP: &str = "pam_service=daypass-sudo, pam_login_service=daypass-sudo, pam_askpass_service=daypass-sudo, \
     pam_acct_mgmt, pam_session, !rootpw, !targetpw, !runaspw, noninteractive_auth, passwd_tries=1";
/// Both sudos read this; sudo-rs would tell everybody of settings that it does not know.
const OF_ACCOUNT: &str = "!rootpw, !targetpw, passwd_tries=1";

/// Whom rules are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grantee {
    /// One session, by the group that only its processes carry.
    Group(u32),
    /// An account, by its uid: sudo-rs does not look at a process's groups.
    Account(u32),
}

/// The two forms of rules: what sudo's tools say of some depends on it, and not on the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Group,
    Account,
}

impl Grantee {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Group(_) => Kind::Group,
            Self::Account(_) => Kind::Account,
        }
    }

    /// The rules, as they stand in sudoers.
    pub(super) fn rules(self, items: &[SudoItem]) -> String {
        let (user, defaults) = match self {
            Self::Group(gid) => (format!("%#{gid}"), OF_GROUP),
            Self::Account(uid) => (format!("#{uid}"), OF_ACCOUNT),
        };
        let mut text = format!("Defaults:{user} {defaults}\n");
        for item in items {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{user} ALL = {}", item.to_sudoers());
        }
        text
    }

    /// The same in the words of `cvtsudoers`.
    pub(super) fn user_list(self) -> Value {
        match self {
            Self::Group(gid) => json!([{ "usergid": gid }]),
            Self::Account(uid) => json!([{ "userid": uid }]),
        }
    }
}
