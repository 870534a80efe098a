//! What `verify` says of journals that nobody tampered with.

use daypass_journal::trust::Trust;
use daypass_journal::verify::{Lack, Options as VerifyOptions, Verdict, verify};
use daypass_journal::witness::Witness;
use daypass_journal::writer::Options;

use crate::place::{Place, tampered};

fn lacks(report: &daypass_journal::verify::Report) -> &[Lack] {
    assert_eq!(report.exit_code(), 2, "{report}");
    match &report.verdict {
        Verdict::Incomplete { lacks } => lacks,
        other => panic!("{other:?}"),
    }
}

fn witness(place: &Place) -> Witness {
    Witness::create(&place.path().join("witness.key"), "example.org/witness").unwrap()
}

fn declaring(witness: &Witness) -> Options {
    Options {
        witnesses: vec![witness.vkey().to_string()],
        ..Options::default()
    }
}

#[test]
fn an_empty_directory_is_not_fine() {
    let place = Place::new();
    std::fs::create_dir(place.journal()).unwrap();
    assert!(matches!(lacks(&place.verify()), [Lack::Unreadable { .. }]));
}

#[test]
fn without_keys_nothing_is_proven() {
    let place = Place::written(1);
    let report = verify(
        &place.journal(),
        &Trust::default(),
        VerifyOptions::default(),
    );
    assert!(matches!(lacks(&report), [Lack::UnknownLog { .. }]));
}

#[test]
fn entries_that_no_declared_witness_cosigned_are_unwitnessed() {
    let place = Place::new();
    let witness = witness(&place);
    let (writer, _) = place.open_with(declaring(&witness));
    place.write(&writer, 2);
    let trust = Trust {
        witnesses: vec![witness.vkey()],
        ..place.trust()
    };
    let report = verify(&place.journal(), &trust, VerifyOptions::default());
    assert_eq!(lacks(&report), [Lack::Unwitnessed { first: 0, count: 4 }]);

    let (size, note) = writer.latest_seal();
    assert_eq!(size, 4);
    let cosigned = witness.cosign(&note, 1_700_000_000).unwrap();
    writer.append_witness(&cosigned).unwrap();
    let report = verify(&place.journal(), &trust, VerifyOptions::default());
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(
        report
            .to_string()
            .contains("to entry 3 at 2023-11-14T22:13:20Z by example.org/witness")
    );

    place.write(&writer, 1);
    let report = verify(&place.journal(), &trust, VerifyOptions::default());
    assert_eq!(lacks(&report), [Lack::Unwitnessed { first: 4, count: 1 }]);
    // A witness that is not trusted witnesses nothing.
    let report = verify(&place.journal(), &place.trust(), VerifyOptions::default());
    assert_eq!(lacks(&report), [Lack::Unwitnessed { first: 0, count: 5 }]);
}

#[test]
fn a_journal_that_a_witness_saw_longer_is_cut() {
    let place = Place::new();
    let witness = witness(&place);
    let (writer, _) = place.open_with(declaring(&witness));
    place.write(&writer, 2);
    let cosigned = witness.cosign(&writer.latest_seal().1, 1).unwrap();
    writer.append_witness(&cosigned).unwrap();
    place.edit(|lines| {
        let last = lines.pop().unwrap();
        lines.truncate(lines.len() - 2);
        lines.push(last);
    });
    let trust = Trust {
        witnesses: vec![witness.vkey()],
        ..place.trust()
    };
    let report = verify(&place.journal(), &trust, VerifyOptions::default());
    let (seq, cause) = tampered(&report);
    assert_eq!(seq, 3);
    assert!(cause.contains("knows of 4 entries"), "{cause}");
}

#[test]
fn cosignatures_of_another_tree_or_witness_are_not_taken() {
    let place = Place::new();
    let witness = witness(&place);
    let (writer, _) = place.open_with(declaring(&witness));
    place.write(&writer, 1);
    let other = Place::written(1);
    let stranger = Witness::create(&other.path().join("w"), "example.org/stranger").unwrap();
    let (_, note) = writer.latest_seal();
    let refused = |note: &str| writer.append_witness(note).unwrap_err().to_string();
    assert!(refused(&stranger.cosign(&note, 1).unwrap()).contains("no witness that"));
    let forked = witness.cosign(&other.seals()[1], 1).unwrap();
    assert!(refused(&forked).contains("the witness saw another journal of 3 entries"));
    assert!(refused("nonsense").contains("not a signed checkpoint"));
    let mut damaged = witness.cosign(&note, 1).unwrap();
    let place_in_signature = damaged.len() - 20;
    let other_letter = match damaged.as_bytes()[place_in_signature] {
        b'A' => "B",
        _ => "A",
    };
    damaged.replace_range(place_in_signature..=place_in_signature, other_letter);
    assert!(refused(&damaged).contains("is false"));
}

#[test]
fn a_checkpoint_of_another_journal_is_no_measure() {
    let place = Place::written(1);
    let other = Place::of("example.org/other");
    other.write(&other.open().0, 1);
    let report = place.verify_against(&other.seals()[0]);
    assert!(matches!(lacks(&report), [Lack::CheckpointOrigin { .. }]));
    let stripped = place.seals()[0].replacen("\u{2014} daypass", "\u{2014} other", 1);
    let report = place.verify_against(&stripped);
    assert!(matches!(lacks(&report), [Lack::CheckpointUnsigned]));
}

#[test]
fn progress_reaches_the_end() {
    let place = Place::written(3);
    let mut seen = (0, 1);
    let mut note = |done, total| seen = (done, total);
    let options = VerifyOptions {
        progress: Some(&mut note),
        ..VerifyOptions::default()
    };
    let report = verify(&place.journal(), &place.trust(), options);
    assert_eq!(report.exit_code(), 0);
    assert_eq!(seen.0, seen.1);
}

#[test]
fn a_report_is_json_for_programs() {
    let place = Place::written(2);
    place.edit(|lines| lines[3] = lines[3].replace("true", "tree"));
    let json = serde_json::to_value(place.verify()).unwrap();
    assert_eq!(json["verdict"]["is"], "tampered");
    assert_eq!(json["verdict"]["seq"], 2);
    assert!(json["verdict"]["cause"].is_string());
}
