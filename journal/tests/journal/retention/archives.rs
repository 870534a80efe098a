//! Whole segments that are kept elsewhere before they go.

use daypass_journal::verify::Remark;
use daypass_journal::writer::Retention;
use serde_json::json;

use super::{everything, options};
use crate::place::{self, Place};

#[test]
fn an_archive_keeps_the_segments_whole_and_they_verify_when_fetched_back() {
    let place = Place::new();
    let (writer, _) = place.open_with(options());
    let blob = writer.keep_blob(b"a long command").unwrap();
    writer
        .append(&json!({"action": "sudo.request", "command": {"sha256": blob}}))
        .unwrap();
    place.write(&writer, 30);
    let whole = std::fs::read(&place.segments()[0]).unwrap();
    let archive = place.path().join("archive");
    let which = Retention {
        archive: Some(archive.clone()),
        ..everything()
    };
    let error = writer.retire(&which, "root", "r").unwrap_err();
    assert!(error.to_string().contains("make it first"), "{error}");
    std::fs::create_dir(&archive).unwrap();
    // Under the journal's own name: others may have their segments beside it.
    let archive = archive.join(place::ORIGIN.replace('/', "-"));
    std::fs::create_dir_all(archive.join("blobs")).unwrap();
    let name = place.segments()[0].file_name().unwrap().to_owned();
    for taken in [archive.join(&name), archive.join("blobs").join(&blob)] {
        std::fs::write(&taken, b"another").unwrap();
        let error = writer.retire(&which, "root", "r").unwrap_err();
        assert!(error.to_string().contains("holds another"), "{error}");
        assert_eq!(std::fs::read(&place.segments()[0]).unwrap(), whole);
        std::fs::remove_file(taken).unwrap();
    }

    let retired = writer.retire(&which, "root", "r").unwrap().unwrap();
    assert_eq!(std::fs::read(archive.join(&name)).unwrap(), whole);
    let kept = daypass_journal::blob::path(&archive, &blob).unwrap();
    assert_eq!(std::fs::read(kept).unwrap(), b"a long command");
    assert_eq!(daypass_journal::blob::path(&place.journal(), &blob), None);
    drop(writer);
    for file in std::fs::read_dir(&archive).unwrap() {
        let file = file.unwrap();
        if file.path().is_file() {
            std::fs::copy(file.path(), place.journal().join(file.file_name())).unwrap();
        }
    }
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert_eq!(
        (report.retired, report.remarks.len()),
        (0, retired.segments)
    );
    assert!(report.to_string().contains("fetched back"), "{report}");
    assert!(matches!(
        report.remarks[0],
        Remark::NotRetired { first: 0, .. }
    ));
}

#[test]
fn two_journals_share_an_archive() {
    let archive = tempfile::tempdir().unwrap();
    let which = Retention {
        archive: Some(archive.path().to_owned()),
        ..everything()
    };
    for origin in [
        place::ORIGIN,
        "daypass/0011223344556677/ca/8899aabbccddeeff",
    ] {
        let place = Place::of(origin);
        let (writer, _) = place.open_with(options());
        place.write(&writer, 30);
        let whole = std::fs::read(&place.segments()[0]).unwrap();
        writer.retire(&which, "root", "r").unwrap().unwrap();
        let kept = archive.path().join(origin.replace('/', "-"));
        let name = place.segments()[0].file_name().unwrap().to_owned();
        assert_eq!(std::fs::read(kept.join(name)).unwrap(), whole);
        let declared = place
            .entries()
            .into_iter()
            .find(|entry| entry["action"] == "journal.retired");
        assert_eq!(declared.unwrap()["detail"]["archive"], json!(kept));
    }
}
