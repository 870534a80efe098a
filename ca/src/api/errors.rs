//! What each error of the floors below means to a caller: a status, a code, a sentence. What failed on our side says
//! nothing but that; the log has it whole.

use axum::http::StatusCode;
use daypass_protocol::grant::{self, Turned};
use daypass_protocol::http_auth;
use daypass_protocol::{invitation, narrowing, revocation, statement};

use super::refusal::Refusal;
use crate::approve::StatementRefusal;
use crate::auth::AuthError;
use crate::authority::{AnnounceError, InvitationError, RoomError, TokenError};
use crate::case::CaseError;
use crate::hosts::HostRefusal;
use crate::invitations::InvitationRefusal;
use crate::issue::IssueError;
use crate::ledger::LedgerError;
use crate::narrow::NarrowingRefusal;
use crate::people::RollError;
use crate::random::NoRandomness;
use crate::store::StoreError;
use crate::windows::WindowRefusal;

macro_rules! failures {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for Refusal {
            fn from(error: $error) -> Self {
                Self::failure(&error)
            }
        })*
    };
}

failures!(
    AnnounceError,
    CaseError,
    IssueError,
    LedgerError,
    NoRandomness,
    StoreError,
    ssh_key::Error,
);

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        match &error {
            AuthError::Credential(cause @ http_auth::Error::Json(_)) => {
                Self::malformed(cause.code(), error.to_string())
            }
            AuthError::Credential(cause) => Self::unauthenticated(cause.code(), error.to_string()),
            AuthError::RevokedKey(_) => Self::unauthenticated("key-revoked", error.to_string()),
            AuthError::Replay(_) => Self::unauthenticated("replay", error.to_string()),
            AuthError::UnknownCertificate => {
                Self::unauthenticated("certificate-unknown", error.to_string())
            }
            AuthError::Nonces(_) | AuthError::Store(_) | AuthError::Damaged(_) => {
                Self::failure(&error)
            }
        }
    }
}

impl From<RollError> for Refusal {
    fn from(error: RollError) -> Self {
        match &error {
            RollError::NotNew { .. } => Self::conflict("roster-not-new", error.to_string()),
            RollError::KeyOfAnother { .. } => {
                Self::unacceptable("key-of-another", error.to_string())
            }
            RollError::Chain(_) => Self::unacceptable("roster-refused", error.to_string()),
        }
    }
}

impl From<statement::Error> for Refusal {
    fn from(error: statement::Error) -> Self {
        match &error {
            statement::Error::Json(_) => Self::malformed(error.code(), error.to_string()),
            _ => Self::forbidden(error.code(), error.to_string()),
        }
    }
}

impl From<revocation::Error> for Refusal {
    fn from(error: revocation::Error) -> Self {
        let message = error.to_string();
        match &error {
            revocation::Error::Json(_) => Self::malformed("statement-invalid", message),
            revocation::Error::Subject { .. } => Self::unacceptable("subject-invalid", message),
            revocation::Error::OtherCa { .. } => Self::forbidden("wrong-ca", message),
            revocation::Error::UnknownSigner(_) => Self::forbidden("signer-unknown", message),
            revocation::Error::Signature { .. } => Self::forbidden("signature-invalid", message),
            revocation::Error::ForeignKey { .. } => {
                Self::forbidden("signature-foreign-key", message)
            }
            revocation::Error::MayNot { .. } => Self::forbidden("not-concerned", message),
            revocation::Error::Untimely { .. } => Self::unacceptable("statement-expired", message),
            revocation::Error::Expires { .. } => Self::unacceptable("revocation-expires", message),
        }
    }
}

impl From<StatementRefusal> for Refusal {
    fn from(refusal: StatementRefusal) -> Self {
        let status = match &refusal {
            StatementRefusal::OtherDocument { .. }
            | StatementRefusal::Untimely(_)
            | StatementRefusal::Beginning(_)
            | StatementRefusal::NoBeginning(_) => StatusCode::UNPROCESSABLE_ENTITY,
            StatementRefusal::Twice { .. } | StatementRefusal::TooLate { .. } => {
                StatusCode::CONFLICT
            }
            StatementRefusal::NotTheSenders { .. }
            | StatementRefusal::Role { .. }
            | StatementRefusal::WeakKey { .. }
            | StatementRefusal::OwnWindow { .. }
            | StatementRefusal::OwnRequest { .. }
            | StatementRefusal::NotConcerned { .. } => StatusCode::FORBIDDEN,
        };
        Self::with(status, refusal.code(), refusal.to_string())
    }
}

