//! OpenSSH key revocation lists (`PROTOCOL.krl`): what sshd and ssh themselves refuse, written and read.
//!
//! Only what we write is read: other sections, and anything in a place that is reserved, refuses the whole.

mod reader;

use std::collections::BTreeSet;

/// Bytes in a list, at most: what clients take as an answer.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

const MAGIC: &[u8; 8] = b"SSHKRL\n\0";
const FORMAT: u32 = 1;
const CERTIFICATES: u8 = 1;
const FINGERPRINTS: u8 = 5;
const SERIALS: u8 = 0x20;
const KEY_IDS: u8 = 0x23;

/// What is revoked, whichever CA signed it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Krl {
    /// Rises with each list; ours is the number of the state that it was made with.
    pub number: u64,
    /// When it was made, in seconds since 1970.
    pub generated: u64,
    /// Certificates by their serials.
    pub serials: BTreeSet<u64>,
    /// Certificates by their key ids.
    pub key_ids: BTreeSet<String>,
    /// Keys, and certificates for them, by the SHA-256 of the key.
    pub keys: BTreeSet<[u8; 32]>,
}

/// Why bytes are not a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Longer than any of ours.
    #[error("{0} bytes are too long for a revocation list")]
    TooLong(usize),
    /// They end in the middle of something.
    #[error("the revocation list is cut off")]
    CutOff,
    /// Not a list at all.
    #[error("this is no OpenSSH revocation list")]
    Magic,
    /// A format that is not known here.
    #[error("a revocation list of format {0}; 1 is known here")]
    Format(u32),
    /// Something in a place that is reserved, or that we leave empty.
    #[error("the revocation list has something in a place that must be empty")]
    Reserved,
    /// A section that is not among those we write.
    #[error("the revocation list has a section of the unknown type {0}")]
    Section(u8),
    /// A key id that is not UTF-8.
    #[error("a key id in the revocation list is not UTF-8")]
    KeyId,
    /// A fingerprint of another length than SHA-256's.
    #[error("a fingerprint in the revocation list has {0} bytes")]
    Fingerprint(usize),
}

impl Krl {
    /// The list's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORMAT.to_be_bytes());
        bytes.extend(self.number.to_be_bytes());
        bytes.extend(self.generated.to_be_bytes());
        // Flags, then the reserved string and the comment, all empty.
        bytes.extend(0_u64.to_be_bytes());
        string(&mut bytes, b"");
        string(&mut bytes, b"");
        if let Some(certificates) = self.certificates() {
            bytes.push(CERTIFICATES);
            string(&mut bytes, &certificates);
        }
        if !self.keys.is_empty() {
            bytes.push(FINGERPRINTS);
            let mut section = Vec::new();
            self.keys.iter().for_each(|key| string(&mut section, key));
            string(&mut bytes, &section);
        }
        bytes
    }

    /// The same list with keys alone: the rest of it is about certificates that people have.
    #[must_use]
    pub fn of_keys(&self) -> Self {
        Self {
            serials: BTreeSet::new(),
            key_ids: BTreeSet::new(),
            ..self.clone()
        }
    }

    /// Reads a list as we write it.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        reader::read(bytes)
    }

    /// The section of certificates, of whichever CA: the place of its key stays empty.
    fn certificates(&self) -> Option<Vec<u8>> {
        if self.serials.is_empty() && self.key_ids.is_empty() {
            return None;
        }
        let mut section = Vec::new();
        string(&mut section, b"");
        string(&mut section, b"");
        if !self.serials.is_empty() {
            let list: Vec<u8> = self
                .serials
                .iter()
                .flat_map(|it| it.to_be_bytes())
                .collect();
            section.push(SERIALS);
            string(&mut section, &list);
        }
        if !self.key_ids.is_empty() {
            let mut list = Vec::new();
            self.key_ids
                .iter()
                .for_each(|id| string(&mut list, id.as_bytes()));
            section.push(KEY_IDS);
            string(&mut section, &list);
        }
        Some(section)
    }
}

/// A string of the SSH protocol: its length in four bytes, then itself.
fn string(bytes: &mut Vec<u8>, text: &[u8]) {
    // Nothing here comes near 4 GiB.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(text);
}
