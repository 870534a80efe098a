//! Somebody at the door of a host.

use super::ApprovedWindow;
use crate::hours::{Outside, UnknownZone};
use crate::name::{Account, HostName};
use crate::time::Time;
use crate::window::Window;
use std::net::IpAddr;

/// Where somebody wants in, as whom, from where, and when.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// Every name of the host: the enrolled one and its aliases.
    pub host: &'a [HostName],
    /// The Unix account.
    pub account: &'a Account,
    /// The client's address; `None` when it is not known, which a window that names sources refuses.
    pub source: Option<IpAddr>,
    /// By the host's clock.
    pub now: Time,
}

/// A visit that the window allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// In every respect.
    Expected,
    /// Outside the window's hours, which asks only that it be told.
    OutsideHours,
}

/// Why a window does not allow a visit.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Turned {
    /// Too early.
    #[error("the window opens at {starts}; come back then")]
    NotYet {
        /// When it opens.
        starts: Time,
    },
    /// Too late.
    #[error("the window ended at {ends}; ask for a new one with: daypass request")]
    Ended {
        /// When it ended.
        ends: Time,
    },
    /// The host is not named.
    #[error("the window is not for this host; ask for one with: daypass request --host")]
    OtherHost,
    /// The account is not named.
    #[error(
        "the window is not for the account {0}; ask for one with: daypass request --account {0}"
    )]
    OtherAccount(Account),
    /// The window named it, and was narrowed since.
    #[error("the window was narrowed and is not for {0} any more; daypass show tells by whom")]
    Narrowed(&'static str),
    /// The address is in none of the networks.
    #[error("the window does not allow logins from {0}")]
    Source(IpAddr),
    /// The window names networks, and the address is not known.
    #[error("the window allows logins from some addresses only, and yours is not known here")]
    UnknownSource,
    /// Outside the hours of a window that says `deny`.
    #[error("the window is closed at this hour ({zone} time)")]
    OutsideHours {
        /// Whose clocks count.
        zone: String,
    },
    /// The hours cannot be judged.
    #[error("the window's hours cannot be judged: {0}")]
    Zone(#[from] UnknownZone),
}

impl Turned {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotYet { .. } => "window-not-open-yet",
            Self::Ended { .. } => "window-ended",
            Self::OtherHost => "wrong-host",
            Self::OtherAccount(_) => "wrong-account",
            Self::Narrowed(_) => "window-narrowed",
            Self::Source(_) => "wrong-source",
            Self::UnknownSource => "unknown-source",
            Self::OutsideHours { .. } => "outside-hours",
            Self::Zone(_) => "unknown-zone",
        }
    }
}

impl ApprovedWindow {
    /// Decides whether the window lets this visitor in now.
    pub fn admits(&self, visit: &Visit<'_>) -> Result<Admission, Turned> {
        let (document, left) = (self.document(), self.left());
        let is_here = |window: &Window| window.hosts.iter().any(|host| visit.host.contains(host));
        if !is_here(document) {
            return Err(Turned::OtherHost);
        }
        if !document.accounts.contains(visit.account) {
            return Err(Turned::OtherAccount(visit.account.clone()));
        }
        if !is_here(left) {
            return Err(Turned::Narrowed("this host"));
        }
        if !left.accounts.contains(visit.account) {
            return Err(Turned::Narrowed("this account"));
        }
        self.admits_from(visit.source)?;
        self.admits_at(visit.now)
    }

    /// Whether the window is open at this time, wherever somebody comes from and goes to.
    pub fn admits_at(&self, now: Time) -> Result<Admission, Turned> {
        let document = self.left();
        // Narrowed to end before it begins, it never opens.
        if now < document.starts && document.starts < document.ends {
            return Err(Turned::NotYet {
                starts: document.starts,
            });
        }
        if document.ends <= now || document.ends <= document.starts {
            return Err(Turned::Ended {
                ends: document.ends,
            });
        }
        match &document.hours {
            Some(hours) if !hours.contains(now)? => match hours.outside {
                Outside::Deny => Err(Turned::OutsideHours {
                    zone: hours.zone.to_string(),
                }),
                Outside::Alert => Ok(Admission::OutsideHours),
            },
            _ => Ok(Admission::Expected),
        }
    }

    fn admits_from(&self, source: Option<IpAddr>) -> Result<(), Turned> {
        let Some(networks) = &self.document().sources else {
            return Ok(());
        };
        let source = source.ok_or(Turned::UnknownSource)?;
        if networks.iter().any(|network| network.contains(source)) {
            Ok(())
        } else {
            Err(Turned::Source(source))
        }
    }
}
