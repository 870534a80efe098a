//! Nothing goes that no witness with entries of its own has seen.

use daypass_journal::witness::Witness;
use daypass_journal::writer::{Options, Writer};

use super::{everything, options};
use crate::place::Place;

#[test]
fn what_no_declared_witness_has_cosigned_stays() {
    let place = Place::new();
    let witness = Witness::create(&place.path().join("w"), "example.org/w").unwrap();
    let options = || Options {
        witnesses: vec![witness.vkey().to_string()],
        ..options()
    };
    let (writer, _) = place.open_with(options());
    place.write(&writer, 30);
    assert_eq!(writer.retire(&everything(), "root", "r").unwrap(), None);
    let note = writer.latest_seal().1;
    let cosigned = witness.cosign(&note, 1_700_000_000).unwrap();
    writer.append_witness(&cosigned).unwrap();
    place.write(&writer, 30);
    drop(writer);
    // Known after a start, too.
    let (writer, _) = place.open_with(options());
    let retired = writer.retire(&everything(), "root", "r").unwrap().unwrap();
    assert!(retired.segments < place.segments().len() - 1);
    let trust = daypass_journal::trust::Trust {
        witnesses: vec![witness.vkey()],
        ..place.trust()
    };
    let report = daypass_journal::verify::verify(
        &place.journal(),
        &trust,
        daypass_journal::verify::Options::default(),
    );
    assert_eq!(report.exit_code(), 2, "{report}");
    assert_eq!(report.witnessed.unwrap().time, 1_700_000_000);
}

#[test]
fn a_cosigned_seal_stays_with_its_cosignature() {
    let place = Place::new();
    let witness = Witness::create(&place.path().join("w"), "example.org/w").unwrap();
    let (writer, _) = place.open_with(Options {
        witnesses: vec![witness.vkey().to_string()],
        ..options()
    });
    place.write(&writer, 5);
    let early = writer.latest_seal().1;
    place.write(&writer, 3);
    let early = witness.cosign(&early, 1_700_000_000).unwrap();
    writer.append_witness(&early).unwrap();
    place.write(&writer, 60);
    let late = witness
        .cosign(&writer.latest_seal().1, 1_700_000_060)
        .unwrap();
    writer.append_witness(&late).unwrap();
    writer.retire(&everything(), "root", "r").unwrap().unwrap();
    let first = std::fs::read_to_string(&place.segments()[0]).unwrap();
    assert_eq!(first.matches("{\"witness\":").count(), 1, "{first}");
    let trust = daypass_journal::trust::Trust {
        witnesses: vec![witness.vkey()],
        ..place.trust()
    };
    let report = daypass_journal::verify::verify(
        &place.journal(),
        &trust,
        daypass_journal::verify::Options::default(),
    );
    assert!(report.remarks.is_empty(), "{report}");
}

#[test]
fn what_only_a_witness_without_entries_has_seen_is_not_retired() {
    let place = Place::new();
    let make = |name: &str| Witness::create(&place.path().join(name), name).unwrap();
    let (holds, outside) = (make("holds"), make("outside"));
    let options = Options {
        witnesses: vec![holds.vkey().to_string(), outside.vkey().to_string()],
        outside: vec![outside.vkey().to_string()],
        ..options()
    };
    let (writer, _) = place.open_with(options.clone());
    place.write(&writer, 40);
    let cosign = |witness: &Witness, writer: &Writer| {
        let note = witness.cosign(&writer.latest_seal().1, 1).unwrap();
        writer.append_witness(&note).unwrap();
    };
    cosign(&outside, &writer);
    assert_eq!(writer.retire(&everything(), "root", "r").unwrap(), None);
    // Nor after a start.
    writer.close().unwrap();
    let (writer, _) = place.open_with(options);
    assert_eq!(writer.retire(&everything(), "root", "r").unwrap(), None);
    cosign(&holds, &writer);
    assert!(writer.retire(&everything(), "root", "r").unwrap().is_some());
    assert_eq!(
        place.verify().exit_code(),
        2,
        "the trust file names no witness"
    );
}

#[test]
fn where_witnesses_were_ever_declared_nothing_goes_that_none_has_seen() {
    let place = Place::new();
    let witness = Witness::create(&place.path().join("w"), "example.org/w").unwrap();
    let (writer, _) = place.open_with(options());
    writer
        .declare_witnesses(&[witness.vkey().to_string()])
        .unwrap();
    place.write(&writer, 40);
    assert_eq!(writer.retire(&everything(), "root", "r").unwrap(), None);
    drop(writer);
    // Started without naming them.
    let (writer, _) = place.open_with(options());
    assert_eq!(writer.retire(&everything(), "root", "r").unwrap(), None);
}
