//! What the roster's policy says about a window.

use daypass_protocol::roster::Policy;
use daypass_protocol::window::Window;

/// Why the policy does not allow a window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefusal {
    /// Longer than windows may be.
    #[error("the window lasts {found} seconds; the policy allows {most}")]
    TooLong {
        /// Its length in seconds.
        found: u64,
        /// `policy.max_window`.
        most: u64,
    },
    /// Its certificates would live longer than certificates may.
    #[error("its certificates would live {found} seconds; the policy allows {most}")]
    CertificateTtl {
        /// `max_certificate_ttl` of the window.
        found: u64,
        /// `policy.max_certificate_ttl`.
        most: u64,
    },
}

impl PolicyRefusal {
    /// For programs, and for the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "window-too-long",
            Self::CertificateTtl { .. } => "certificate-ttl",
        }
    }
}

/// Holds `window` against `policy`.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(window: &Window, policy: &Policy) -> Result<(), PolicyRefusal> {
    let (found, most) = (window.length(), policy.max_window);
    if found > most {
        return Err(PolicyRefusal::TooLong { found, most });
    }
    let (found, most) = (window.max_certificate_ttl, policy.max_certificate_ttl);
    if found > most {
        return Err(PolicyRefusal::CertificateTtl { found, most });
    }
    Ok(())
}
