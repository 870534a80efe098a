//! C2SP tlog-witness: somebody brings a checkpoint that a log signed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use daypass_journal::follow::SignedCheckpoint;
use daypass_journal::tree::Hash;
use daypass_journal::tree::path;

use crate::checkpoints::Mark;

/// Lines of a proof, at most.
const PROOF_LIMIT: usize = 63;

/// A request's body, taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddCheckpoint {
    /// The size that is said to be held.
    pub old: u64,
    /// From there to the checkpoint.
    pub proof: Vec<Hash>,
    /// The checkpoint.
    pub checkpoint: SignedCheckpoint,
    /// Its signed note, as it came.
    pub note: String,
}

/// Why a body is not of that form.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidRequest {
    /// The first line.
    #[error("the first line must be: old SIZE")]
    Old,
    /// A line of the proof.
    #[error("line {0} is no hash in base64")]
    Proof(usize),
    /// More lines than any proof has.
    #[error("a proof has at most {PROOF_LIMIT} lines")]
    LongProof,
    /// What follows the empty line.
    #[error("what follows the empty line is no signed checkpoint")]
    Checkpoint,
}

/// What is to be answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// It is the checkpoint that is held.
    Cosign,
    /// It follows from what is held, but its entries are not here: 503.
    EntriesMissing,
    /// It goes on from a size beyond its own: 400.
    OldBeyondSize,
    /// It goes on from another size than the one held: 409 with that.
    OtherSize {
        /// The size held.
        held: u64,
    },
    /// It has the size held and another root: 409, and an alarm.
    OtherRoot {
        /// The size held.
        held: u64,
    },
    /// The proof does not hold: 422.
    Inconsistent,
}

impl AddCheckpoint {
    /// Reads a body.
    ///
    /// # Errors
    /// When it has not the form that the specification gives.
    pub fn parse(body: &str) -> Result<Self, InvalidRequest> {
        let (head, note) = body.split_once("\n\n").ok_or(InvalidRequest::Checkpoint)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let old = old.and_then(size).ok_or(InvalidRequest::Old)?;
        let mut proof = Vec::new();
        for (number, line) in (2..).zip(lines) {
            if proof.len() == PROOF_LIMIT {
                return Err(InvalidRequest::LongProof);
            }
            let bytes = STANDARD
                .decode(line)
                .ok()
                .and_then(|bytes| bytes.try_into().ok());
            proof.push(bytes.ok_or(InvalidRequest::Proof(number))?);
        }
        Ok(Self {
            old,
            proof,
            checkpoint: SignedCheckpoint::parse(note).ok_or(InvalidRequest::Checkpoint)?,
            note: note.to_owned(),
        })
    }

    /// Judges a checkpoint whose signature counts, in the order that the specification gives.
    pub fn judge(&self, held: &Mark) -> Judgement {
        let new = Mark {
            size: self.checkpoint.size,
            root: self.checkpoint.root,
        };
        if self.old > new.size {
            Judgement::OldBeyondSize
        } else if self.old != held.size {
            Judgement::OtherSize { held: held.size }
        } else if self.old == new.size && held.root != new.root {
            Judgement::OtherRoot { held: held.size }
        } else if !is_consistent(held, &new, &self.proof) {
            Judgement::Inconsistent
        } else if new == *held {
            Judgement::Cosign
        } else {
            Judgement::EntriesMissing
        }
    }
}

/// From the empty tree only the empty proof holds, and between equal sizes too.
fn is_consistent(old: &Mark, new: &Mark, proof: &[Hash]) -> bool {
    if old.size == 0 || old.size == new.size {
        return proof.is_empty();
    }
    path::is_consistent(old.size, &old.root, new.size, &new.root, proof)
}

fn size(text: &str) -> Option<u64> {
    let size: u64 = text.parse().ok()?;
    (size.to_string() == text).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOTE: &str = "log.example\n2\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} log.example Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    const HASH: &str = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=";

    #[test]
    fn a_body_is_taken_apart() {
        let read = AddCheckpoint::parse(&format!("old 1\n{HASH}\n\n{NOTE}")).unwrap();
        assert_eq!(
            (read.old, read.proof.len(), read.checkpoint.size),
            (1, 1, 2)
        );
        assert!(
            AddCheckpoint::parse(&format!("old 0\n\n{NOTE}"))
                .unwrap()
                .proof
                .is_empty()
        );
    }

    #[test]
    fn what_is_malformed_is_refused_with_its_reason() {
        let long = format!("{HASH}\n").repeat(64);
        for (body, error) in [
            (format!("old 01\n\n{NOTE}"), InvalidRequest::Old),
            (format!("old +1\n\n{NOTE}"), InvalidRequest::Old),
            (format!("new 1\n\n{NOTE}"), InvalidRequest::Old),
            (format!("old 1\nAAAA\n\n{NOTE}"), InvalidRequest::Proof(2)),
            (format!("old 1\n{long}\n{NOTE}"), InvalidRequest::LongProof),
            ("old 1\n\nnothing".to_owned(), InvalidRequest::Checkpoint),
            (String::new(), InvalidRequest::Checkpoint),
        ] {
            assert_eq!(AddCheckpoint::parse(&body), Err(error), "{body}");
        }
    }

    #[test]
    fn judgements_come_in_the_order_of_the_specification() {
        let read = |body: &str| AddCheckpoint::parse(&format!("{body}\n\n{NOTE}")).unwrap();
        let same = Mark {
            size: 2,
            root: read("old 2").checkpoint.root,
        };
        let other = Mark {
            root: [1; 32],
            ..same
        };
        assert_eq!(read("old 2").judge(&same), Judgement::Cosign);
        assert_eq!(read("old 3").judge(&same), Judgement::OldBeyondSize);
        assert_eq!(read("old 1").judge(&same), Judgement::OtherSize { held: 2 });
        assert_eq!(
            read("old 2").judge(&other),
            Judgement::OtherRoot { held: 2 }
        );
        assert_eq!(
            read(&format!("old 2\n{HASH}")).judge(&same),
            Judgement::Inconsistent
        );
        assert_eq!(
            read("old 0").judge(&Mark::empty()),
            Judgement::EntriesMissing
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(body in "(old [0-9]{1,20}\n)?[ -~\n]{0,200}") {
            let _ = AddCheckpoint::parse(&body);
        }
    }
}
