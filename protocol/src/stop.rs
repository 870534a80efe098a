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
    /// Checks a statement of the CA's state, or one just made. The signer is judged by the newest roster that knows
    /// the signature, so that a revocation outlives the one who made it.
    pub fn check(signed: &SignedStatement, chain: &Chain) -> Result<Self, Error> {
        let older = || {
            chain
                .rosters()
                .rev()
                .skip(1)
                .find_map(|roster| Some((signed.check(roster).ok()?, roster)))
        };
        match signed.check(chain.newest()) {
            Ok(statement) => Self::judge(statement, chain.newest()),
            Err(error) => {
                let (statement, roster) = older().ok_or(error)?;
                Self::judge(statement, roster)
            }
        }
    }

    fn judge(statement: VerifiedStatement, roster: &VerifiedRoster) -> Result<Self, Error> {
        let is_authority = roster
            .person(statement.signer())
            .is_some_and(|person| person.is(Role::Approver) || person.is(Role::Admin));
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
}
