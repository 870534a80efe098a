//! A witness's own side: cosigning checkpoints. The collector uses it; so do tests.

use std::path::Path;

use zeroize::Zeroizing;

use crate::cosignature::{Cosigned, signed_text};
use crate::durable;
use crate::encoding::{base64, from_base64};
use crate::epoch::decode;
use crate::error::Error;
use crate::note::{KeyKind, SignerKey, VerifierKey};

/// How a text begins that a witness vouches for; what it signs of a checkpoint begins otherwise, so that neither signature
/// serves as the other.
const VOUCHING: &str = "daypass-witness-key@v1\n";

/// A key that cosigns.
pub struct Witness {
    key: SignerKey,
}

impl Witness {
    /// Makes a key with this name and stores it at `path` (0600).
    ///
    /// # Errors
    ///
    /// What the disk or the kernel refused.
    pub fn create(path: &Path, name: &str) -> Result<Self, Error> {
        let key = SignerKey::generate(name)?;
        durable::replace(path, 0o600, key.encode().as_bytes())?;
        Ok(Self { key })
    }

    /// Reads the key that [`Witness::create`] stored.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`] or [`Error::Key`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let text = Zeroizing::new(durable::read_small(path)?);
        let key = decode(path, &text)?;
        Ok(Self { key })
    }

    /// The public key, a vkey of type `0x04`.
    #[must_use]
    pub fn vkey(&self) -> VerifierKey {
        self.key.public().as_kind(KeyKind::Cosignature)
    }

    /// Cosigns the checkpoint in `note` as of `time` (seconds since the epoch), whatever signatures
    /// it has: checking them, and the consistency with what was cosigned before, is the caller's
    /// duty. Returns the checkpoint with the cosignature alone, the content of a witness line;
    /// `None` when `note` is no signed checkpoint.
    #[must_use]
    pub fn cosign(&self, note: &str, time: u64) -> Option<String> {
        let text = Cosigned::parse(note)?.checkpoint.text();
        let signature = self.key.signature(&signed_text(time, &text));
        let mut bytes = time.to_be_bytes().to_vec();
        bytes.extend_from_slice(&signature);
        Some(format!("{text}\n{}", self.vkey().signature_line(&bytes)))
    }

    /// The signature, in base64, by which this key vouches for a text about itself: which key comes after it, say.
    #[must_use]
    pub fn vouch(&self, text: &str) -> String {
        base64(&self.key.signature(&vouched(text)))
    }
}

/// Whether the witness with this key vouched for `text` by `signature`; see [`Witness::vouch`].
#[must_use]
pub fn has_vouched(witness: &VerifierKey, text: &str, signature: &str) -> bool {
    let signature: Option<[u8; 64]> =
        from_base64(signature).and_then(|bytes| bytes.try_into().ok());
    witness.kind() == KeyKind::Cosignature
        && signature.is_some_and(|signature| witness.signed(&vouched(text), &signature))
}

fn vouched(text: &str) -> Vec<u8> {
    format!("{VOUCHING}{text}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "example.org/log\n2\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} example.org/log AAAAAA==\n";

    fn witness() -> (tempfile::TempDir, Witness) {
        let dir = tempfile::tempdir().unwrap();
        let witness = Witness::create(&dir.path().join("witness.key"), "example.org/w").unwrap();
        (dir, witness)
    }

    #[test]
    fn a_witness_vouches_for_one_text_and_nobody_else_does() {
        let ((_dir, witness), (_other_dir, other)) = (witness(), witness());
        let (key, signature) = (witness.vkey(), witness.vouch("after me"));
        assert!(has_vouched(&key, "after me", &signature));
        assert!(!has_vouched(&key, "after him", &signature));
        assert!(!has_vouched(&other.vkey(), "after me", &signature));
        for none in ["", "AAAA", &signature[..80], "\u{2014}"] {
            assert!(!has_vouched(&key, "after me", none), "{none}");
        }
        // As a log's key it has another id, and nothing that it signs is a witness's word.
        assert!(!has_vouched(
            &key.as_kind(KeyKind::Ed25519),
            "after me",
            &signature
        ));
    }

    #[test]
    fn what_is_vouched_for_is_no_cosignature_and_no_cosignature_vouches() {
        let (_dir, witness) = witness();
        let cosigned = witness.cosign(NOTE, 7).unwrap();
        let text = Cosigned::parse(NOTE).unwrap().checkpoint.text();
        let line = cosigned.lines().last().unwrap();
        let (_, encoded) = line.rsplit_once(' ').unwrap();
        let bytes = from_base64(encoded).unwrap();
        // Behind the key's id and the time.
        let signature = base64(&bytes[12..]);
        let signed = String::from_utf8(signed_text(7, &text)).unwrap();
        for text in [text.as_str(), signed.as_str()] {
            assert!(!has_vouched(&witness.vkey(), text, &signature), "{text}");
        }
        let mut bytes = 7_u64.to_be_bytes().to_vec();
        bytes.extend(from_base64(&witness.vouch(&signed)).unwrap());
        let forged = format!("{text}\n{}", witness.vkey().signature_line(&bytes));
        assert!(
            Cosigned::parse(&forged)
                .unwrap()
                .by(&witness.vkey())
                .is_err()
        );
    }
}
