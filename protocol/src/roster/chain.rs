//! From the pin to the newest roster.

use super::{Error, MAX_DOCUMENT, Role, Roster};
use crate::digest::{Digest, Pin};
use crate::key::Key;
use crate::name::Name;
use crate::sshsig::{self, Signature};
use serde::{Deserialize, Serialize};
use ssh_key::SshSig;
use std::collections::BTreeSet;
use std::ops::Deref;

/// Signatures on one roster, at most.
const MAX_SIGNATURES: usize = 32;

/// A roster's exact bytes and the signatures over them, in namespace [`sshsig::ROSTER`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRoster {
    /// The bytes.
    pub roster: String,
    /// By admins of the roster before (of itself, for roster 1), or by its recovery key.
    pub signatures: Vec<Signature>,
}

/// A roster in force: its signatures counted under the rules of the one before, and so on down to the pin. Only
/// [`VerifiedRoster::genesis`] and [`VerifiedRoster::successor`] make one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedRoster {
    pin: Pin,
    hash: Digest,
    roster: Roster,
    authority: Authority,
}

/// Who put a roster in force.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Authority {
    /// These admins of the roster before.
    Admins(BTreeSet<Name>),
    /// The recovery key of the roster before: everybody should hear of it.
    Recovery,
}

/// All rosters from the first to the newest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chain {
    first: VerifiedRoster,
    rest: Vec<VerifiedRoster>,
}

/// Why a roster is not in force.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// Nothing to check.
    #[error("the chain of rosters is empty")]
    Empty,
    /// The document itself is wrong.
    #[error("the roster cannot be used: {0}")]
    Roster(#[from] Error),
    /// Roster 1 is not the one that was pinned.
    #[error("roster 1 has the hash {found}, the pin is {expected}: this is another CA")]
    NotPinned {
        /// What was pinned.
        expected: Pin,
        /// What was offered.
        found: Digest,
    },
    /// Not the number that comes next.
    #[error("roster {found} cannot follow roster {after}")]
    OutOfOrder {
        /// The number before.
        after: u64,
        /// The number found.
        found: u64,
    },
    /// It names another predecessor.
    #[error("roster {number} does not follow the roster {} that is known here", number - 1)]
    OtherPredecessor {
        /// Its number.
        number: u64,
    },
    /// A signature that is wrong in itself.
    #[error("a signature on roster {number} does not count: {source}")]
    Signature {
        /// The roster's number.
        number: u64,
        /// What is wrong.
        source: sshsig::Error,
    },
    /// A signature by somebody who may not sign rosters.
    #[error("roster {number} is signed with {key}, which belongs to no admin of the roster before")]
    NotAnAdmin {
        /// The roster's number.
        number: u64,
        /// The key that made the signature.
        key: crate::key::Fingerprint,
    },
    /// Not enough admins signed.
    #[error("roster {number} is signed by {found} of the {needed} admins that it needs")]
    TooFewSignatures {
        /// The roster's number.
        number: u64,
        /// Different admins whose signatures count.
        found: usize,
        /// How many the rules ask for.
        needed: usize,
    },
    /// More signatures than anybody needs.
    #[error("roster {number} carries {found} signatures, at most 32 are looked at")]
    TooManySignatures {
        /// The roster's number.
        number: u64,
        /// How many.
        found: usize,
    },
}

impl SignedRoster {
    /// The bytes without any signature yet.
    pub fn unsigned(text: impl Into<String>) -> Self {
        Self {
            roster: text.into(),
            signatures: Vec::new(),
        }
    }

    /// Adds one signature; see [`sshsig::sign`] for the signer.
    pub fn sign<E>(
        &mut self,
        signer: impl FnOnce(&str, &[u8]) -> Result<SshSig, E>,
    ) -> Result<(), E> {
        self.signatures.push(sshsig::sign(
            sshsig::ROSTER,
            self.roster.as_bytes(),
            signer,
        )?);
        Ok(())
    }

    /// The keys that signed, whoever's they are.
    ///
    /// # Errors
    /// When a signature does not verify.
    pub fn signed_with(&self) -> Result<Vec<Key>, sshsig::Error> {
        let signatures = self.signatures.iter();
        signatures
            .map(|signature| signature.verify(sshsig::ROSTER, self.roster.as_bytes()))
            .collect()
    }

