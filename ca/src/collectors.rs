//! Collectors: what a request to become one must be, and what one may say of its keys.

pub mod succession;

use daypass_journal::note::{KeyKind, VerifierKey};
use daypass_protocol::collector::{MOST_COLLECTORS, MOST_NAMES, Request};
use daypass_protocol::digest::Pin;

use crate::store::{AdmittedCollector, FormerWitness};

/// Why a collector is not admitted, not renewed or not removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CollectorRefusal {
    /// What came is no request.
    #[error("this is not what daypass-collector init prints: {0}")]
    Malformed(String),
    /// What came says nothing of witness keys.
    #[error("what is said of the witness keys cannot be read: {0}")]
    Unsaid(String),
    /// Made for another CA.
    #[error("the request is meant for the CA {found}, this is {expected}")]
    OtherCa {
        /// This CA.
        expected: Pin,
        /// The one that it names.
        found: Pin,
    },
    /// No name, or too many.
    #[error("{found} names for one certificate; 1 to {MOST_NAMES} are taken")]
    Names {
        /// How many.
        found: usize,
    },
    /// Nobody could connect.
    #[error("the address {url} is not among the names of the certificate")]
    AddressNotNamed {
        /// The address.
        url: String,
    },
    /// The witness key is none.
    #[error("the witness key cannot be used: it must be a C2SP cosigning key")]
    Witness,
    /// Another collector at the same address.
    #[error(
        "the collector {url} is known with another witness key; where it was made anew: daypass-ca collector remove {url}"
    )]
    OtherWitness {
        /// The address.
        url: String,
    },
    /// One key at two addresses.
    #[error("the witness key is that of the collector {url}")]
    WitnessTaken {
        /// The other address.
        url: String,
    },
    /// It tells of another collector's keys.
    #[error("what is said is about the collector {found}, and {caller} says it")]
    OtherCollector {
        /// Who says it.
        caller: String,
        /// About whom.
        found: String,
    },
    /// Not by the key that has to say it.
    #[error("what is said of the witness keys is not signed by {signer}")]
    NotVouched {
        /// The key that has to.
        signer: String,
    },
    /// Witnesses are known by name, and this one stays.
    #[error("the next witness key is named {found}, and this one {expected}: the name stays")]
    WitnessName {
        /// Of the key before.
        expected: String,
        /// Of the next.
        found: String,
    },
    /// A key that somebody has, or had.
    #[error(
        "the next witness key is one that the collector {url} has or had; a fresh one is wanted"
    )]
    HeirTaken {
        /// Whose.
        url: String,
    },
    /// One after the other.
    #[error(
        "the witness key of {url} is being renewed already; where the next one is lost, the collector has to be made anew: \
         daypass-ca collector remove {url}"
    )]
    UnderWay {
        /// The address.
        url: String,
    },
    /// No room.
    #[error("{MOST_COLLECTORS} collectors are admitted already; remove one first")]
    Full,
    /// The certificate signing request.
    #[error("{0}")]
    Certificate(String),
    /// Nothing to remove.
    #[error("there is no collector {url}; daypass-ca collector list shows which there are")]
    Unknown {
        /// The address.
        url: String,
    },
}

impl CollectorRefusal {
    /// For programs, and for the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "request-malformed",
            Self::Unsaid(_) => "succession-malformed",
            Self::OtherCa { .. } => "other-ca",
            Self::Names { .. } => "names",
            Self::AddressNotNamed { .. } => "address-not-named",
            Self::Witness => "witness-key",
            Self::OtherWitness { .. } => "other-witness",
            Self::WitnessTaken { .. } => "witness-taken",
            Self::OtherCollector { .. } => "other-collector",
            Self::NotVouched { .. } => "not-vouched",
            Self::WitnessName { .. } => "witness-name",
            Self::HeirTaken { .. } => "heir-taken",
            Self::UnderWay { .. } => "renewal-under-way",
            Self::Full => "too-many-collectors",
            Self::Certificate(_) => "csr-invalid",
            Self::Unknown { .. } => "unknown-collector",
        }
    }
}

/// Checks a request against itself and this CA.
///
/// # Errors
/// What is wrong with it.
pub fn check(request: &Request, ca: Pin) -> Result<(), CollectorRefusal> {
    if request.ca != ca {
        return Err(CollectorRefusal::OtherCa {
            expected: ca,
            found: request.ca,
        });
    }
    if !(1..=MOST_NAMES).contains(&request.names.len()) {
        return Err(CollectorRefusal::Names {
            found: request.names.len(),
        });
    }
    if !request.names.iter().any(|name| name == request.url.host()) {
        return Err(CollectorRefusal::AddressNotNamed {
            url: request.url.to_string(),
        });
    }
    witness_key(&request.witness).map(|_| ())
}

fn witness_key(text: &str) -> Result<VerifierKey, CollectorRefusal> {
    match text.parse::<VerifierKey>() {
        Ok(key) if key.kind() == KeyKind::Cosignature => Ok(key),
        _ => Err(CollectorRefusal::Witness),
    }
}

/// Checks that it can stand beside those that are there. The same collector again is welcome: its certificate was lost. It may
/// show a key that it has renewed since: what it was told of that may be lost, too.
///
/// # Errors
/// When another one is at the same address, has the same key, or there is no room.
pub fn fits(
    request: &Request,
    known: &[AdmittedCollector],
    former: &[FormerWitness],
) -> Result<(), CollectorRefusal> {
    let url = request.url.as_str();
    for other in known {
        let is_its_own = other.witnesses().any(|key| key == request.witness);
        if other.url == url && !is_its_own && !succession::leads(&request.witness, other, former) {
            return Err(CollectorRefusal::OtherWitness {
                url: url.to_owned(),
            });
        }
        if other.url != url && is_its_own {
            return Err(CollectorRefusal::WitnessTaken {
                url: other.url.clone(),
            });
        }
    }
    if known.len() >= MOST_COLLECTORS && known.iter().all(|other| other.url != url) {
        return Err(CollectorRefusal::Full);
    }
    Ok(())
}
