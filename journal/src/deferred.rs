//! Signatures that are checked together: twice as fast as one by one.

use ed25519_dalek::{Signature, VerifyingKey, verify_batch};

use crate::chain::{Broken, Cause};
use crate::note::VerifierKey;

/// How many signatures are checked at once; more gain little.
const TOGETHER: usize = 128;

/// One signature on a seal, and what a false one breaks.
struct Claim {
    text: usize,
    signature: Signature,
    key: VerifierKey,
    seq: u64,
    to: u64,
}

/// Claims that wait for their check.
#[derive(Default)]
pub(crate) struct Deferred {
    texts: Vec<String>,
    claims: Vec<Claim>,
}

impl Deferred {
    /// Takes the signatures on one seal, which covers the entries from `seq` to `to` first.
    pub(crate) fn push(
        &mut self,
        (seq, to): (u64, u64),
        text: &str,
        signatures: [([u8; 64], &VerifierKey); 2],
    ) -> Result<(), Broken> {
        self.texts.push(text.to_owned());
        let text = self.texts.len() - 1;
        self.claims.extend(signatures.map(|(signature, key)| Claim {
            text,
            signature: Signature::from_bytes(&signature),
            key: key.clone(),
            seq,
            to,
        }));
        match self.claims.len() >= TOGETHER {
            true => self.check(),
            false => Ok(()),
        }
    }

    /// Checks all that wait; the error is the first false one.
    pub(crate) fn check(&mut self) -> Result<(), Broken> {
        let texts = std::mem::take(&mut self.texts);
        let claims = std::mem::take(&mut self.claims);
        let message = |claim: &Claim| texts[claim.text].as_bytes();
        let messages: Vec<&[u8]> = claims.iter().map(message).collect();
        let signatures: Vec<Signature> = claims.iter().map(|claim| claim.signature).collect();
        let keys: Vec<VerifyingKey> = claims.iter().map(|claim| *claim.key.key()).collect();
        if verify_batch(&messages, &signatures, &keys).is_ok() {
            return Ok(());
        }
        // Together they tell only that one is false. Checked alone, each is judged as others do.
        let is_false = |claim: &&Claim| {
            !claim
                .key
                .signed(message(claim), &claim.signature.to_bytes())
        };
        match claims.iter().find(is_false) {
            None => Ok(()),
            Some(claim) => Err(Broken {
                seq: claim.seq,
                to: claim.to,
                cause: Cause::SealSignature {
                    signer: claim.key.name().to_owned(),
                },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::SignerKey;

    #[test]
    fn the_first_false_signature_is_named() {
        let (log, epoch) = (
            SignerKey::generate("o").unwrap(),
            SignerKey::generate("o/epoch/0").unwrap(),
        );
        for bad in [None, Some(3), Some(40)] {
            let mut deferred = Deferred::default();
            for seal in 0..50 {
                let text = format!("o\n{seal}\n");
                let mut signatures =
                    [&log, &epoch].map(|key| (key.signature(text.as_bytes()), key.public()));
                if bad == Some(seal) {
                    signatures[1].0[5] ^= 1;
                }
                deferred.push((seal, seal), &text, signatures).unwrap();
            }
            match (deferred.check(), bad) {
                (Ok(()), None) => {}
                (Err(broken), Some(bad)) => {
                    assert_eq!(broken.seq, bad);
                    assert!(broken.to_string().contains("o/epoch/0"));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
