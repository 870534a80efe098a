//! Why a certificate is not one of ours.

use super::KeyId;
use crate::grant;
use crate::key::{self, Fingerprint};
use crate::time::Time;
use crate::window::{self, WindowId};

/// One cause each; [`Refusal::code`] for programs, `Display` for people.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Signed by a key that may not sign: a certificate, DSA, short RSA.
    #[error("the certificate's signing key is not fit to sign: {0}")]
    AuthorityKey(key::Error),
    /// Signed by a key that is no CA here.
    #[error("the certificate is signed by {0}, which is no CA that this host trusts")]
    UnknownAuthority(Fingerprint),
    /// The signature does not match.
    #[error("the certificate has been altered: its signature does not match")]
    Signature,
    /// A host certificate.
    #[error("the certificate is for a host, not for a person")]
    NotForUsers,
    /// 0, or above 63 bits.
    #[error("the certificate has the serial number {0}, which is never given out")]
    Serial(u64),
    /// The certified key is not fit: a certificate, DSA, short RSA.
    #[error("the certified key is not fit: {0}")]
    SubjectKey(key::Error),
    /// `window@daypass` or `state@daypass` is not there.
    #[error("the certificate lacks the extension {0}; fetch a new one with: daypass login")]
    ExtensionMissing(&'static str),
    /// `window@daypass` is unreadable.
    #[error(transparent)]
    Grant(#[from] grant::Error),
    /// The window inside is unreadable.
    #[error(transparent)]
    Window(#[from] window::Error),
    /// Not exactly one principal, or another than the window's id.
    #[error(
        "the certificate must have exactly one principal, {expected}; it has {found}, or another one"
    )]
    Principals {
        /// The window's id.
        expected: WindowId,
        /// How many it has.
        found: usize,
    },
    /// The key id does not name window and contractor.
    #[error("the certificate's key id is not {expected}")]
    KeyId {
        /// What window and contractor give.
        expected: KeyId,
    },
    /// Valid for ever, or past what dates can express.
    #[error("the certificate never expires; certificates of ours do")]
    Endless,
    /// Begins before the window's beginning, or ends after its end.
    #[error("the certificate is valid outside its window")]
    OutlivesWindow,
    /// Lives longer than the window allows.
    #[error("the certificate lives longer than the {most} seconds that its window allows")]
    TooLongLived {
        /// The bound in seconds, skew included.
        most: u64,
    },
    /// Not yet.
    #[error("the certificate is valid from {after}; check the clocks")]
    NotYetValid {
        /// From when.
        after: Time,
    },
    /// Not any more.
    #[error("the certificate expired at {before}; fetch a new one with: daypass login")]
    Expired {
        /// Until when.
        before: Time,
    },
    /// A critical option that the window does not have.
    #[error("the certificate has the critical option {0:?}, which its window does not have")]
    UnknownOption(String),
    /// A critical option with another value than the window's.
    #[error("the certificate's critical option {0:?} is not the window's")]
    OptionDiffers(String),
    /// A critical option of the window is not there.
    #[error("the certificate lacks the critical option {0:?} of its window")]
    OptionMissing(&'static str),
    /// An extension that the window does not permit.
    #[error("the certificate has the extension {0:?}, which its window does not permit")]
    ExtensionNotPermitted(String),
    /// The certified key is not one of the window's.
    #[error("the certified key {0} is not among the window's keys")]
    ForeignKey(Fingerprint),
    /// `state@daypass` is not a number.
    #[error("the certificate's extension state@daypass is not a number")]
    State,
}

impl Refusal {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AuthorityKey(_) => "authority-unfit",
            Self::UnknownAuthority(_) => "authority-unknown",
            Self::Signature => "certificate-altered",
            Self::NotForUsers => "not-a-user-certificate",
            Self::Serial(_) => "serial-invalid",
            Self::SubjectKey(_) => "key-unfit",
            Self::ExtensionMissing(_) => "extension-missing",
            Self::Grant(_) => "grant-invalid",
            Self::Window(_) => "window-invalid",
            Self::Principals { .. } => "principals-invalid",
            Self::KeyId { .. } => "key-id-invalid",
            Self::Endless => "certificate-endless",
            Self::OutlivesWindow => "certificate-outlives-window",
            Self::TooLongLived { .. } => "certificate-too-long-lived",
            Self::NotYetValid { .. } => "certificate-not-yet-valid",
            Self::Expired { .. } => "certificate-expired",
            Self::UnknownOption(_) => "option-unknown",
            Self::OptionDiffers(_) => "option-differs",
            Self::OptionMissing(_) => "option-missing",
            Self::ExtensionNotPermitted(_) => "extension-not-permitted",
            Self::ForeignKey(_) => "key-not-in-window",
            Self::State => "state-number-invalid",
        }
    }
}
