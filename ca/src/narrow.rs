//! How windows are narrowed: whether one more narrowing may be taken, and which of them hosts have to hear of. Pure.

use daypass_protocol::name::Name;
use daypass_protocol::narrowing::{self, Limits, Narrowing, SignedNarrowing, VerifiedNarrowing};
use daypass_protocol::time::Time;
use daypass_protocol::window::{FrozenWindow, Window};

use crate::store::StoredNarrowing;

/// How often one person may narrow one window: each is announced until the window's end.
const MOST_OF_ONE: usize = 8;

/// Why a narrowing was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NarrowingRefusal {
    /// It does not count.
    #[error(transparent)]
    Narrowing(#[from] narrowing::Error),
    /// Sent by somebody other than its signer.
    #[error("the narrowing is {signer}'s, and {sender} sent it; everybody sends their own")]
    NotTheSenders {
        /// Who signed.
        signer: Name,
        /// Who sent.
        sender: Name,
    },
    /// About another window, or by somebody whom this one does not concern.
    #[error(
        "{0} may not narrow this window: that is for its contractor, an approver or an admin, about exactly this document"
    )]
    NotConcerned(Name),
    /// Hosts would forget it before the window's end, or keep it for nothing.
    #[error("the narrowing counts until {found}; it has to until the window's end, {expected}")]
    Expires {
        /// The window's end.
        expected: Time,
        /// What it says.
        found: Time,
    },
    /// Nothing of what is left would go.
    #[error("that takes nothing away: the window is as narrow already")]
    Nothing,
    /// Often enough.
    #[error(
        "{0} has narrowed this window {MOST_OF_ONE} times; end it instead, or ask an approver to narrow it"
    )]
    TooOften(Name),
}

impl NarrowingRefusal {
    /// For programs, and for the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Narrowing(error) => error.code(),
            Self::NotTheSenders { .. } => "foreign-statement",
            Self::NotConcerned(_) => "not-concerned",
            Self::Expires { .. } => "narrowing-expires",
            Self::Nothing => "narrows-nothing",
            Self::TooOften(_) => "narrowed-too-often",
        }
    }
}

/// Whether `narrowing` may be added to those that were `said` about `window`.
///
/// # Errors
/// When it may not.
pub fn add(
    window: &FrozenWindow,
    said: &[Narrowing],
    narrowing: &VerifiedNarrowing,
    sender: &Name,
    now: Time,
) -> Result<(), NarrowingRefusal> {
    let signer = narrowing.signer();
    if signer != sender {
        return Err(NarrowingRefusal::NotTheSenders {
            signer: signer.clone(),
            sender: sender.clone(),
        });
    }
    narrowing.is_new(now)?;
    if !narrowing.narrows(window) {
        return Err(NarrowingRefusal::NotConcerned(signer.clone()));
    }
    let (expected, found) = (window.document().ends, narrowing.narrowing().expires);
    if expected != found {
        return Err(NarrowingRefusal::Expires { expected, found });
    }
    let left = |said: &mut dyn Iterator<Item = &Narrowing>| {
        Limits::unverified(said).left_of(window.document())
    };
    let before = left(&mut said.iter());
    if left(&mut said.iter().chain([narrowing.narrowing()])) == before {
        return Err(NarrowingRefusal::Nothing);
    }
    if said.iter().filter(|said| said.signer == *signer).count() >= MOST_OF_ONE {
        return Err(NarrowingRefusal::TooOften(signer.clone()));
    }
    Ok(())
}

/// Those of one window's narrowings, in the order in which they came, that hosts have to hear of: one that the later ones
/// say as well is left out.
pub fn telling(window: &Window, said: &[(Narrowing, SignedNarrowing)]) -> Vec<SignedNarrowing> {
    let mut kept: Vec<&(Narrowing, SignedNarrowing)> = Vec::new();
    let left = |kept: &[&(Narrowing, SignedNarrowing)]| {
        Limits::unverified(kept.iter().map(|(narrowing, _)| narrowing)).left_of(window)
    };
    for one in said.iter().rev() {
        let before = left(&kept);
        kept.push(one);
        if left(&kept) == before {
            kept.pop();
        }
    }
    kept.into_iter().map(|(_, signed)| signed.clone()).collect()
}

/// A narrowing from its row.
pub fn reopen(stored: &StoredNarrowing) -> Option<(Narrowing, SignedNarrowing)> {
    let signed = SignedNarrowing {
        narrowing: stored.narrowing.clone(),
        signature: stored.signature.parse().ok()?,
    };
    Some((signed.read_unverified().ok()?, signed))
}

/// A narrowing's row.
pub fn row(
    window: &FrozenWindow,
    signed: &SignedNarrowing,
    verified: &VerifiedNarrowing,
    now: Time,
) -> StoredNarrowing {
    StoredNarrowing {
        window: window.document().id.to_string(),
        signer: verified.signer().to_string(),
        narrowing: signed.narrowing.clone(),
        signature: signed.signature.to_string(),
        received: now.unix(),
    }
}
