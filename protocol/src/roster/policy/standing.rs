//! Windows that the roster's signers have approved in advance: "every Tuesday 20:00–22:00 until March".

use super::MAX_ENTRIES;
use crate::cidr::Cidr;
use crate::hours::{Hours, Outside, UnknownZone};
use crate::line::Line;
use crate::name::{Account, HostName, Name};
use crate::place::Place;
use crate::sudo_item::SudoItem;
use crate::time::Time;
use crate::window::{Permit, Window};
use serde::{Deserialize, Serialize};

/// What is approved in advance. A window that asks for nothing beyond it needs no approvals.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// By which people name it.
    pub name: Name,
    /// For whom.
    pub contractors: Vec<Name>,
    /// On these hosts …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostName>,
    /// … and on those in these groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Name>,
    /// As these accounts.
    pub accounts: Vec<Account>,
    /// With no other sudo than this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sudo: Vec<SudoItem>,
    /// At these hours; `outside` is `deny`.
    pub hours: Hours,
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Time>,
    /// Not after.
    pub until: Time,
    /// From these networks alone; absent means from anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<Cidr>>,
    /// With no other permissions than these.
    pub permit: Vec<Permit>,
    /// With exactly this command; absent means with any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_command: Option<Line<1024>>,
}

/// Why a standing window cannot be one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidStanding {
    /// A list that is empty and must not be, or too long.
    #[error("{list} has {found} entries, 1 to 64 are allowed")]
    Count {
        /// The key in the document.
        list: &'static str,
        /// How many.
        found: usize,
    },
    /// It would be open at every hour.
    #[error("its hours say \"alert\": what is approved in advance must close outside them")]
    NeverCloses,
    /// It would be over before it begins.
    #[error("it would end before it starts")]
    Backwards,
}

impl Standing {
    pub(super) fn check(&self) -> Result<(), InvalidStanding> {
        for (list, found, least) in [
            ("contractors", self.contractors.len(), 1),
            ("hosts and groups", self.hosts.len() + self.groups.len(), 1),
            ("accounts", self.accounts.len(), 1),
            ("sudo", self.sudo.len(), 0),
            ("sources", self.sources.as_ref().map_or(1, Vec::len), 1),
            ("permit", self.permit.len(), 0),
        ] {
            if !(least..=MAX_ENTRIES).contains(&found) {
                return Err(InvalidStanding::Count { list, found });
            }
        }
        if self.hours.outside != Outside::Deny {
            return Err(InvalidStanding::NeverCloses);
        }
        match self.starts {
            Some(starts) if self.until <= starts => Err(InvalidStanding::Backwards),
            _ => Ok(()),
        }
    }

    /// Whether it approves `window` as far as these hosts are concerned. Where the zone of its hours is unknown it
    /// approves nothing.
    pub fn covers(&self, window: &Window, places: &[Place]) -> bool {
        self.contractors.contains(&window.contractor)
            && !places.is_empty()
            && places
                .iter()
                .all(|place| place.is_among(&self.hosts, &self.groups))
            && all_in(&window.accounts, &self.accounts)
            && all_in(&window.sudo, &self.sudo)
            && all_in(&window.permit, &self.permit)
            && self.covers_sources(window)
            && (self.force_command.is_none() || self.force_command == window.force_command)
            && self.starts.is_none_or(|starts| starts <= window.starts)
            && window.ends <= self.until
            && self.covers_hours(window).unwrap_or(false)
    }

    fn covers_sources(&self, window: &Window) -> bool {
        match (&self.sources, &window.sources) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(networks), Some(sources)) => sources
                .iter()
                .all(|source| networks.iter().any(|network| network.covers(*source))),
        }
    }

    /// One turn of it, or as many as the window's own hours give, which are then the same.
    fn covers_hours(&self, window: &Window) -> Result<bool, UnknownZone> {
        if window.hours.as_ref() == Some(&self.hours) {
            return self.hours.contains(window.starts).map(|_| true);
        }
        let closes = self.hours.open_until(window.starts, window.ends)?;
        Ok(closes == Some(window.ends))
    }
}

fn all_in<T: PartialEq>(some: &[T], all: &[T]) -> bool {
    some.iter().all(|one| all.contains(one))
}
