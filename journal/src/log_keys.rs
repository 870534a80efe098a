//! The keys that a log had one after the other: the one that was registered for it, and those that it was handed over
//! to, each by an entry that the key before it sealed.

use crate::error::KeyFault;
use crate::note::{KeyKind, VerifierKey};

/// The most keys that a log may have had: whoever follows it remembers them all. By age alone they last a century.
pub(crate) const KEY_LIMIT: usize = 64;

/// Why a key cannot be a log's next one.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum HeirFault {
    /// It is no key.
    #[error("it cannot be read: {0}")]
    Key(KeyFault),
    /// It has another name than the log.
    #[error("it is named {0:?}")]
    Name(String),
    /// The log had it already.
    #[error("this log had it before")]
    Known,
    /// There were too many.
    #[error("a log has {KEY_LIMIT} keys at most")]
    Many,
}

/// A key, and the entry by which the log came to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heir {
    pub(crate) key: VerifierKey,
    /// The number of that entry; not known from a snapshot.
    pub(crate) announced: Option<u64>,
}

/// All keys so far. The last one seals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogKeys {
    first: VerifierKey,
    later: Vec<Heir>,
}

impl LogKeys {
    pub(crate) fn new(first: VerifierKey) -> Self {
        Self {
            first,
            later: Vec::new(),
        }
    }

    /// The log's name: its origin.
    pub(crate) fn name(&self) -> &str {
        self.first.name()
    }

    /// The key that was registered.
    pub(crate) fn first(&self) -> &VerifierKey {
        &self.first
    }

    /// The key that seals now.
    pub(crate) fn current(&self) -> &VerifierKey {
        self.later.last().map_or(&self.first, |heir| &heir.key)
    }

    /// Those after the first.
    pub(crate) fn later(&self) -> &[Heir] {
        &self.later
    }

    /// Whether there may be another one.
    pub(crate) fn has_room(&self) -> bool {
        self.later.len() + 1 < KEY_LIMIT
    }

    /// Goes over to the key `vkey`.
    pub(crate) fn hand_over(
        &mut self,
        vkey: &str,
        announced: Option<u64>,
    ) -> Result<(), HeirFault> {
        let key: VerifierKey = vkey.parse().map_err(HeirFault::Key)?;
        if key.kind() != KeyKind::Ed25519 {
            let byte = key.kind().byte();
            return Err(HeirFault::Key(KeyFault::Kind { byte }));
        }
        if key.name() != self.name() {
            return Err(HeirFault::Name(key.name().to_owned()));
        }
        let mut before = self.later.iter().map(|heir| &heir.key);
        if key == self.first || before.any(|one| *one == key) {
            return Err(HeirFault::Known);
        }
        if !self.has_room() {
            return Err(HeirFault::Many);
        }
        self.later.push(Heir { key, announced });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::SignerKey;

    fn key(name: &str) -> VerifierKey {
        SignerKey::generate(name).unwrap().public().clone()
    }

    #[test]
    fn a_log_goes_over_to_a_key_of_its_name_that_it_never_had() {
        let first = key("o");
        let mut keys = LogKeys::new(first.clone());
        let (second, third) = (key("o"), key("o"));
        keys.hand_over(&second.to_string(), Some(4)).unwrap();
        keys.hand_over(&third.to_string(), None).unwrap();
        assert_eq!((keys.first(), keys.current()), (&first, &third));
        let as_witness = key("o").as_kind(KeyKind::Cosignature).to_string();
        for (vkey, fault) in [
            (first.to_string(), HeirFault::Known),
            (second.to_string(), HeirFault::Known),
            (third.to_string(), HeirFault::Known),
            (key("p").to_string(), HeirFault::Name("p".to_owned())),
            (as_witness, HeirFault::Key(KeyFault::Kind { byte: 4 })),
        ] {
            assert_eq!(keys.hand_over(&vkey, None), Err(fault), "{vkey}");
        }
        assert!(matches!(keys.hand_over("o", None), Err(HeirFault::Key(_))));
        assert_eq!(keys.current(), &third);
    }

    #[test]
    fn there_is_an_end_to_it() {
        let mut keys = LogKeys::new(key("o"));
        while keys.has_room() {
            keys.hand_over(&key("o").to_string(), None).unwrap();
        }
        assert_eq!(keys.later().len(), KEY_LIMIT - 1);
        let more = keys.hand_over(&key("o").to_string(), None);
        assert_eq!(more, Err(HeirFault::Many));
    }
}
