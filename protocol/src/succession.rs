//! From one state key to the next: what the one before says of it, so that whoever was away can follow.

use serde::{Deserialize, Serialize};
use ssh_key::SshSig;

use crate::digest::Pin;
use crate::key::Key;
use crate::sshsig::{self, Signature};
use crate::strict_json;
use crate::time::Time;
use crate::version::Version;

/// Bytes in a succession, at most: a public key, and room.
pub const MAX_DOCUMENT: usize = 8 * 1024;
/// Successions that a state tells of, at most, the last ones. Whoever was away for more starts anew.
pub const MOST: usize = 16;
/// The namespace of its signature.
pub const NAMESPACE: &str = "daypass-state-key@v1";

/// "After me, this key signs the state."
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Succession {
    /// Always 1.
    pub v: Version<1>,
    /// Which CA's state.
    pub ca: Pin,
    /// The key that signs from then on.
    pub key: Key,
    /// Since when.
    pub time: Time,
}

/// A succession's exact bytes and the signature of the key before over them, in [`NAMESPACE`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignedSuccession {
    /// The bytes.
    pub succession: String,
    /// By the key before.
    pub signature: Signature,
}

impl Succession {
    /// Writes the succession down and has it signed; see [`sshsig::sign`] for the signer.
    ///
    /// # Errors
    /// The signer's.
    pub fn sign<E>(
        &self,
        signer: impl FnOnce(&str, &[u8]) -> Result<SshSig, E>,
    ) -> Result<SignedSuccession, E> {
        let text = strict_json::write(self);
        let signature = sshsig::sign(NAMESPACE, text.as_bytes(), signer)?;
        Ok(SignedSuccession {
            succession: text,
            signature,
        })
    }
}

impl SignedSuccession {
    /// What it says, taken at its word.
    ///
    /// # Errors
    /// When it is no succession.
    pub fn read_unverified(&self) -> Result<Succession, strict_json::Error> {
        strict_json::parse_document(&self.succession, MAX_DOCUMENT)
    }

    /// The key that signed it and the one that it names; none where it does not hold, or is of another CA.
    fn step(&self, pin: Pin) -> Option<(Key, Key)> {
        let said = self.read_unverified().ok().filter(|said| said.ca == pin)?;
        let by = self
            .signature
            .verify(NAMESPACE, self.succession.as_bytes())
            .ok()?;
        Some((by, said.key))
    }
}

/// Whether `heir` follows from `known` by these steps, each of which the key before must have signed.
#[must_use]
pub fn leads(known: &Key, heir: &Key, steps: &[SignedSuccession], pin: Pin) -> bool {
    let mut trusted = known.clone();
    for (by, next) in steps.iter().take(MOST).filter_map(|step| step.step(pin)) {
        if trusted == *heir {
            return true;
        }
        if by == trusted {
            trusted = next;
        }
    }
    trusted == *heir
}

/// The keys before `current`, the last one first, by the steps that lead to it. Only for steps that `current` itself vouches
/// for.
#[must_use]
pub fn before(current: &Key, steps: &[SignedSuccession], pin: Pin) -> Vec<Key> {
    let steps = steps.iter().take(MOST).rev();
    let (mut found, mut heir) = (Vec::new(), current.clone());
    for (by, next) in steps.filter_map(|step| step.step(pin)) {
        if next == heir {
            found.push(by.clone());
            heir = by;
        }
    }
    found
}
