//! Others judge what we write: another implementation of RFC 6962, a small reader of C2SP tlog-tiles upon it, and a reader
//! in another language, which checks the signatures as well.

use std::path::Path;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use daypass_journal::proof::{Proof, prove_consistency};
use daypass_journal::reader::Line;
use daypass_journal::tiles::{self, Exported};
use daypass_journal::writer::Options;
use sha2::{Digest, Sha256};

use crate::place::Place;

/// Size and root of a checkpoint, as C2SP tlog-checkpoint says: the second and third line.
fn checkpoint(note: &str) -> (u64, [u8; 32]) {
    let lines: Vec<&str> = note.lines().collect();
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, lines[2]);
    (
        lines[1].parse().unwrap(),
        decoded.unwrap().try_into().unwrap(),
    )
}

fn root(note: &str) -> RootHash<Sha256> {
    let (size, root) = checkpoint(note);
    RootHash::new(root.into(), size)
}

fn entries(place: &Place) -> Vec<Vec<u8>> {
    let entry = |line| match line {
        Line::Entry { bytes, .. } => Some(bytes),
        _ => None,
    };
    place.lines().into_iter().filter_map(entry).collect()
}

/// The tree of these leaves, as the other implementation grows it.
fn tree(leaves: &[Vec<u8>]) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    leaves.iter().for_each(|leaf| tree.push(leaf.clone()));
    tree
}

/// A journal of several full tiles, sealed in large batches.
fn large(entries: usize) -> Place {
    let place = Place::new();
    let (writer, _) = place.open_with(Options::default());
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| place.write(&writer, entries / 32));
        }
    });
    place
}

#[test]
fn proofs_are_taken_by_another_implementation() {
    let place = large(640);
    let entries = entries(&place);
    let tree = tree(&entries);
    let seqs = (0..entries.len() as u64).step_by(37).collect();
    for (seq, proof) in Proof::make_all(&place.journal(), &seqs).unwrap() {
        let root = root(&proof.checkpoint);
        let place = usize::try_from(seq).unwrap();
        assert_eq!(
            tree.prove_inclusion(place).as_bytes(),
            proof.hashes.as_flattened()
        );
        let theirs = InclusionProof::try_from_bytes(proof.hashes.concat()).unwrap();
        root.verify_inclusion(&entries[place], seq, &theirs)
            .unwrap();
        assert!(root.verify_inclusion(b"other", seq, &theirs).is_err());
    }
    let size = entries.len() as u64;
    for old in [1, 2, 255, 256, 257, 600] {
        let proof = prove_consistency(&place.journal(), old, size).unwrap();
        let theirs = ConsistencyProof::try_from_bytes(proof.concat()).unwrap();
        let before = self::tree(&entries[..usize::try_from(old).unwrap()]).root();
        tree.root().verify_consistency(&before, &theirs).unwrap();
    }
}

#[test]
fn tiles_hold_every_entry_and_every_hash_of_the_tree() {
    let place = large(960);
    let entries = entries(&place);
    let out = place.path().join("tiles");
    let exported = tiles::export(&place.journal(), &out).unwrap();
    let size = entries.len() as u64;
    // Four tiles of leaves, the last of them partial, and one of the level above.
    let expected = Exported {
        size,
        tiles: 5,
        bundles: 4,
        left_out: vec![],
    };
    assert_eq!(exported, expected);
    assert_eq!(bundled(&out, size), entries);
    let note = std::fs::read_to_string(out.join("checkpoint")).unwrap();
    let tree = tree(&entries);
    assert_eq!(checkpoint(&note).0, size);
    assert_eq!(
        tree.root().as_bytes()[..],
        checkpoint(&note).1,
        "the root that the log signed"
    );
    let leaves: Vec<u8> = entries.iter().flat_map(|entry| leaf_hash(entry)).collect();
    assert_eq!(
        hashes(&out, 0, size).concat(),
        leaves,
        "level 0: the leaves' hashes"
    );
    let above: Vec<Vec<u8>> = entries
        .chunks_exact(256)
        .map(|leaves| self::tree(leaves).root().as_bytes().to_vec())
        .collect();
    assert_eq!(
        hashes(&out, 1, size / 256).concat(),
        above.concat(),
        "level 1: the roots of the full tiles below"
    );
}

