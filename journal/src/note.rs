//! Signed notes (C2SP signed-note) and the keys that sign and verify them.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

use crate::encoding::{base64, from_base64, from_hex, hex};
use crate::error::{Error, KeyFault, NameFault};
use crate::locked::Secret;

/// The longest key name, in bytes.
pub const NAME_LIMIT: usize = 255;

/// What a key signs, as the type byte of C2SP signed-note says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// `0x01`: plain Ed25519 over the note's text.
    Ed25519,
    /// `0x04`: a timestamped Ed25519 cosignature of a witness.
    Cosignature,
}

impl KeyKind {
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::Cosignature => 4,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Ed25519),
            4 => Some(Self::Cosignature),
            _ => None,
        }
    }
}

/// Checks a key name or origin: not empty, at most [`NAME_LIMIT`] bytes, printable ASCII without
/// space and plus sign.
pub(crate) fn check_name(name: &str) -> Result<(), NameFault> {
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    if name.len() > NAME_LIMIT {
        return Err(NameFault::Long {
            length: name.len(),
            limit: NAME_LIMIT,
        });
    }
    match name
        .chars()
        .find(|char| !char.is_ascii_graphic() || matches!(char, '+' | '"' | '\\'))
    {
        Some(char) => Err(NameFault::Character { char }),
        None => Ok(()),
    }
}

fn key_id(name: &str, kind: KeyKind, key: &VerifyingKey) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name);
    hasher.update([b'\n', kind.byte()]);
    hasher.update(key.as_bytes());
    let [a, b, c, d, ..]: [u8; 32] = hasher.finalize().into();
    [a, b, c, d]
}

/// A public key with its name: `name+keyid+base64(type || key)`, a C2SP *vkey*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    id: [u8; 4],
    key: VerifyingKey,
}

impl VerifierKey {
    pub(crate) fn new(name: String, kind: KeyKind, key: VerifyingKey) -> Self {
        let id = key_id(&name, kind, &key);
        Self {
            name,
            kind,
            id,
            key,
        }
    }

    /// The key's name; of a log's key, the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the key signs.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The same key for another use; its id differs.
    pub(crate) fn as_kind(&self, kind: KeyKind) -> Self {
        Self::new(self.name.clone(), kind, self.key)
    }

    /// `— name base64(id || signature)` and a newline.
    pub(crate) fn signature_line(&self, signature: &[u8]) -> String {
        let mut bytes = self.id.to_vec();
        bytes.extend_from_slice(signature);
        format!("\u{2014} {} {}\n", self.name, base64(&bytes))
    }

    /// Whether `signature` is this key's over exactly `message`: by the strictest reading of RFC 8032, so that whatever counts
    /// here counts for every other verifier, too.
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.key.verify_strict(message, &signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut encoded = vec![self.kind.byte()];
        encoded.extend_from_slice(self.key.as_bytes());
        write!(out, "{}+{}+{}", self.name, hex(&self.id), base64(&encoded))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyFault;

    fn from_str(text: &str) -> Result<Self, KeyFault> {
        // The key's base64 may hold plus signs of its own; name and id may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(KeyFault::Shape);
        };
        check_name(name).map_err(KeyFault::Name)?;
        let bytes = from_base64(encoded).ok_or(KeyFault::Shape)?;
        let (&kind, key) = bytes.split_first().ok_or(KeyFault::Shape)?;
        let kind = KeyKind::from_byte(kind).ok_or(KeyFault::Kind { byte: kind })?;
        let key = <&[u8; 32]>::try_from(key).map_err(|_| KeyFault::Shape)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| KeyFault::Point)?;
        // A key of small order "signs" everything.
        if key.is_weak() {
            return Err(KeyFault::Point);
        }
        let key = Self::new(name.to_owned(), kind, key);
        if from_hex(id).as_deref() == Some(&key.id) {
            Ok(key)
        } else {
            Err(KeyFault::Id {
                stated: id.to_owned(),
                computed: hex(&key.id),
            })
        }
    }
}

/// A secret key with its name, the secret in locked memory.
pub(crate) struct SignerKey {
    secret: Secret,
    public: VerifierKey,
}

const SECRET_PREFIX: &str = "PRIVATE+KEY+";

impl SignerKey {
    /// A fresh Ed25519 key.
    pub(crate) fn generate(name: &str) -> Result<Self, Error> {
        let mut random = Ok(());
        let secret = Secret::fill_with(|place| random = getrandom::fill(place))
            .map_err(|source| Error::Memory { source })?;
        random.map_err(|source| Error::Random { source })?;
        Ok(Self::of(name, secret))
    }

    fn of(name: &str, secret: Secret) -> Self {
        let key = VerifyingKey::from(&ExpandedSecretKey::from(secret.expose()));
        Self {
            public: VerifierKey::new(name.to_owned(), KeyKind::Ed25519, key),
            secret,
        }
    }

    /// The public half.
    pub(crate) fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// The signature over `text`.
    pub(crate) fn signature(&self, text: &[u8]) -> [u8; 64] {
        let expanded = ExpandedSecretKey::from(self.secret.expose());
        raw_sign::<Sha512>(&expanded, text, &self.public.key).to_bytes()
    }

    /// The signature line over `text`, newline included.
    pub(crate) fn sign(&self, text: &[u8]) -> String {
        self.public.signature_line(&self.signature(text))
    }

