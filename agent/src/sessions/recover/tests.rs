use std::fs;

use daypass_protocol::event::{Action, Event};

use super::*;
use crate::sessions::fixture::{Host, SOON, until};

fn is_known(host: &Host) -> bool {
    host.layout.sessions().join(KNOWN).exists()
}

/// A journal of somebody's, in which nothing is of this boot.
fn with_journal(host: &Host) {
    let good = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/journal/good");
    fs::create_dir_all(host.layout.journal()).unwrap();
    for entry in fs::read_dir(good).unwrap() {
        let from = entry.unwrap().path();
        let to = host.layout.journal().join(from.file_name().unwrap());
        fs::copy(from, to).unwrap();
    }
}

/// An empty directory is no journal, so the look for lost notes comes to no end.
#[test]
fn notes_are_not_said_to_be_whole_while_the_journal_could_not_be_looked_through() {
    let host = Host::with_sudo("");
    fs::create_dir_all(host.layout.journal()).unwrap();
    let recovered = host.sessions.recover();
    assert!(matches!(recovered.unfound, Some(Unfound::Journal(_))));
    assert!(!is_known(&host));
    // What is known is noted again all the same, and nothing is said of the rest.
    let (_monitor, session) = host.let_in(1, "carol", "/usr/bin/id");
    let note = Record::path(&host.layout.sessions(), session.record.id);
    fs::remove_file(&note).unwrap();
    host.sessions.keep_notes().unwrap();
    assert!(note.exists());
    assert!(!is_known(&host), "the next start would not look");
}

#[test]
fn a_note_that_cannot_be_read_keeps_the_others_from_counting_as_all() {
    let host = Host::with_sudo("");
    with_journal(&host);
    let damaged = host.layout.sessions().join("s-00000000000000ff");
    fs::write(&damaged, "{}").unwrap();
    let recovered = host.sessions.recover();
    assert_eq!(recovered.unreadable.len(), 1);
    assert!(recovered.unfound.is_none());
    assert!(!is_known(&host));
    fs::remove_file(&damaged).unwrap();
    assert!(host.sessions.recover().unreadable.is_empty());
    assert!(is_known(&host));
}

#[test]
fn as_many_notes_are_kept_as_can_be() {
    let host = Host::with_sudo("");
    host.sessions
        .shared
        .all_found
        .store(true, Ordering::Release);
    let (_one, first) = host.let_in(1, "carol", "/usr/bin/id");
    let (_two, second) = host.let_in(2, "mallory", "/usr/bin/id");
    let notes = [&first, &second].map(|s| Record::path(&host.layout.sessions(), s.record.id));
    for note in &notes {
        fs::remove_file(note).unwrap();
    }
    // Nothing can be written beside the first.
    let beside = host
        .layout
        .sessions()
        .join(format!(".{}.new", first.record.id));
    fs::create_dir(&beside).unwrap();
    assert!(host.sessions.keep_notes().is_err());
    assert!(!notes[0].exists() && notes[1].exists());
    assert!(!is_known(&host));
    fs::remove_dir(&beside).unwrap();
    host.sessions.keep_notes().unwrap();
    assert!(notes[0].exists());
    assert!(is_known(&host));
}

#[test]
fn nothing_is_noted_of_a_session_that_ended_meanwhile() {
    let host = Host::with_sudo("");
    let (_monitor, session) = host.let_in(1, "carol", "/usr/bin/id");
    host.sessions.drop_session(&session);
    host.sessions.keep_note(&session).unwrap();
    let note = Record::path(&host.layout.sessions(), session.record.id);
    assert!(!note.exists());
}

#[test]
fn an_end_that_nobody_saw_is_journalled_at_the_next_start_and_one_that_was_is_not_again() {
    let host = Host::with_sudo("");
    let (one, told_by_pam) = host.let_in(1, "carol", "/usr/bin/id");
    let (two, told_by_kernel) = host.let_in(2, "mallory", "/usr/bin/id");
    let (_three, stays) = host.let_in(3, "dave", "/usr/bin/id");
    host.sessions.close(&told_by_pam);
    for monitor in [one, two] {
        monitor.child.kill();
        assert!(monitor.child.ends_within(SOON));
        // Its shell ends with it.
        drop(monitor);
    }
    let is_told = |record: Record| record.id == told_by_kernel.record.id && record.closed;
    until("the end that the kernel tells", || {
        let noted = Record::load_all(&host.layout.sessions()).into_iter();
        noted.flatten().any(is_told)
    });
    // One of the same monitor that was let in when this agent was not there.
    let unseen = Record {
        id: "s-0000000000000004".parse().unwrap(),
        ..told_by_kernel.record.clone()
    };
    unseen.store(&host.layout.sessions()).unwrap();
    let next = Sessions::new(host.sessions.shared.setup.clone());
    let recovered = next.recover();
    assert_eq!((recovered.live, recovered.ended), (1, 3));
    assert!(next.by_id(stays.record.id).unwrap().is_open());
    let last = Event::new(Action::AgentStop);
    host.sessions.shared.setup.intake.finish(&last);
    let all = host.entries.try_iter();
    let mut ends: Vec<_> = all
        .filter(|entry| entry["action"] == "session.close")
        .map(|entry| entry["origin"]["session"].as_str().unwrap().to_owned())
        .collect();
    ends.sort();
    let ids = [told_by_pam.record.id, told_by_kernel.record.id, unseen.id];
    assert_eq!(ends, ids.map(|id| id.to_string()));
}
