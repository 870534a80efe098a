//! The PAM services that the module looks at. Everything else is none of its business.

/// What kind of door a PAM service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// `sshd`: three gates, two of them here.
    Sshd,
    /// `sudo`, `sudo-i`: guarded by who calls, not by `PAM_USER`, which rootpw and targetpw change.
    Sudo,
    /// `daypass-sudo`: only contractors' sudo is sent here, by our own sudoers lines.
    ContractorSudo,
    /// `su`, `su-l`.
    Su,
    /// `login`: the console.
    Login,
    /// `cron`, `atd`, `systemd-user`: doors that start something in the account's name without anybody logging in.
    Unattended,
}

impl Service {
    /// The service with this PAM name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "sshd" => Some(Self::Sshd),
            "sudo" | "sudo-i" => Some(Self::Sudo),
            "daypass-sudo" => Some(Self::ContractorSudo),
            "su" | "su-l" => Some(Self::Su),
            "login" => Some(Self::Login),
            "cron" | "atd" | "systemd-user" => Some(Self::Unattended),
            _ => None,
        }
    }

    /// Whether the agent hears of this service for people who are not under management, too.
    pub(crate) fn is_journalled_for_everyone(self) -> bool {
        self != Self::Unattended
    }

    /// Whether `PAM_USER` must stay the same in all phases. sudo and login set it anew, and may.
    pub(crate) fn keeps_its_user(self) -> bool {
        self == Self::Sshd
    }
}
