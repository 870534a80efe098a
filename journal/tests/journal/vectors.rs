//! The test vectors in `tests/vectors/journal`: journals with the verdict that any verifier of this
//! format must give.

use std::path::{Path, PathBuf};

use daypass_journal::trust::Trust;
use daypass_journal::verify::{Options as VerifyOptions, verify};
use daypass_journal::witness::Witness;
use daypass_journal::writer::{Options, Retention};
use serde_json::json;

use crate::place::{Place, line_of, tampered};

pub(crate) fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/journal")
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    journal: String,
    exit: u8,
    proven: u64,
    #[serde(default)]
    seq: Option<u64>,
}

#[test]
fn every_vector_gets_its_verdict() {
    let text = std::fs::read_to_string(vectors().join("cases.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    let trust = Trust::read(&vectors().join("trust.toml")).unwrap();
    for case in cases {
        let journal = vectors().join(&case.journal);
        let report = verify(&journal, &trust, VerifyOptions::default());
        assert_eq!(report.exit_code(), case.exit, "{}: {report}", case.journal);
        assert_eq!(report.proven, case.proven, "{}: {report}", case.journal);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(
            json["verdict"]["seq"].as_u64(),
            case.seq,
            "{}",
            case.journal
        );
    }
}

#[test]
#[ignore = "makes the vectors anew, with new keys; run by hand after a change of the format"]
fn make_the_vectors() {
    let place = Place::of("example.org/daypass/host/db1/00112233aabbccdd");
    let path = place.path().join("witness.key");
    let witness = Witness::create(&path, "example.org/witness").unwrap();
    let options = || Options {
        witnesses: vec![witness.vkey().to_string()],
        ..Options::default()
    };
    let (writer, _) = place.open_with(options());
    writer
        .append(&json!({"action": "session.open", "identity": {"account": "deploy"}}))
        .unwrap();
    let sha256 = "b5e6f77be438be2102aff91bb048414f26e4ed0c05b6986e84f0c35806afc018";
    writer
        .append_ending_epoch(&json!({"action": "sudo.request", "command": {"line": "/bin/true", "length": 9, "sha256": sha256}}))
        .unwrap();
    drop(writer);
    let segment = place.segments()[0].clone();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes.extend_from_slice(b"{\"seq\":");
    std::fs::write(&segment, bytes).unwrap();
    std::fs::create_dir_all(vectors()).unwrap();
    keep(&place, "torn");
    let (writer, _) = place.open_with(options());
    writer.append(&json!({"action": "sudo.start"})).unwrap();
    writer.clone().close().unwrap();
    keep(&place, "unwitnessed");
    let (size, note) = {
        let note = place.seals().pop().unwrap();
        let size = note.lines().nth(1).unwrap().parse::<u64>().unwrap();
        (size, note)
    };
    let cosigned = witness.cosign(&note, 1_700_000_000).unwrap();
    let line = format!("{{\"witness\":\"{}\"}}\n", cosigned.replace('\n', "\\n"));
    let last = place.segments().pop().unwrap();
    let whole = std::fs::read_to_string(&last).unwrap() + &line;
    std::fs::write(&last, &whole).unwrap();
    keep(&place, "good");
    let change = |name: &str, edit: fn(&mut Vec<String>)| {
        keep(&place, name);
        let segment = vectors().join(name).join(segment.file_name().unwrap());
        let text = std::fs::read_to_string(&segment).unwrap();
        let mut lines: Vec<_> = text.split_inclusive('\n').map(str::to_owned).collect();
        edit(&mut lines);
        std::fs::write(&segment, lines.concat()).unwrap();
    };
    change("changed", |lines| {
        let at = line_of(lines, 2);
        lines[at] = lines[at].replace("deploy", "nobody");
    });
    change("removed", |lines| {
        lines.remove(line_of(lines, 3));
    });
    change("stripped", |lines| {
        lines.retain(|line| !line.starts_with("{\"seal\""));
    });
    // Small segments, so that there are old ones.
    let old = Place::of("example.org/daypass/host/db1/ffeeddccbbaa9988");
    let small = || Options {
        segment_bytes: 3_000,
        ..Options::default()
    };
    let (writer, _) = old.open_with(small());
    old.write(&writer, 4);
    drop(writer);
    let segment = old.segments().pop().unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes.extend_from_slice(b"{\"seq\":");
    std::fs::write(&segment, bytes).unwrap();
    let (writer, _) = old.open_with(small());
    old.write(&writer, 6);
    let everything = Retention {
        before: Some(chrono::Utc::now() + chrono::TimeDelta::days(1)),
        ..Retention::default()
    };
    writer
        .retire(&everything, "root", "a vector")
        .unwrap()
        .unwrap();
    writer.close().unwrap();
    keep(&old, "retired");
    let retired = old.verify();
    assert_eq!(retired.exit_code(), 0, "{retired}");
    keep(&old, "undeclared");
    undeclare(&vectors().join("undeclared"));
    let undeclared = verify(
        &vectors().join("undeclared"),
        &old.trust(),
        VerifyOptions::default(),
    );
    let (seq, _) = tampered(&undeclared);
    let cases = json!([
        {"journal": "good", "exit": 0, "proven": size},
        {"journal": "unwitnessed", "exit": 2, "proven": size},
        {"journal": "torn", "exit": 2, "proven": torn_proven()},
        {"journal": "changed", "exit": 1, "proven": 2, "seq": 2},
        {"journal": "removed", "exit": 1, "proven": 3, "seq": 3},
        {"journal": "stripped", "exit": 1, "proven": 0, "seq": 0},
        {"journal": "retired", "exit": 0, "proven": retired.proven},
        {"journal": "undeclared", "exit": 1, "proven": undeclared.proven, "seq": seq},
    ]);
    let cases = serde_json::to_string_pretty(&cases).unwrap();
    std::fs::write(vectors().join("cases.json"), cases + "\n").unwrap();
    let trust = Trust {
        logs: [place.trust().logs, old.trust().logs].concat(),
        witnesses: vec![witness.vkey()],
        ..Trust::default()
    };
    std::fs::write(vectors().join("trust.toml"), trust.to_string()).unwrap();
}

/// Keeps a journal as a vector, without the room that its writer reserved.
pub(crate) fn keep(place: &Place, name: &str) {
    let vector = vectors().join(name);
    Place::restore(&place.journal(), &vector);
    let _ = std::fs::remove_file(vector.join("reserve"));
}

/// Cuts a journal off before the entry that says what was retired.
fn undeclare(journal: &Path) {
    let mut segments: Vec<_> = std::fs::read_dir(journal)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    segments.sort();
    while let Some(last) = segments.pop() {
        let text = std::fs::read_to_string(&last).unwrap();
        if let Some(declared) = text.find("\"action\":\"journal.retired\"") {
            let cut = text[..declared].rfind('\n').map_or(0, |end| end + 1);
            std::fs::write(&last, &text[..cut]).unwrap();
            return;
        }
        std::fs::remove_file(last).unwrap();
    }
    panic!("nothing says what was retired");
}

/// How far the torn journal is sealed: the keeper may have opened the next epoch or not.
fn torn_proven() -> u64 {
    let lines = daypass_journal::reader::Reader::open(&vectors().join("torn")).unwrap();
    let seal = |line| match line {
        Ok(daypass_journal::reader::Line::Seal(note)) => note.lines().nth(1)?.parse().ok(),
        _ => None,
    };
    lines.filter_map(seal).max().unwrap()
}
