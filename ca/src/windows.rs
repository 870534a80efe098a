//! What a window must be to be taken in. Pure: the document, the roster and the known hosts in, verdict out.

use std::collections::BTreeSet;

use daypass_protocol::api::Wish;
use daypass_protocol::digest::Pin;
use daypass_protocol::grant::{self, Grant};
use daypass_protocol::hours::{Hours, UnknownZone};
use daypass_protocol::key::{Fingerprint, Key};
use daypass_protocol::name::{HostName, Name};
use daypass_protocol::place::Place;
use daypass_protocol::roster::{Role, VerifiedRoster};
use daypass_protocol::time::{SKEW, Time};
use daypass_protocol::version::Version;
use daypass_protocol::window::{self, FrozenWindow, Window, WindowId};

use crate::policy::{self, PolicyRefusal};

/// Why a window was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum WindowRefusal {
    /// For another CA.
    #[error("the window is for the CA {found}, this one is {expected}")]
    OtherCa {
        /// This CA.
        expected: Pin,
        /// The one named.
        found: Pin,
    },
    /// The contractor is not in the roster.
    #[error("{0} is not in the roster; an admin adds people with: daypass person add")]
    UnknownContractor(Name),
    /// The contractor is somebody else's role.
    #[error("{0} does not have the role contractor")]
    NotAContractor(Name),
    /// A key that is not the contractor's.
    #[error("the roster does not list the key {key} for {contractor}")]
    ForeignKey {
        /// The key.
        key: Fingerprint,
        /// The contractor.
        contractor: Name,
    },
    /// A host that is not enrolled under this name.
    #[error("no host called {0} is enrolled; daypass host list shows those that are")]
    UnknownHost(HostName),
    /// A group without hosts.
    #[error("no enrolled host belongs to the group @{0}")]
    EmptyGroup(Name),
    /// Not a window document.
    #[error(transparent)]
    Malformed(#[from] window::Error),
    /// Its id says that it was written down at a time that is still to come.
    #[error(
        "the window's id {id} is dated {dated}, and it is {now} now; have the CA write the window down again: daypass request"
    )]
    Misdated {
        /// The id.
        id: WindowId,
        /// Its time.
        dated: Time,
        /// The CA's time.
        now: Time,
    },
    /// Over before it began.
    #[error("the window ended at {ends}; it is {now} now")]
    InThePast {
        /// Its end.
        ends: Time,
        /// The CA's time.
        now: Time,
    },
    /// Its hours are those of a place that nobody knows.
    #[error(
        "the CA's machine knows no time zone {}: check its spelling, as in Europe/Amsterdam, or have tzdata brought up to date there", .0.zone
    )]
    Zone(#[from] UnknownZone),
    /// Too large for its own certificate.
    #[error(transparent)]
    DoesNotFit(#[from] grant::Error),
    /// Against the policy.
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
}

impl WindowRefusal {
    /// For programs, and for the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherCa { .. } => "wrong-ca",
            Self::UnknownContractor(_) => "contractor-unknown",
            Self::NotAContractor(_) => "not-a-contractor",
            Self::ForeignKey { .. } => "foreign-key",
            Self::UnknownHost(_) => "unknown-host",
            Self::EmptyGroup(_) => "empty-group",
            Self::Malformed(_) => "window-invalid",
            Self::Misdated { .. } => "window-misdated",
            Self::InThePast { .. } => "window-ended",
            Self::Zone(_) => "unknown-zone",
            Self::DoesNotFit(_) => "window-too-large",
            Self::Policy(refusal) => refusal.code(),
        }
    }
}

/// Writes down what `wish` asks for: `places` are its hosts with groups and aliases resolved, the keys are those that
/// the roster lists for `contractor` now. A life of certificates beyond the policy's is cut to it.
///
/// # Errors
/// When the contractor is unknown, or what is asked for cannot be a window.
pub fn draft(
    wish: Wish,
    contractor: Name,
    places: &[Place],
    roster: &VerifiedRoster,
    id: WindowId,
) -> Result<FrozenWindow, WindowRefusal> {
    let person = roster
        .person(&contractor)
        .ok_or_else(|| WindowRefusal::UnknownContractor(contractor.clone()))?;
    let hosts: BTreeSet<HostName> = places.iter().map(|place| place.host().clone()).collect();
    let wished = wish.max_certificate_ttl.unwrap_or(u64::MAX);
    let mut document = Window {
        v: Version,
        id,
        ca: roster.pin(),
        keys: person.keys.iter().map(Key::fingerprint).collect(),
        contractor,
        hosts: hosts.into_iter().collect(),
        accounts: wish.accounts,
        sudo: wish.sudo,
        starts: wish.starts,
        ends: wish.ends,
        hours: wish.hours,
        sources: wish.sources,
        permit: wish.permit,
        force_command: wish.force_command,
        max_certificate_ttl: wished,
        reason: wish.reason,
        ticket: wish.ticket,
        extends: wish.extends,
    };
    known_hours(&document)?;
    document.max_certificate_ttl = wished.min(roster.policy.certificate_ttl(&document, places));
    Ok(FrozenWindow::freeze(&document)?)
}

/// Refuses hours that no host could judge: every login would fail, days after somebody approved it.
fn known_hours(document: &Window) -> Result<(), UnknownZone> {
    document.hours.as_ref().map_or(Ok(()), Hours::check_zone)
}

/// Checks a document that is about to be taken in, whoever wrote it: nothing is believed because we drafted it.
/// `places` are the enrolled hosts among the window's.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check(
    window: &FrozenWindow,
    roster: &VerifiedRoster,
    places: &[Place],
    now: Time,
) -> Result<(), WindowRefusal> {
    let document = window.document();
    if document.ca != roster.pin() {
        return Err(WindowRefusal::OtherCa {
            expected: roster.pin(),
            found: document.ca,
        });
    }
    // A revocation of its contractor ends what was written down before it: hosts take no id that is dated after what was said.
    let dated = document.id.time();
    if dated > now.plus(SKEW) {
        return Err(WindowRefusal::Misdated {
            id: document.id,
            dated,
            now,
        });
    }
    let contractor = &document.contractor;
    let person = roster
        .person(contractor)
        .ok_or_else(|| WindowRefusal::UnknownContractor(contractor.clone()))?;
    if !person.is(Role::Contractor) {
        return Err(WindowRefusal::NotAContractor(contractor.clone()));
    }
    let known: Vec<Fingerprint> = person.keys.iter().map(Key::fingerprint).collect();
    if let Some(&key) = document.keys.iter().find(|key| !known.contains(key)) {
        return Err(WindowRefusal::ForeignKey {
            key,
            contractor: contractor.clone(),
        });
    }
    let is_enrolled = |host: &&HostName| places.iter().any(|place| place.host() == *host);
    if let Some(host) = document.hosts.iter().find(|host| !is_enrolled(host)) {
        return Err(WindowRefusal::UnknownHost(host.clone()));
    }
    if document.ends <= now {
        return Err(WindowRefusal::InThePast {
            ends: document.ends,
            now,
        });
    }
    known_hours(document)?;
    policy::check(document, places, &roster.policy)?;
    let approvals = roster.policy.enough_approvals(document, places);
    Ok(Grant::will_fit(window, approvals)?)
}
