//! Statements that stop a window: revocations and early ends.

use crate::digest::Digest;
use crate::name::Name;
use crate::roster::{Chain, Role, VerifiedRoster};
use crate::statement::{self, SignedStatement, Verb, VerifiedStatement};
use crate::time::Time;
use crate::window::FrozenWindow;

/// A verified statement `revoke`, or `end`. It counts whatever its dates say and whoever left the roster since:
/// whatever stops people is believed longer than what lets them in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stop {
    statement: VerifiedStatement,
    revokes: bool,
}

/// Why a statement stops nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not count in any roster of the chain; this is what the newest says.
    #[error(transparent)]
    Statement(#[from] statement::Error),
    /// Another verb.
    #[error("a statement \"{0}\" does not stop a window")]
    Verb(Verb),
    /// Only approvers and admins revoke.
    #[error("{0} may not revoke windows; approvers and admins may")]
    MayNotRevoke(Name),
}

impl Stop {
    /// Checks a statement of the CA's state, or one just made, by any roster of the chain that lets it count, the newest
    /// first: so a revocation outlives its signer's place, key and roles.
    ///
    /// # Errors
    /// See [`enum@Error`]; where it counts in no roster, what the newest says.
    pub fn check(signed: &SignedStatement, chain: &Chain) -> Result<Self, Error> {
        let newest = Self::check_by(signed, chain.newest());
        if matches!(&newest, Ok(stop) if stop.revokes) {
            return newest;
        }
        // Who oversaw windows once may be somebody without a say now.
        let signer = signed.read_unverified().map(|read| read.signer);
        let is_unknown = newest.is_err();
        let older = chain.rosters().rev().skip(1).filter(|roster| {
            is_unknown || signer.as_ref().is_ok_and(|signer| oversees(roster, signer))
        });
        let mut best = newest;
        for stop in older.filter_map(|roster| Self::check_by(signed, roster).ok()) {
            if stop.revokes {
                return Ok(stop);
            }
            best = best.or(Ok(stop));
        }
        best
    }

    fn check_by(signed: &SignedStatement, roster: &VerifiedRoster) -> Result<Self, Error> {
        Self::judge(signed.check(roster)?, roster)
    }

    fn judge(statement: VerifiedStatement, roster: &VerifiedRoster) -> Result<Self, Error> {
        let is_authority = oversees(roster, statement.signer());
        match statement.verb() {
            Verb::Revoke if !is_authority => Err(Error::MayNotRevoke(statement.signer().clone())),
            Verb::Revoke | Verb::End => Ok(Self {
                statement,
                revokes: is_authority,
            }),
            verb => Err(Error::Verb(verb)),
        }
    }

    /// Whether it stops this window: it names it, and its signer is an approver, an admin, or the contractor.
    pub fn stops(&self, window: &FrozenWindow) -> bool {
        let statement = self.statement.statement();
        statement.window == window.hash()
            && (self.revokes || statement.signer == window.document().contractor)
    }

    /// The hash of the window that it names.
    pub fn window(&self) -> Digest {
        self.statement.statement().window
    }

    /// `revoke` or `end`.
    pub fn verb(&self) -> Verb {
        self.statement.verb()
    }

    /// By whom.
    pub fn signer(&self) -> &Name {
        self.statement.signer()
    }

    /// When it was said.
    pub fn time(&self) -> Time {
        self.statement.statement().time
    }

    /// Until when it is announced.
    pub fn expires(&self) -> Time {
        self.statement.statement().expires
    }

    /// Whether its signer may stop anybody's windows, and not their own alone.
    pub fn is_by_overseer(&self) -> bool {
        self.revokes
    }
}

/// Whether the roster lets this person stop and narrow anybody's windows.
pub(crate) fn oversees(roster: &VerifiedRoster, person: &Name) -> bool {
    roster
        .person(person)
        .is_some_and(|person| person.is(Role::Approver) || person.is(Role::Admin))
}