impl From<NarrowingRefusal> for Refusal {
    fn from(refusal: NarrowingRefusal) -> Self {
        let status = match &refusal {
            NarrowingRefusal::Narrowing(narrowing::Error::Json(_)) => StatusCode::BAD_REQUEST,
            NarrowingRefusal::Narrowing(
                narrowing::Error::Nothing
                | narrowing::Error::Count { .. }
                | narrowing::Error::Untimely { .. },
            )
            | NarrowingRefusal::Expires { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            NarrowingRefusal::Standing(_)
            | NarrowingRefusal::NotLeft(_)
            | NarrowingRefusal::Nothing
            | NarrowingRefusal::TooOften(_) => StatusCode::CONFLICT,
            NarrowingRefusal::Narrowing(_)
            | NarrowingRefusal::NotTheSenders { .. }
            | NarrowingRefusal::NotConcerned(_) => StatusCode::FORBIDDEN,
        };
        Self::with(status, refusal.code(), refusal.to_string())
    }
}

impl From<RoomError> for Refusal {
    fn from(error: RoomError) -> Self {
        match &error {
            RoomError::OfAll | RoomError::OfOne(_) => {
                Self::conflict("state-full", error.to_string())
            }
            RoomError::Store(_) | RoomError::Damaged { .. } => Self::failure(&error),
        }
    }
}

impl From<WindowRefusal> for Refusal {
    fn from(refusal: WindowRefusal) -> Self {
        Self::unacceptable(refusal.code(), refusal.to_string())
    }
}

impl From<HostRefusal> for Refusal {
    fn from(refusal: HostRefusal) -> Self {
        match &refusal {
            HostRefusal::UnknownToken
            | HostRefusal::TokenExpired { .. }
            | HostRefusal::TokenUsed { .. } => Self::forbidden(refusal.code(), refusal.to_string()),
            HostRefusal::NameTaken { .. } | HostRefusal::NamePromised(_) => {
                Self::conflict(refusal.code(), refusal.to_string())
            }
            _ => Self::unacceptable(refusal.code(), refusal.to_string()),
        }
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused(refusal) => Self::unacceptable(refusal.code(), refusal.to_string()),
            TokenError::Name(refusal) => refusal.into(),
            error => Self::failure(&error),
        }
    }
}

impl From<InvitationRefusal> for Refusal {
    fn from(refusal: InvitationRefusal) -> Self {
        let status = match &refusal {
            InvitationRefusal::Acceptance(invitation::Error::Json(_)) => StatusCode::BAD_REQUEST,
            InvitationRefusal::Unknown
            | InvitationRefusal::Acceptance(_)
            | InvitationRefusal::OtherCa { .. }
            | InvitationRefusal::KeyRevoked(_) => StatusCode::FORBIDDEN,
            InvitationRefusal::NotInvited(_) => StatusCode::NOT_FOUND,
            InvitationRefusal::PersonExists(_)
            | InvitationRefusal::TooMany
            | InvitationRefusal::Used => StatusCode::CONFLICT,
            InvitationRefusal::Seconds(_)
            | InvitationRefusal::Roles(_)
            | InvitationRefusal::OtherInvitation(_)
            | InvitationRefusal::RecoveryKey(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::with(status, refusal.code(), refusal.to_string())
    }
}

impl From<InvitationError> for Refusal {
    fn from(error: InvitationError) -> Self {
        match error {
            InvitationError::Refused(refusal) => refusal.into(),
            InvitationError::Key(error) => error.into(),
            error => Self::failure(&error),
        }
    }
}

impl From<grant::Refusal> for Refusal {
    fn from(refusal: grant::Refusal) -> Self {
        Self::forbidden(refusal.code(), refusal.to_string())
    }
}

impl From<Turned> for Refusal {
    fn from(turned: Turned) -> Self {
        Self::forbidden(turned.code(), turned.to_string())
    }
}
