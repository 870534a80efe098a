//! Why a window is not approved.

use crate::digest::Pin;
use crate::name::Name;
use crate::roster::policy::Unmet;
use crate::statement::{self, Untimely, Verb};
use crate::time::Time;
use crate::window;

/// One cause each; [`Refusal::code`] for programs, `Display` for people.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The document itself.
    #[error(transparent)]
    Window(#[from] window::Error),
    /// A window of another CA.
    #[error("the window is of the CA {found}, this is {expected}")]
    OtherCa {
        /// This CA.
        expected: Pin,
        /// The one named.
        found: Pin,
    },
    /// Over.
    #[error("the window ended at {ends}; ask for a new one with: daypass request")]
    Ended {
        /// When.
        ends: Time,
    },
    /// Against the policy, or not enough approvals by it.
    #[error(transparent)]
    Policy(#[from] Unmet),
    /// Not in the roster.
    #[error("{0} is not in the roster any more")]
    UnknownContractor(Name),
    /// In the roster, for other things.
    #[error("{0} does not have the role contractor")]
    NotAContractor(Name),
    /// None of the window's keys is the contractor's now.
    #[error("none of the window's keys belongs to {0} any more; ask for a new window")]
    NoLiveKey(Name),
    /// More statements than are looked at.
    #[error("{0} statements are carried, at most 32 are looked at")]
    TooManyStatements(usize),
    /// A statement that does not count.
    #[error(transparent)]
    Statement(#[from] statement::Error),
    /// A statement about another document.
    #[error("{signer}'s \"{verb}\" is about another window")]
    OtherWindow {
        /// Whose.
        signer: Name,
        /// Which.
        verb: Verb,
    },
    /// A statement from the future or the past.
    #[error("{signer}'s \"{verb}\" does not count now: {source}")]
    Untimely {
        /// Whose.
        signer: Name,
        /// Which.
        verb: Verb,
        /// Which of the two.
        source: Untimely,
    },
    /// A statement that has no place in a grant.
    #[error("a statement \"{0}\" does not approve anything")]
    UnfitVerb(Verb),
    /// Nobody asked.
    #[error("nobody has asked for the window")]
    NoRequest,
    /// More than one request or grant.
    #[error("the window has more than one request or grant")]
    TwoRequests,
    /// Neither the contractor nor somebody who may ask for others.
    #[error("{0} may not ask for a window for somebody else; approvers may")]
    MayNotAsk(Name),
    /// The approver's role is missing.
    #[error("{0} is not an approver")]
    NotAnApprover(Name),
    /// The beneficiary signs.
    #[error("{0} cannot approve a window of their own")]
    OwnWindow(Name),
    /// The requester signs.
    #[error("{0} cannot approve what they asked for")]
    OwnRequest(Name),
    /// One person, two approvals.
    #[error("{0} has approved already; one person counts once")]
    Twice(Name),
}

impl Refusal {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Window(_) => "window-invalid",
            Self::OtherCa { .. } => "wrong-ca",
            Self::Ended { .. } => "window-ended",
            Self::Policy(unmet) => unmet.code(),
            Self::UnknownContractor(_) => "contractor-unknown",
            Self::NotAContractor(_) => "not-a-contractor",
            Self::NoLiveKey(_) => "keys-revoked",
            Self::TooManyStatements(_) => "too-many-statements",
            Self::Statement(error) => error.code(),
            Self::OtherWindow { .. } => "statement-other-window",
            Self::Untimely {
                source: Untimely::Early { .. },
                ..
            } => "statement-not-yet",
            Self::Untimely {
                source: Untimely::Expired { .. },
                ..
            } => "statement-expired",
            Self::UnfitVerb(_) => "statement-unfit",
            Self::NoRequest => "not-requested",
            Self::TwoRequests => "requested-twice",
            Self::MayNotAsk(_) => "may-not-ask",
            Self::NotAnApprover(_) => "not-an-approver",
            Self::OwnWindow(_) => "own-window",
            Self::OwnRequest(_) => "own-request",
            Self::Twice(_) => "approved-twice",
        }
    }
}
