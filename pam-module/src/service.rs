//! The PAM services that the module looks at. Everything else is none of its business.

use crate::phase::Phase;

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

    /// Whether the agent hears of this phase. A password is asked for by contractors' sudo only where no rule grants
    /// the command; everywhere else passwords are none of our business. The end of a sudo is that of its process, which
    /// the agent sees by itself.
    pub(crate) fn is_asked_in(self, phase: Phase) -> bool {
        match phase {
            Phase::Account => true,
            Phase::Open => self != Self::Unattended,
            Phase::Close => self != Self::Unattended && !self.is_sudo(),
            Phase::Authenticate => self == Self::ContractorSudo,
        }
    }

    /// Whether the answer decides anything in this phase. sudo runs its command whatever its session phase says: the
    /// account phase has decided.
    pub(crate) fn awaits_answer_in(self, phase: Phase) -> bool {
        !(phase == Phase::Open && self.is_sudo())
    }

    /// Whether it is sudo's, in whatever form.
    pub(crate) fn is_sudo(self) -> bool {
        matches!(self, Self::Sudo | Self::ContractorSudo)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_our_business_in_contractors_sudo_only() {
        for name in ["sshd", "sudo", "sudo-i", "su", "su-l", "login", "cron"] {
            let service = Service::named(name).unwrap();
            assert!(!service.is_asked_in(Phase::Authenticate), "{name}");
            assert!(service.is_asked_in(Phase::Account), "{name}");
        }
        assert!(Service::ContractorSudo.is_asked_in(Phase::Authenticate));
    }

    #[test]
    fn sudo_tells_of_its_session_and_waits_for_its_account_only() {
        for name in ["sudo", "sudo-i", "daypass-sudo"] {
            let service = Service::named(name).unwrap();
            assert!(service.awaits_answer_in(Phase::Account), "{name}");
            assert!(service.is_asked_in(Phase::Open), "{name}");
            assert!(!service.awaits_answer_in(Phase::Open), "{name}");
            assert!(!service.is_asked_in(Phase::Close), "{name}");
        }
        for name in ["sshd", "login", "su"] {
            let service = Service::named(name).unwrap();
            assert!(service.awaits_answer_in(Phase::Open), "{name}");
            assert!(service.is_asked_in(Phase::Close), "{name}");
        }
    }
}
