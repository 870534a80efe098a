//! Proofs made from a journal's files convince whoever has the keys, and nobody else.

use daypass_journal::proof::{Proof, ProofFault, prove_consistency};
use daypass_journal::reader::Line;
use daypass_journal::tree::path::is_consistent;
use daypass_journal::tree::{Frontier, leaf_hash};
use daypass_journal::witness::Witness;
use daypass_journal::writer::Options;

use crate::place::Place;

fn leaf(place: &Place, wanted: u64) -> Vec<u8> {
    let leaf = |line| match line {
        Line::Entry { seq, bytes } if seq == wanted => Some(bytes),
        _ => None,
    };
    place.lines().into_iter().find_map(leaf).unwrap()
}

#[test]
fn every_entry_can_be_proven() {
    let place = Place::written(9);
    let log = &place.trust().logs[0];
    for seq in 0..11 {
        let proof = Proof::make(&place.journal(), seq).unwrap();
        let again: Proof = proof.to_string().parse().unwrap();
        assert_eq!(again, proof);
        let proven = again.check(&leaf(&place, seq), log, &[]).unwrap();
        assert_eq!(proven.size, 11);
        let other = leaf(&place, (seq + 1) % 11);
        assert_eq!(
            proof.check(&other, log, &[]),
            Err(ProofFault::Path { index: seq })
        );
    }
    assert!(Proof::make(&place.journal(), 11).is_err());
}

#[test]
fn a_proof_names_the_witnesses_of_its_checkpoint() {
    let place = Place::new();
    let witness = Witness::create(&place.path().join("w"), "example.org/w").unwrap();
    let (writer, _) = place.open_with(Options {
        witnesses: vec![witness.vkey().to_string()],
        ..Options::default()
    });
    place.write(&writer, 3);
    let note = writer.latest_seal().1;
    writer
        .append_witness(&witness.cosign(&note, 77).unwrap())
        .unwrap();
    place.write(&writer, 2);
    let log = &place.trust().logs[0];
    let proof = Proof::make(&place.journal(), 4).unwrap();
    let proven = proof
        .check(&leaf(&place, 4), log, &[witness.vkey()])
        .unwrap();
    assert_eq!(proven.size, 5);
    assert_eq!(proven.witnesses, [("example.org/w".to_owned(), 77)]);
    // What came after the cosignature is proven under the latest seal.
    let proof = Proof::make(&place.journal(), 6).unwrap();
    let proven = proof
        .check(&leaf(&place, 6), log, &[witness.vkey()])
        .unwrap();
    assert_eq!((proven.size, proven.witnesses.len()), (7, 0));
}

#[test]
fn a_proof_of_another_journal_or_without_its_signature_proves_nothing() {
    let place = Place::written(2);
    let other = Place::of("example.org/other");
    let proof = Proof::make(&place.journal(), 1).unwrap();
    let entry = leaf(&place, 1);
    let fault = proof
        .check(&entry, &other.trust().logs[0], &[])
        .unwrap_err();
    assert!(matches!(fault, ProofFault::Origin { .. }));
    let same_name = Place::new();
    let fault = proof
        .check(&entry, &same_name.trust().logs[0], &[])
        .unwrap_err();
    assert!(matches!(fault, ProofFault::Signature { .. }));
}

#[test]
fn any_two_checkpoints_of_a_journal_are_consistent() {
    let place = Place::written(9);
    let mut roots = vec![];
    let mut tree = Frontier::default();
    for seq in 0..11 {
        tree.push(leaf_hash(&leaf(&place, seq)));
        roots.push(tree.root());
    }
    let journal = place.journal();
    for (old, old_root) in (1_u64..).zip(&roots) {
        for (new, new_root) in (1_u64..).zip(&roots).skip(old as usize - 1) {
            let proof = prove_consistency(&journal, old, new).unwrap();
            assert!(
                is_consistent(old, old_root, new, new_root, &proof),
                "{old} {new}"
            );
        }
    }
}
