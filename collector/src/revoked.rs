//! Keys that people revoked: remembered whatever the CA leaves out later. Nobody reads with one, and no roster counts that was
//! signed with one after it was known to be revoked.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use daypass_protocol::key::{Fingerprint, Key};
use daypass_protocol::revocation::{SignedRevocation, Subject};
use daypass_protocol::roster::Chain;
use daypass_protocol::strict_json;

use crate::durable;

/// Bytes of what is remembered, at most: one revocation for each key of a chain that is no longer than 16 MiB.
const FILE_LIMIT: usize = 256 * 1024 * 1024;
const FILE_MODE: u32 = 0o640;

/// The keys.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct RevokedKeys {
    /// Of keys that some roster names: others open nothing here, and would fill the memory. The first revocation of each.
    kept: BTreeMap<Fingerprint, SignedRevocation>,
    /// Others that the newest state says.
    said: BTreeSet<Fingerprint>,
}

impl RevokedKeys {
    /// What was remembered at `path`; nothing where there is no such file yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(path: &Path, chain: &Chain) -> io::Result<Self> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let signed: Vec<SignedRevocation> =
            strict_json::parse(bytes, FILE_LIMIT).map_err(io::Error::other)?;
        let mut keys = Self::default();
        keys.hear(&signed, chain);
        Ok(keys)
    }

    /// Takes in what a state says, as far as people who may signed it.
    pub(crate) fn hear(&mut self, said: &[SignedRevocation], chain: &Chain) {
        self.said.clear();
        let named = named(chain);
        for signed in said {
            if self.kept.values().any(|kept| kept == signed) {
                continue;
            }
            let Ok(verified) = signed.check(chain) else {
                continue;
            };
            let Subject::Key(key) = *verified.subject() else {
                continue;
            };
            if named.contains(&key) {
                self.kept.entry(key).or_insert_with(|| signed.clone());
            } else {
                self.said.insert(key);
            }
        }
    }

    /// Whether nobody may speak with this key.
    pub(crate) fn names(&self, key: Fingerprint) -> bool {
        self.kept.contains_key(&key) || self.said.contains(&key)
    }

    /// Writes down at `path` what is remembered.
    ///
    /// # Errors
    /// When it is not durable.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let kept: Vec<&SignedRevocation> = self.kept.values().collect();
        durable::replace(path, FILE_MODE, &serde_json::to_vec(&kept)?)
    }

    /// Whether both remember the same.
    pub(crate) fn remembers_as(&self, other: &Self) -> bool {
        self.kept == other.kept
    }
}

/// The keys that any roster names.
fn named(chain: &Chain) -> BTreeSet<Fingerprint> {
    let rosters = chain.rosters().flat_map(|roster| {
        let keys = roster.people.iter().flat_map(|person| &person.keys);
        keys.chain([&roster.recovery])
    });
    rosters.map(Key::fingerprint).collect()
}