fn leaf_hash(entry: &[u8]) -> [u8; 32] {
    Sha256::new_with_prefix([0])
        .chain_update(entry)
        .finalize()
        .into()
}

/// The tiles of a level that has so many hashes.
fn hashes(out: &Path, level: u32, count: u64) -> Vec<Vec<u8>> {
    resources(&out.join("tile").join(level.to_string()), count)
}

/// The files of a level with so many elements, 256 in each but the last.
fn resources(level: &Path, count: u64) -> Vec<Vec<u8>> {
    let read = |number: u64| {
        let name = match (count - number * 256).min(256) {
            256 => format!("{number:03}"),
            width => format!("{number:03}.p/{width}"),
        };
        std::fs::read(level.join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    (0..count.div_ceil(256)).map(read).collect()
}

/// A small reader of entry bundles.
fn bundled(out: &Path, size: u64) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    for bytes in resources(&out.join("tile/entries"), size) {
        let mut rest = &bytes[..];
        while let Some((length, behind)) = rest.split_first_chunk::<2>() {
            let (entry, behind) = behind.split_at(usize::from(u16::from_be_bytes(*length)));
            entries.push(entry.to_vec());
            rest = behind;
        }
    }
    entries
}

#[test]
fn an_erased_entry_keeps_its_hash_and_takes_its_bundle_along() {
    let place = Place::new();
    let (writer, _) = place.open();
    place.write(&writer, 300);
    let leaf = leaf_hash(&entries(&place)[5]);
    writer.erase(&[5], "alice", "asked to").unwrap();
    let out = place.path().join("tiles");
    let exported = tiles::export(&place.journal(), &out).unwrap();
    assert_eq!(exported.left_out, [0]);
    assert!(!out.join("tile/entries/000").exists());
    assert_eq!(hashes(&out, 0, exported.size)[0][5 * 32..6 * 32], leaf);
}

#[test]
fn tiles_are_not_mixed_with_what_is_there() {
    let place = Place::written(2);
    let error = tiles::export(&place.journal(), &place.keys()).unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
}

#[test]
fn the_golden_proof_and_tiles_are_met_byte_for_byte() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors");
    let read = |name: &str| std::fs::read(vectors.join("proofs").join(name)).unwrap();
    let journal = vectors.join("journal/good");
    let proof = Proof::make(&journal, 4).unwrap();
    assert_eq!(proof.to_string().as_bytes(), read("4.tlog-proof"));
    let trust = daypass_journal::trust::Trust::read(&vectors.join("journal/trust.toml")).unwrap();
    let proven = proof
        .check(&read("4.json"), &trust.logs[0], &trust.witnesses)
        .unwrap();
    assert_eq!(proven.witnesses.len(), 1);
    let dir = tempfile::tempdir().unwrap();
    let exported = tiles::export(&journal, &dir.path().join("tiles")).unwrap();
    let size = proven.size;
    assert_eq!(
        exported,
        Exported {
            size,
            tiles: 1,
            bundles: 1,
            left_out: vec![]
        }
    );
    for name in [
        "checkpoint",
        &format!("tile/0/000.p/{size}"),
        &format!("tile/entries/000.p/{size}"),
    ] {
        let made = std::fs::read(dir.path().join("tiles").join(name)).unwrap();
        assert_eq!(made, read(&format!("tiles/{name}")), "{name}");
    }
}

#[test]
fn a_reader_in_another_language_gives_every_vector_its_verdict() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/journal");
    let python =
        |words: &[&std::ffi::OsStr]| std::process::Command::new("python3").args(words).output();
    if !python(&["--version".as_ref()]).is_ok_and(|output| output.status.success()) {
        // The judge, not what is judged, is missing.
        eprintln!("skipped: there is no python3 on this machine to run verify.py");
        return;
    }
    let text = std::fs::read_to_string(vectors.join("cases.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
    for case in cases.as_array().unwrap() {
        let journal = vectors.join(case["journal"].as_str().unwrap());
        let (script, trust) = (vectors.join("verify.py"), vectors.join("trust.toml"));
        let output = python(&[script.as_ref(), journal.as_ref(), trust.as_ref()]).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).expect(&said);
        for key in ["exit", "proven", "seq"] {
            assert_eq!(verdict[key], case[key], "{key} of {}", journal.display());
        }
    }
}
