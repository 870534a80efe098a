//! The proof that a window is approved.

use super::Grant;
use crate::hours::{Outside, UnknownZone};
use crate::key::Fingerprint;
use crate::name::Name;
use crate::narrowing::Limits;
use crate::statement::VerifiedStatement;
use crate::time::Time;
use crate::window::{FrozenWindow, Window};
use std::collections::BTreeSet;

/// A window that the people whom the roster asks have approved. Only [`Grant::check`] makes one. It says nothing of
/// stops (see [`crate::stop`]) and narrowings (see [`ApprovedWindow::narrowed`]), nor of who is coming where and when (see [`ApprovedWindow::admits`]).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApprovedWindow {
    grant: Grant,
    window: FrozenWindow,
    left: Window,
    keys: Vec<Fingerprint>,
    approval: Approval,
    certificate_ttl: u64,
    roster: u64,
}

/// Who said what that approves a window.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Approval {
    pub(super) statements: Vec<VerifiedStatement>,
    pub(super) opener: Name,
    pub(super) approvers: BTreeSet<Name>,
}

impl ApprovedWindow {
    pub(super) fn new(
        grant: Grant,
        window: FrozenWindow,
        keys: Vec<Fingerprint>,
        approval: Approval,
        certificate_ttl: u64,
        roster: u64,
    ) -> Self {
        Self {
            grant,
            left: window.document().clone(),
            window,
            keys,
            approval,
            certificate_ttl,
            roster,
        }
    }

    /// The same window, narrowed as these limits say.
    #[must_use]
    pub fn narrowed(self, limits: &Limits) -> Self {
        Self {
            left: limits.left_of(&self.left),
            ..self
        }
    }

    /// What the window says and nobody has narrowed since: what decides.
    pub fn left(&self) -> &Window {
        &self.left
    }

    /// What the window says, as it was approved.
    pub fn document(&self) -> &Window {
        self.window.document()
    }

    /// The window with its bytes and hash.
    pub fn window(&self) -> &FrozenWindow {
        &self.window
    }

    /// The window and its statements as they were checked.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The window's keys that are still the contractor's; never empty.
    pub fn keys(&self) -> &[Fingerprint] {
        &self.keys
    }

    /// Who asked for it, or granted it.
    pub fn opener(&self) -> &Name {
        &self.approval.opener
    }

    /// Who approved it, the granter included.
    pub fn approvers(&self) -> &BTreeSet<Name> {
        &self.approval.approvers
    }

    /// The statements by which it is approved, each with the key that signed it. Whether one of these keys was revoked since is for
    /// those to judge who know of revocations.
    pub fn statements(&self) -> &[VerifiedStatement] {
        &self.approval.statements
    }

    /// The longest life of a certificate in seconds, by the window and by policy.
    pub fn certificate_ttl(&self) -> u64 {
        self.certificate_ttl
    }

    /// The number of the roster that it was judged by.
    pub fn roster(&self) -> u64 {
        self.roster
    }

    /// When a session that is open at `now` must end: at the window's end, or where its hours end if nobody may be
    /// inside at other times.
    pub fn closes(&self, now: Time) -> Result<Time, UnknownZone> {
        let left = self.left();
        match &left.hours {
            Some(hours) if hours.outside == Outside::Deny => {
                Ok(hours.open_until(now, left.ends)?.unwrap_or(now))
            }
            _ => Ok(left.ends),
        }
    }
}