    /// Who signed, judged by `rules`, whose people and policy decide.
    fn authority(&self, next: &Roster, rules: &Roster) -> Result<Authority, ChainError> {
        let number = next.number;
        if self.signatures.len() > MAX_SIGNATURES {
            return Err(ChainError::TooManySignatures {
                number,
                found: self.signatures.len(),
            });
        }
        let mut admins = BTreeSet::new();
        let mut recovered = false;
        for signature in &self.signatures {
            let key = signature
                .verify(sshsig::ROSTER, self.roster.as_bytes())
                .map_err(|source| ChainError::Signature { number, source })?;
            match rules.holder(&key) {
                Some(person) if person.is(Role::Admin) => {
                    admins.insert(person.name.clone());
                }
                // Roster 1 has no roster before it whose recovery key could speak.
                _ if key == rules.recovery && number > 1 => recovered = true,
                _ => {
                    return Err(ChainError::NotAnAdmin {
                        number,
                        key: key.fingerprint(),
                    });
                }
            }
        }
        let (found, needed) = (
            admins.len(),
            if number == 1 {
                1
            } else {
                rules.signatures_needed(next)
            },
        );
        match recovered {
            _ if found >= needed => Ok(Authority::Admins(admins)),
            true => Ok(Authority::Recovery),
            false => Err(ChainError::TooFewSignatures {
                number,
                found,
                needed,
            }),
        }
    }
}

impl VerifiedRoster {
    /// Roster 1: the pin is the hash of its bytes, and one of its own admins signed it.
    pub fn genesis(pin: Pin, signed: &SignedRoster) -> Result<Self, ChainError> {
        let hash = Digest::of(&signed.roster);
        if Pin::from(hash) != pin {
            return Err(ChainError::NotPinned {
                expected: pin,
                found: hash,
            });
        }
        let roster = Roster::parse(&signed.roster)?;
        if roster.number != 1 {
            return Err(ChainError::OutOfOrder {
                after: 0,
                found: roster.number,
            });
        }
        let authority = signed.authority(&roster, &roster)?;
        Ok(Self {
            pin,
            hash,
            roster,
            authority,
        })
    }

    /// The roster that follows this one, signed under the rules of this one.
    pub fn successor(&self, signed: &SignedRoster) -> Result<Self, ChainError> {
        let roster = Roster::parse(&signed.roster)?;
        let number = roster.number;
        if Some(number) != self.roster.number.checked_add(1) {
            return Err(ChainError::OutOfOrder {
                after: self.roster.number,
                found: number,
            });
        }
        if roster.previous != Some(self.hash) {
            return Err(ChainError::OtherPredecessor { number });
        }
        let authority = signed.authority(&roster, &self.roster)?;
        Ok(Self {
            pin: self.pin,
            hash: Digest::of(&signed.roster),
            roster,
            authority,
        })
    }

    /// The CA that it belongs to.
    pub fn pin(&self) -> Pin {
        self.pin
    }

    /// The hash of its bytes.
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// Who put it in force.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }
}

impl Deref for VerifiedRoster {
    type Target = Roster;

    fn deref(&self) -> &Roster {
        &self.roster
    }
}

impl Chain {
    /// Checks the rosters 1…N in this order.
    pub fn verify(pin: Pin, rosters: &[SignedRoster]) -> Result<Self, ChainError> {
        let (first, rest) = rosters.split_first().ok_or(ChainError::Empty)?;
        let mut chain = Self {
            first: VerifiedRoster::genesis(pin, first)?,
            rest: Vec::new(),
        };
        rest.iter().try_for_each(|signed| chain.extend(signed))?;
        Ok(chain)
    }

    /// Takes the next roster over; on an error the chain is as before.
    pub fn extend(&mut self, signed: &SignedRoster) -> Result<(), ChainError> {
        let next = self.newest().successor(signed)?;
        self.rest.push(next);
        Ok(())
    }

    /// The roster in force.
    pub fn newest(&self) -> &VerifiedRoster {
        self.rest.last().unwrap_or(&self.first)
    }

    /// All of them, the oldest first.
    pub fn rosters(&self) -> impl DoubleEndedIterator<Item = &VerifiedRoster> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

/// A signed roster's JSON is never longer than this: the bytes, escaped, and the signatures.
pub const MAX_SIGNED: usize = 2 * MAX_DOCUMENT;
