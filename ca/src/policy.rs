//! What the roster's policy says about a window that is about to be taken in.

use daypass_protocol::place::Place;
use daypass_protocol::roster::Policy;
use daypass_protocol::roster::policy::Unmet;
use daypass_protocol::window::Window;

/// Why the policy does not allow a window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefusal {
    /// The document does not meet a demand; hosts judge this too.
    #[error(transparent)]
    Unmet(#[from] Unmet),
    /// Its certificates would live longer than certificates may.
    #[error("its certificates would live {found} seconds; the policy allows {most}")]
    CertificateTtl {
        /// `max_certificate_ttl` of the window.
        found: u64,
        /// The policy's, or a rule's.
        most: u64,
    },
}

impl PolicyRefusal {
    /// For programs, and for the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unmet(unmet) => unmet.code(),
            Self::CertificateTtl { .. } => "certificate-ttl",
        }
    }
}

/// Holds `window`, which is for these hosts, against `policy`.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(window: &Window, places: &[Place], policy: &Policy) -> Result<(), PolicyRefusal> {
    policy.permits(window, places)?;
    let (found, most) = (
        window.max_certificate_ttl,
        policy.certificate_ttl(window, places),
    );
    if found > most {
        return Err(PolicyRefusal::CertificateTtl { found, most });
    }
    Ok(())
}
