//! Long texts beside the entries: they go with the last entry that names them.

use serde_json::json;

use super::{everything, options};
use crate::place::Place;

#[test]
fn a_blob_that_the_next_entry_will_name_stays() {
    let place = Place::new();
    let (writer, _) = place.open_with(options());
    let event = |blob: &str| json!({"action": "sudo.request", "command": {"sha256": blob}});
    let blob = writer.keep_blob(b"twice").unwrap();
    let first = writer.append(&event(&blob)).unwrap().seq;
    place.write(&writer, 30);
    // Somebody is told that the text is there, and everything that names it goes.
    assert_eq!(writer.keep_blob(b"twice").unwrap(), blob);
    writer.erase(&[first], "root", "r").unwrap();
    writer.retire(&everything(), "root", "r").unwrap().unwrap();
    let last = writer.append(&event(&blob)).unwrap().seq;
    assert!(daypass_journal::blob::path(&place.journal(), &blob).is_some());
    writer.erase(&[last], "root", "r").unwrap();
    assert_eq!(daypass_journal::blob::path(&place.journal(), &blob), None);
    // Entries that come together keep their word as well.
    let blob = writer.keep_blob(b"thrice").unwrap();
    let appended = writer.append_all(&[event(&blob)]).remove(0).unwrap();
    writer.erase(&[appended.seq], "root", "r").unwrap();
    assert_eq!(daypass_journal::blob::path(&place.journal(), &blob), None);
}

#[test]
fn a_blob_that_a_kept_entry_names_too_stays() {
    let place = Place::new();
    let (writer, _) = place.open_with(options());
    let blob = writer.keep_blob(b"twice").unwrap();
    let event = json!({"action": "sudo.request", "command": {"sha256": blob}});
    writer.append(&event).unwrap();
    place.write(&writer, 30);
    writer.append(&event).unwrap();
    writer.retire(&everything(), "root", "r").unwrap().unwrap();
    assert!(daypass_journal::blob::path(&place.journal(), &blob).is_some());
    // Nor does it go with one of two entries that are erased.
    let again = writer.append(&event).unwrap().seq;
    writer.erase(&[again], "root", "r").unwrap();
    assert!(daypass_journal::blob::path(&place.journal(), &blob).is_some());
}
