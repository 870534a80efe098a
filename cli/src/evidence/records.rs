//! The entries of a bundle's journals, each with its proof.

use std::collections::{BTreeMap, BTreeSet};

use daypass_journal::entry::Head;
use daypass_journal::proof::{Proof, Proven};
use daypass_journal::trust::{Trust, TrustedLog};
use daypass_protocol::time::Time;
use serde_json::Value;

use super::bundle::Bundle;
use super::fault::{Damage, Fault};
use super::judge::Lack;
use super::part::Part;
use crate::log::entry::Entry;

/// An entry that is in its journal.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) journal: u32,
    pub(super) seq: u64,
    pub(super) entry: Entry,
    /// In whole seconds, by the clock of the machine that wrote it.
    pub(super) time: Time,
}

impl Record {
    /// The part that it stands in.
    pub(super) fn part(&self) -> Part {
        Part::Entry {
            journal: self.journal,
            seq: self.seq,
        }
    }

    pub(super) fn action(&self) -> &str {
        self.entry.text("/action")
    }

    pub(super) fn detail(&self, key: &str) -> Option<&Value> {
        self.entry.value("/detail")?.get(key)
    }

    pub(super) fn detail_text(&self, key: &str) -> Option<&str> {
        self.detail(key)?.as_str()
    }
}

/// How a journal's entries are proven.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    pub(super) origin: String,
    pub(super) entries: usize,
    /// The sizes of the trees that they are in.
    pub(super) sizes: Vec<u64>,
    /// Witnesses, when they last saw one of these, and how many entries it covered.
    pub(super) witnesses: BTreeMap<String, (u64, u64)>,
    /// Entries that no trusted witness covers.
    pub(super) unwitnessed: usize,
}

/// All entries of one journal.
pub(super) fn check(
    bundle: &Bundle,
    journal: u32,
    origin: &str,
    trust: &Trust,
    faults: &mut Vec<Fault>,
    lacks: &mut Vec<Lack>,
) -> (Vec<Record>, Proofs) {
    let mut records = Vec::new();
    let mut proofs = Proofs {
        origin: origin.to_owned(),
        ..Proofs::default()
    };
    let log = trust.logs.iter().find(|log| log.origin() == origin);
    if log.is_none() {
        lacks.push(Lack::UnknownLog {
            origin: origin.to_owned(),
        });
    }
    let (log, handovers) = log
        .map(|log| handed_over(bundle, journal, log.clone()))
        .unzip();
    let handovers = handovers.unwrap_or_default();
    for (seq, bytes) in entries(bundle, journal) {
        let record = match read(bytes, journal, seq) {
            Ok(record) => record,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        let proven = proof(bundle, journal, seq, origin).and_then(|proof| match &log {
            None => Ok(None),
            Some(log) => proof
                .check(bytes, log, &trust.witnesses)
                .map(Some)
                .map_err(|fault| Fault::new(&Part::Proof { journal, seq }, fault)),
        });
        match proven {
            Ok(proven) => {
                if let Some(proven) = proven {
                    proofs.add(&proven);
                    // The log's word about itself; whatever the next key says is witnessed, or counted here.
                    if proven.witnesses.is_empty() && !handovers.contains(&seq) {
                        proofs.unwitnessed += 1;
                    }
                }
                records.push(record);
            }
            Err(fault) => faults.push(fault),
        }
    }
    let declares = records.iter().any(|record| {
        let declared = record.detail("witnesses").and_then(Value::as_array);
        record.action().starts_with("journal.") && declared.is_some_and(|list| !list.is_empty())
    });
    if proofs.unwitnessed > 0 && (declares || !trust.witnesses.is_empty()) {
        lacks.push(Lack::Unwitnessed {
            origin: origin.to_owned(),
            entries: proofs.unwitnessed,
        });
    }
    (records, proofs)
}

/// The entries of a journal, in their order.
fn entries(bundle: &Bundle, journal: u32) -> impl Iterator<Item = (u64, &[u8])> {
    bundle.parts().filter_map(move |(part, bytes)| match part {
        Part::Entry { journal: of, seq } if *of == journal => Some((*seq, bytes)),
        _ => None,
    })
}

/// The log with the keys that it was handed over to, as far as each is proven by the one before; and the entries that
/// say so.
fn handed_over(bundle: &Bundle, journal: u32, log: TrustedLog) -> (TrustedLog, BTreeSet<u64>) {
    let mut found = BTreeSet::new();
    let mut log = log;
    for (seq, bytes) in entries(bundle, journal) {
        // Most say nothing of the kind, and a proof costs something to read.
        if !String::from_utf8_lossy(bytes).contains("\"journal.log_key\"") {
            continue;
        }
        let proof = proof(bundle, journal, seq, log.origin());
        let later = proof.ok().and_then(|proof| log.following(bytes, &proof));
        if let Some(later) = later {
            found.insert(seq);
            log = later;
        }
    }
    (log, found)
}

fn read(bytes: &[u8], journal: u32, seq: u64) -> Result<Record, Fault> {
    let part = Part::Entry { journal, seq };
    let head = Head::parse(bytes).ok_or_else(|| Fault::new(&part, Damage::NotAnEntry))?;
    if head.seq != seq {
        return Err(Fault::new(&part, Damage::OtherEntry { found: head.seq }));
    }
    let entry = Entry::new(bytes.to_vec());
    let second = entry.time().map(|time| Time::from_unix(time.as_second()));
    Ok(Record {
        journal,
        seq,
        time: second.ok_or_else(|| Fault::new(&part, Damage::NotAnEntry))?,
        entry,
    })
}

fn proof(bundle: &Bundle, journal: u32, seq: u64, origin: &str) -> Result<Proof, Fault> {
    let part = Part::Proof { journal, seq };
    let missing = || {
        Fault::of_bundle(Damage::Missing {
            part: part.to_string(),
        })
    };
    let bytes = bundle.bytes(&part).ok_or_else(missing)?;
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::new(&part, Damage::NotText))?;
    let proof: Proof = text
        .parse()
        .map_err(|fault: daypass_journal::proof::ProofFault| Fault::new(&part, fault))?;
    if proof.index != seq {
        return Err(Fault::new(&part, Damage::OtherProof { found: proof.index }));
    }
    if proof.checkpoint.lines().next() != Some(origin) {
        return Err(Fault::new(
            &part,
            Damage::Differs {
                field: "journal",
                other: Part::Manifest.to_string(),
            },
        ));
    }
    if proof.to_string() != text {
        return Err(Fault::new(&part, Damage::OtherText));
    }
    Ok(proof)
}

impl Proofs {
    fn add(&mut self, proven: &Proven) {
        self.entries += 1;
        if !self.sizes.contains(&proven.size) {
            self.sizes.push(proven.size);
            self.sizes.sort_unstable();
        }
        for (witness, time) in &proven.witnesses {
            let seen = self.witnesses.entry(witness.clone()).or_default();
            *seen = (*seen).max((*time, proven.size));
        }
    }
}