    /// `PRIVATE+KEY+name+keyid+base64(0x01 || seed)`, the form of Go's `sumdb/note`.
    pub(crate) fn encode(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0_u8; 33]);
        bytes[0] = KeyKind::Ed25519.byte();
        bytes[1..].copy_from_slice(self.secret.expose());
        let encoded = Zeroizing::new(base64(&*bytes));
        let VerifierKey { name, id, .. } = &self.public;
        let id = hex(id);
        // Sized beforehand: growing would leave copies of the secret behind.
        let mut text = Zeroizing::new(String::with_capacity(
            SECRET_PREFIX.len() + name.len() + id.len() + encoded.len() + 2,
        ));
        for part in [SECRET_PREFIX, name, "+", &id, "+", &encoded] {
            text.push_str(part);
        }
        text
    }

    /// Reads what [`SignerKey::encode`] writes.
    pub(crate) fn decode(text: &str) -> Result<Self, SecretFault> {
        let rest = text.strip_prefix(SECRET_PREFIX).ok_or(KeyFault::Shape)?;
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(KeyFault::Shape.into());
        };
        check_name(name).map_err(KeyFault::Name)?;
        let bytes = Zeroizing::new(from_base64(encoded).ok_or(KeyFault::Shape)?);
        let Some((1, seed)) = bytes.split_first() else {
            return Err(KeyFault::Shape.into());
        };
        let mut seed: [u8; 32] = seed.try_into().map_err(|_| KeyFault::Shape)?;
        let secret = Secret::fill_with(|place| place.copy_from_slice(&seed));
        seed.zeroize();
        let key = Self::of(name, secret.map_err(SecretFault::Memory)?);
        if from_hex(id).as_deref() == Some(&key.public.id) {
            Ok(key)
        } else {
            Err(SecretFault::Key(KeyFault::Id {
                stated: id.to_owned(),
                computed: hex(&key.public.id),
            }))
        }
    }
}

/// Why a stored secret key could not be taken up.
pub(crate) enum SecretFault {
    Key(KeyFault),
    Memory(nix::errno::Errno),
}

impl From<KeyFault> for SecretFault {
    fn from(fault: KeyFault) -> Self {
        Self::Key(fault)
    }
}

/// One signature line of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoteSignature<'a> {
    pub(crate) name: &'a str,
    pub(crate) id: [u8; 4],
    pub(crate) bytes: Vec<u8>,
}

impl NoteSignature<'_> {
    pub(crate) fn is_named_by(&self, key: &VerifierKey) -> bool {
        self.name == key.name && self.id == key.id
    }
}

/// The most signatures that a note may carry; C2SP asks for 16 at least.
const SIGNATURE_LIMIT: usize = 32;

/// A note: its text (final newline included) and its signature lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note<'a> {
    pub(crate) text: &'a str,
    pub(crate) signatures: Vec<NoteSignature<'a>>,
}

impl<'a> Note<'a> {
    /// Takes a note apart; `None` when it is not one.
    pub(crate) fn parse(note: &'a str) -> Option<Self> {
        if note.chars().any(|char| char < ' ' && char != '\n') {
            return None;
        }
        let blank = note.rfind("\n\n")?;
        let (text, lines) = (&note[..=blank], &note[blank + 2..]);
        let lines = lines.strip_suffix('\n')?;
        let signatures: Vec<_> = lines
            .split('\n')
            .take(SIGNATURE_LIMIT + 1)
            .map(parse_signature)
            .collect::<Option<_>>()?;
        (signatures.len() <= SIGNATURE_LIMIT).then_some(Self { text, signatures })
    }
}

fn parse_signature(line: &str) -> Option<NoteSignature<'_>> {
    let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    check_name(name).ok()?;
    let bytes = from_base64(encoded)?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    Some(NoteSignature {
        name,
        id: *id,
        bytes: signature.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_goes_there_and_back() {
        let key = SignerKey::generate("example.org/log").unwrap();
        let text = key.public().to_string();
        assert_eq!(text.parse::<VerifierKey>().unwrap(), *key.public());
    }

    #[test]
    fn the_key_of_the_go_documentation_is_read() {
        // From the package documentation of golang.org/x/mod/sumdb/note.
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let key: VerifierKey = text.parse().unwrap();
        assert_eq!(key.to_string(), text);
        let note = "If you think cryptography is the answer to your problem,\n\
            then you don't know what your problem is.\n\n\
            — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let note = Note::parse(note).unwrap();
        let [signature] = &note.signatures[..] else {
            panic!("one signature");
        };
        assert!(signature.is_named_by(&key));
        let bytes = signature.bytes[..].try_into().unwrap();
        assert!(key.signed(note.text.as_bytes(), &bytes));
        assert!(!key.signed(b"something else\n", &bytes));
    }

    #[test]
    fn a_secret_key_goes_there_and_back() {
        let key = SignerKey::generate("example.org/log").unwrap();
        let Ok(again) = SignerKey::decode(&key.encode()) else {
            panic!("not read back");
        };
        assert_eq!(again.public(), key.public());
        assert_eq!(again.sign(b"text\n"), key.sign(b"text\n"));
    }

    #[test]
    fn a_key_whose_id_is_another_keys_is_refused() {
        let text = "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert!(matches!(
            text.parse::<VerifierKey>(),
            Err(KeyFault::Id { .. })
        ));
    }

    #[test]
    fn names_that_would_break_a_line_are_refused() {
        for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b", "a\"b"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name(&"n".repeat(NAME_LIMIT + 1)).is_err());
    }
}
