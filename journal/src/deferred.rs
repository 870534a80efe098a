//! Signatures that are checked later, on all cores. One by one: see decision 0033.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::chain::{Broken, Cause};
use crate::note::VerifierKey;

/// How many signatures are handed to a core at once; more gain little.
const TOGETHER: usize = 128;

/// One signature on a seal, and what a false one breaks.
struct Claim {
    text: usize,
    signature: [u8; 64],
    key: VerifierKey,
    seq: u64,
    to: u64,
}

/// The seals whose signatures are checked by one core.
#[derive(Default)]
struct Batch {
    texts: Vec<String>,
    claims: Vec<Claim>,
}

/// Claims that wait for their check.
#[derive(Default)]
pub(crate) struct Deferred {
    batch: Batch,
    crew: Option<Crew>,
}

impl Deferred {
    /// Checks with the help of the machine's other cores.
    pub(crate) fn on_all_cores() -> Self {
        Self {
            batch: Batch::default(),
            crew: Crew::muster(),
        }
    }

    /// Takes the signatures on one seal, which covers the entries from `seq` to `to` first.
    pub(crate) fn push(
        &mut self,
        (seq, to): (u64, u64),
        text: &str,
        signatures: [([u8; 64], &VerifierKey); 2],
    ) -> Result<(), Broken> {
        let Batch { texts, claims } = &mut self.batch;
        texts.push(text.to_owned());
        let text = texts.len() - 1;
        claims.extend(signatures.map(|(signature, key)| Claim {
            text,
            signature,
            key: key.clone(),
            seq,
            to,
        }));
        if claims.len() < TOGETHER {
            return Ok(());
        }
        match &mut self.crew {
            None => self.check(),
            Some(crew) => crew.hand_over(std::mem::take(&mut self.batch)),
        }
    }

    /// Checks all that wait; the error is the first false one.
    pub(crate) fn check(&mut self) -> Result<(), Broken> {
        let handed_over = match &mut self.crew {
            None => Ok(()),
            Some(crew) => crew.finish(),
        };
        // What was handed over came before.
        let left = std::mem::take(&mut self.batch).check();
        handed_over.and(left)
    }
}

impl Batch {
    fn check(self) -> Result<(), Broken> {
        let Self { texts, claims } = self;
        let is_false = |claim: &&Claim| {
            let message = texts[claim.text].as_bytes();
            !claim.key.signed(message, &claim.signature)
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

/// Threads that check batches beside the one that reads. It checks some itself when they are busy,
/// so that no more than a few batches wait.
struct Crew {
    jobs: SyncSender<Batch>,
    results: Receiver<Result<(), Broken>>,
    waiting: usize,
    first: Option<Broken>,
}

impl Crew {
    /// `None` where there is one core, or no thread to be had.
    fn muster() -> Option<Self> {
        let helpers = thread::available_parallelism().ok()?.get() - 1;
        let (jobs, queue) = sync_channel::<Batch>(helpers);
        let (tell, results) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..helpers {
            let (queue, tell) = (Arc::clone(&queue), tell.clone());
            let help = move || {
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    // Ends with the crew.
                    let Ok(batch) = job else { return };
                    if tell.send(batch.check()).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new()
                .name("journal-verify".to_owned())
                .spawn(help)
                .ok()?;
        }
        (helpers > 0).then_some(Self {
            jobs,
            results,
            waiting: 0,
            first: None,
        })
    }

    fn hand_over(&mut self, batch: Batch) -> Result<(), Broken> {
        match self.jobs.try_send(batch) {
            Ok(()) => self.waiting += 1,
            Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) => {
                self.note(batch.check());
            }
        }
        while let Ok(result) = self.results.try_recv() {
            self.waiting -= 1;
            self.note(result);
        }
        match self.first {
            None => Ok(()),
            // An earlier one may still be under way.
            Some(_) => self.finish(),
        }
    }

    fn finish(&mut self) -> Result<(), Broken> {
        while self.waiting > 0 {
            self.waiting -= 1;
            match self.results.recv() {
                Ok(result) => self.note(result),
                // A helper that panicked gave no answer, and none may be made up for it.
                Err(_) => panic!("the threads that check signatures are gone"),
            }
        }
        self.first.clone().map_or(Ok(()), Err)
    }

    fn note(&mut self, result: Result<(), Broken>) {
        if let Err(broken) = result
            && self
                .first
                .as_ref()
                .is_none_or(|first| broken.seq < first.seq)
        {
            self.first = Some(broken);
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
        let kinds = [Deferred::default, Deferred::on_all_cores];
        let bads = [None, Some(3), Some(40), Some(333), Some(399)];
        for (bad, kind) in bads.iter().flat_map(|bad| kinds.map(|kind| (*bad, kind))) {
            let mut deferred = kind();
            let mut pushed = Ok(());
            for seal in 0..400 {
                let text = format!("o\n{seal}\n");
                let mut signatures =
                    [&log, &epoch].map(|key| (key.signature(text.as_bytes()), key.public()));
                // Those after it may be false as well.
                if bad.is_some_and(|bad| seal == bad || seal == bad + 70) {
                    signatures[1].0[5] ^= 1;
                }
                pushed = pushed.and_then(|()| deferred.push((seal, seal), &text, signatures));
            }
            match (pushed.and_then(|()| deferred.check()), bad) {
                (Ok(()), None) => {}
                (Err(broken), Some(bad)) => {
                    assert_eq!(broken.seq, bad);
                    assert!(broken.to_string().contains("o/epoch/0"));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// A signature by the key's owner whose R has a part outside of the prime-order group: the equation without cofactor
    /// refuses it, that with the cofactor takes it, and one over several signatures takes it now and then.
    fn mixed(seed: &[u8; 32], text: &[u8]) -> [u8; 64] {
        use curve25519_dalek::constants::EIGHT_TORSION;
        use curve25519_dalek::edwards::EdwardsPoint;
        use curve25519_dalek::scalar::Scalar;
        use sha2::{Digest as _, Sha512};
        let secret = ed25519_dalek::hazmat::ExpandedSecretKey::from(seed);
        let public = ed25519_dalek::VerifyingKey::from(&secret);
        let nonce = Scalar::from_bytes_mod_order_wide(&Sha512::digest(text).into());
        let r = (EdwardsPoint::mul_base(&nonce) + EIGHT_TORSION[1]).compress();
        let hash = Sha512::new()
            .chain_update(r.as_bytes())
            .chain_update(public.as_bytes())
            .chain_update(text);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let s = nonce + k * secret.scalar;
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(r.as_bytes());
        signature[32..].copy_from_slice(s.as_bytes());
        signature
    }

    #[test]
    fn a_signature_that_some_equations_take_is_taken_by_nobody() {
        let seed = [7; 32];
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        let key = VerifierKey::new("o".to_owned(), crate::note::KeyKind::Ed25519, public);
        let good = SignerKey::generate("o/epoch/0").unwrap();
        for seal in 0..64 {
            let text = format!("o\n{seal}\n");
            let bad = mixed(&seed, text.as_bytes());
            assert!(!key.signed(text.as_bytes(), &bad), "alone");
            let mut deferred = Deferred::default();
            let signatures = [
                (bad, &key),
                (good.signature(text.as_bytes()), good.public()),
            ];
            deferred.push((seal, seal), &text, signatures).unwrap();
            assert!(deferred.check().is_err(), "among others, {seal}");
        }
    }
}
