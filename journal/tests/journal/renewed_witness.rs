//! A witness goes on with another key of the same name: both cosign for a time, then the next one alone.

use daypass_journal::follow::SignedCheckpoint;
use daypass_journal::proof::Proof;
use daypass_journal::reader::{Line, Reader};
use daypass_journal::trust::Trust;
use daypass_journal::verify::{Lack, Options as VerifyOptions, Report, Verdict, verify};
use daypass_journal::witness::Witness;
use daypass_journal::writer::{Options, Writer};

use crate::place::{Place, SEGMENT_BYTES};

const NAME: &str = "example.org/witness";

/// A journal whose witness renews its key.
struct Scene {
    place: Place,
    before: Witness,
    heir: Witness,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let key = |file: &str| Witness::create(&place.path().join(file), NAME).unwrap();
        let (before, heir) = (key("witness.key"), key("witness.key.next"));
        Self {
            place,
            before,
            heir,
        }
    }

    fn open(&self, witnesses: &[&Witness]) -> Writer {
        let witnesses = witnesses.iter().map(|one| one.vkey().to_string());
        let options = Options {
            witnesses: witnesses.collect(),
            segment_bytes: SEGMENT_BYTES,
            ..Options::default()
        };
        self.place.open_with(options).0
    }

    fn verified_by(&self, witnesses: &[&Witness]) -> Report {
        let trust = Trust {
            witnesses: witnesses.iter().map(|one| one.vkey()).collect(),
            ..self.place.trust()
        };
        verify(&self.place.journal(), &trust, VerifyOptions::default())
    }

    /// The newest seal with a line of each, as a collector answers it.
    fn cosign(&self, writer: &Writer, witnesses: &[&Witness]) {
        let (_, seal) = writer.latest_seal();
        let notes: Vec<String> = witnesses
            .iter()
            .map(|one| one.cosign(&seal, 1_700_000_000).unwrap())
            .collect();
        let (text, _) = notes[0].rsplit_once("\n\n").unwrap();
        let lines = notes.iter().map(|note| note.rsplit_once("\n\n").unwrap().1);
        let note = format!("{text}\n\n{}", lines.collect::<String>());
        writer.append_witness(&note).unwrap();
    }

    /// The last witness line, and whether each key signed it.
    fn last_line(&self) -> (bool, bool) {
        let lines = Reader::open(&self.place.journal()).unwrap();
        let notes = lines.filter_map(|line| match line.unwrap() {
            Line::Witness(note) => Some(note),
            _ => None,
        });
        let last = SignedCheckpoint::parse(&notes.last().unwrap()).unwrap();
        let by = |one: &Witness| last.cosigned_by(&one.vkey()).is_some();
        (by(&self.before), by(&self.heir))
    }
}

fn is_unwitnessed(report: &Report) -> bool {
    matches!(&report.verdict, Verdict::Incomplete { lacks } if matches!(lacks[..], [Lack::Unwitnessed { .. }]))
}

#[test]
fn both_lines_of_a_name_are_kept_and_either_key_witnesses_the_end() {
    let scene = Scene::new();
    let Scene {
        place,
        before,
        heir,
    } = &scene;
    let writer = scene.open(&[before]);
    place.write(&writer, 2);
    // Before the journal declares it, a line of the heir is not kept.
    scene.cosign(&writer, &[before, heir]);
    assert_eq!(scene.last_line(), (true, false));
    let both = [before, heir].map(|one| one.vkey().to_string());
    writer.declare_witnesses(&both).unwrap();
    place.write(&writer, 2);
    scene.cosign(&writer, &[before, heir]);
    assert_eq!(scene.last_line(), (true, true));
    for trusted in [&[before][..], &[heir], &[before, heir]] {
        let report = scene.verified_by(trusted);
        assert_eq!(report.exit_code(), 0, "{report}");
    }
    // A proof has both lines, and counts for whoever trusts either.
    let (size, _) = writer.latest_seal();
    let proof = Proof::make(&place.journal(), size - 1).unwrap();
    assert_eq!(proof.to_string().matches(NAME).count(), 2);
}

#[test]
fn after_the_renewal_old_trust_witnesses_what_was_and_both_keys_witness_all() {
    let scene = Scene::new();
    let Scene {
        place,
        before,
        heir,
    } = &scene;
    let writer = scene.open(&[before]);
    place.write(&writer, 2);
    scene.cosign(&writer, &[before]);
    // Nobody was there while both cosigned.
    let alone = [heir.vkey().to_string()];
    writer.declare_witnesses(&alone).unwrap();
    let (size, _) = writer.latest_seal();
    assert!(is_unwitnessed(&scene.verified_by(&[before, heir])));
    place.write(&writer, 1);
    scene.cosign(&writer, &[heir]);
    assert_eq!(scene.last_line(), (false, true));
    let report = scene.verified_by(&[before, heir]);
    assert_eq!(report.exit_code(), 0, "{report}");
    let report = scene.verified_by(&[heir]);
    assert_eq!(report.exit_code(), 0, "{report}");
    // By the old trust file alone the end is not witnessed: it has to be printed again in time.
    let report = scene.verified_by(&[before]);
    assert!(is_unwitnessed(&report), "{report}");
    let seen = report.witnessed.unwrap();
    assert!(seen.size > 0 && seen.size < size);
    // What the key before signs from now on is kept no more.
    let note = before
        .cosign(&writer.latest_seal().1, 1_700_000_001)
        .unwrap();
    assert!(writer.append_witness(&note).is_err());
    drop(writer);
    // The next start knows that as well.
    let writer = scene.open(&[heir]);
    scene.cosign(&writer, &[heir]);
    drop(writer);
    let report = scene.verified_by(&[before, heir]);
    assert_eq!(report.exit_code(), 0, "{report}");
}
