//! The roll of people: the chain of rosters as the CA holds it, in force or waiting for its first signature.

use std::collections::BTreeMap;

use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::key::{Fingerprint, Key};
use daypass_protocol::name::Name;
use daypass_protocol::roster::{Chain, ChainError, Person, Roster, SignedRoster, VerifiedRoster};

/// Every roster so far. Before the first signature there is one, and no chain.
#[derive(Debug, Clone)]
pub struct Roll {
    pin: Pin,
    signed: Vec<SignedRoster>,
    chain: Option<Chain>,
}

/// Why a roster was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum RollError {
    /// It is in force already, or a later one is.
    #[error("roster {number} is not new here; the newest is {newest}")]
    NotNew {
        /// The number offered.
        number: u64,
        /// The number in force.
        newest: u64,
    },
    /// It makes a key speak for somebody else than before.
    #[error(
        "the key {key} was {before}'s in roster {number}, and a key never comes to stand for somebody else: {now} needs another one"
    )]
    KeyOfAnother {
        /// The key.
        key: Fingerprint,
        /// Whose it was.
        before: Name,
        /// Where it was theirs.
        number: u64,
        /// Whose it would be.
        now: Name,
    },
    /// It does not follow from what is in force.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl Roll {
    /// The roll as it was stored: rosters 1…N, where roster 1 may stand alone and unsigned.
    ///
    /// # Errors
    /// When the chain does not hold; then the database was changed by somebody else.
    pub fn restore(pin: Pin, signed: Vec<SignedRoster>) -> Result<Self, ChainError> {
        let chain = match signed.as_slice() {
            [first] if first.signatures.is_empty() => {
                let found = Digest::of(&first.roster);
                if Pin::from(found) != pin {
                    return Err(ChainError::NotPinned {
                        expected: pin,
                        found,
                    });
                }
                None
            }
            rosters => Some(Chain::verify(pin, rosters)?),
        };
        Ok(Self { pin, signed, chain })
    }

    /// The roll with `next` taken over; this one stays as it is.
    ///
    /// # Errors
    /// When it is not new, or not signed under the rules of the one before.
    pub fn with(&self, next: SignedRoster) -> Result<Self, RollError> {
        let Some(chain) = &self.chain else {
            let chain = Chain::verify(self.pin, std::slice::from_ref(&next))?;
            return Ok(Self {
                pin: self.pin,
                signed: vec![next],
                chain: Some(chain),
            });
        };
        let newest = chain.newest().number;
        let number = Roster::parse(&next.roster)
            .map_err(ChainError::Roster)?
            .number;
        if number <= newest {
            return Err(RollError::NotNew { number, newest });
        }
        let before = chain;
        let mut chain = chain.clone();
        chain.extend(&next)?;
        refuse_passed_on(before, chain.newest())?;
        let mut signed = self.signed.clone();
        signed.push(next);
        Ok(Self {
            pin: self.pin,
            signed,
            chain: Some(chain),
        })
    }

    /// Whether a key may come to stand for a person: it was nobody else's in any roster.
    ///
    /// # Errors
    /// Whose it was.
    pub fn may_stand_for(&self, person: &Name, key: &Key) -> Result<(), RollError> {
        for roster in self.chain.iter().flat_map(Chain::rosters) {
            if let Some(before) = roster.holder(key).filter(|before| before.name != *person) {
                return Err(RollError::KeyOfAnother {
                    key: key.fingerprint(),
                    before: before.name.clone(),
                    number: roster.number,
                    now: person.clone(),
                });
            }
        }
        Ok(())
    }

    /// The CA's name in every statement.
    pub fn pin(&self) -> Pin {
        self.pin
    }

    /// The roster in force; none before activation.
    pub fn newest(&self) -> Option<&VerifiedRoster> {
        self.chain.as_ref().map(Chain::newest)
    }

    /// All rosters in force; none before activation.
    pub fn chain(&self) -> Option<&Chain> {
        self.chain.as_ref()
    }

    /// The number of the newest roster, in force or not.
    pub fn number(&self) -> u64 {
        self.newest().map_or(1, |roster| roster.number)
    }

    /// The rosters with their signatures, from the first.
    pub fn signed(&self) -> &[SignedRoster] {
        &self.signed
    }
}

/// Windows, certificates and entries name people by their keys, too, for years: who takes a key over from somebody would
/// take over what was said of them.
fn refuse_passed_on(before: &Chain, next: &Roster) -> Result<(), RollError> {
    let last = before.newest();
    let held = |person: &Name, key: &Key| last.holder(key).is_some_and(|was| was.name == *person);
    let mut new = BTreeMap::new();
    for person in &next.people {
        for key in person.keys.iter().filter(|key| !held(&person.name, key)) {
            new.insert(key, &person.name);
        }
    }
    for roster in before.rosters() {
        for (person, key) in keys(roster) {
            if let Some(&now) = new.get(key).filter(|&&now| *now != person.name) {
                return Err(RollError::KeyOfAnother {
                    key: key.fingerprint(),
                    before: person.name.clone(),
                    number: roster.number,
                    now: now.clone(),
                });
            }
        }
    }
    Ok(())
}

fn keys(roster: &Roster) -> impl Iterator<Item = (&Person, &Key)> {
    let people = roster.people.iter();
    people.flat_map(|person| person.keys.iter().map(move |key| (person, key)))
}
