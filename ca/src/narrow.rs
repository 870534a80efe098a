//! How windows are narrowed: whether one more narrowing may be taken, and which of them hosts have to hear of. Pure.

use daypass_protocol::api::WindowState;
use daypass_protocol::name::Name;
use daypass_protocol::narrowing::{self, Limits, Narrowing, SignedNarrowing, VerifiedNarrowing};
use daypass_protocol::sudo_item::SudoItem;
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
    /// Nobody can be let in by it, yet or any more.
    #[error("{}", standing_in_words(.0))]
    Standing(WindowState),
    /// A list names what the window has no more, or never had: hosts would be told of it until the window's end.
    #[error(
        "{0} is nothing that is left of the window; what stays has to be in it: daypass show says what is"
    )]
    NotLeft(String),
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
            Self::Standing(WindowState::Requested) => "not-approved",
            Self::Standing(_) => "too-late",
            Self::NotLeft(_) => "not-in-window",
            Self::Nothing => "narrows-nothing",
            Self::TooOften(_) => "narrowed-too-often",
        }
    }
}

fn standing_in_words(standing: &WindowState) -> String {
    if *standing == WindowState::Requested {
        "the window is not approved yet, and lets nobody in; end it and ask for a smaller one"
            .to_owned()
    } else {
        format!("the window is {standing}; there is nothing left to narrow")
    }
}

/// Whether `narrowing` may be added to those that were `said` about `window`, which is `standing` there.
///
/// # Errors
/// When it may not.
pub fn add(
    window: &FrozenWindow,
    standing: WindowState,
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
    if !matches!(standing, WindowState::Approved | WindowState::Open) {
        return Err(NarrowingRefusal::Standing(standing));
    }
    let left = |said: &mut dyn Iterator<Item = &Narrowing>| {
        Limits::unverified(said).left_of(window.document())
    };
    let before = left(&mut said.iter());
    if let Some(named) = not_left(narrowing.narrowing(), &before) {
        return Err(NarrowingRefusal::NotLeft(named));
    }
    if left(&mut said.iter().chain([narrowing.narrowing()])) == before {
        return Err(NarrowingRefusal::Nothing);
    }
    if said.iter().filter(|said| said.signer == *signer).count() >= MOST_OF_ONE {
        return Err(NarrowingRefusal::TooOften(signer.clone()));
    }
    Ok(())
}

/// What the narrowing lists and `left` does not have. `ALL` has every sudo item.
fn not_left(said: &Narrowing, left: &Window) -> Option<String> {
    let items: &[SudoItem] = if left.sudo.contains(&SudoItem::All) {
        &[]
    } else {
        said.sudo.as_deref().unwrap_or_default()
    };
    strange(said.hosts.as_deref().unwrap_or_default(), &left.hosts)
        .or_else(|| strange(said.accounts.as_deref().unwrap_or_default(), &left.accounts))
        .or_else(|| strange(items, &left.sudo))
}

fn strange<T: PartialEq + ToString>(said: &[T], left: &[T]) -> Option<String> {
    let strange = said.iter().find(|said| !left.contains(said));
    strange.map(ToString::to_string)
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

/// A stored narrowing, or the window that it is about, is none.
#[derive(Debug, thiserror::Error)]
#[error("a narrowing of the window {0} in the database is damaged")]
pub struct DamagedNarrowing(String);

/// The same of all windows, each narrowing with its window's document; those of one window stand together.
///
/// # Errors
/// When one of them is damaged.
pub fn all_telling(
    stored: &[(StoredNarrowing, String)],
) -> Result<Vec<SignedNarrowing>, DamagedNarrowing> {
    let mut told = Vec::new();
    for of_one in stored.chunk_by(|(one, _), (next, _)| one.window == next.window) {
        let Some((StoredNarrowing { window, .. }, document)) = of_one.first() else {
            continue;
        };
        let damaged = || DamagedNarrowing(window.clone());
        let said = of_one
            .iter()
            .map(|(stored, _)| reopen(stored).ok_or_else(damaged))
            .collect::<Result<Vec<_>, _>>()?;
        let window = FrozenWindow::parse(document).map_err(|_| damaged())?;
        told.extend(telling(window.document(), &said));
    }
    Ok(told)
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
