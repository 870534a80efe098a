use daypass_protocol::digest::Digest;

use super::*;
use crate::fixture::{Ca, NOW};

fn chain(ca: &Ca) -> Chain {
    Chain::verify(ca.pin, &ca.rosters).unwrap()
}

fn window(number: usize) -> Digest {
    Digest::of(number.to_string())
}

fn roomy(entries: usize) -> Memory<Stop> {
    Memory::with(Room { entries, ..ROOM })
}

fn windows(memory: &Memory<Stop>) -> Vec<Digest> {
    memory.all().map(Stop::window).collect()
}

#[test]
fn where_there_is_no_room_what_is_kept_stays_and_what_is_new_goes_with_its_state() {
    let ca = Ca::new();
    let chain = chain(&ca);
    let said: Vec<_> = (0..3).map(|it| ca.revocation(window(it))).collect();
    let mut memory = roomy(2);
    memory.hear(&said[..2], &chain);
    assert_eq!(memory.without_place(), 0);
    memory.hear(&said[2..], &chain);
    assert_eq!(windows(&memory), [window(0), window(1), window(2)]);
    assert_eq!(memory.without_place(), 1);
    assert_eq!(memory.lasting().len(), 2);
    memory.hear(&[], &chain);
    assert_eq!(windows(&memory), [window(0), window(1)]);
}

#[test]
fn what_waits_for_a_place_gets_one_when_something_is_forgotten() {
    let mut ca = Ca::new();
    let chain = chain(&ca);
    let mut memory = roomy(1);
    memory.hear(&[ca.revocation(window(0))], &chain);
    ca.announced_for = 3 * 365 * DAY;
    memory.hear(&[ca.revocation(window(1))], &chain);
    memory.forget(Time::from_unix(NOW).plus(2 * 365 * DAY));
    assert_eq!(windows(&memory), [window(1)]);
    assert_eq!(memory.without_place(), 0);
}

#[test]
fn contractors_ends_leave_room_for_the_words_of_approvers_and_admins() {
    let ca = Ca::new();
    let chain = chain(&ca);
    let mut memory = roomy(4);
    let ends: Vec<_> = (0..9).map(|it| ca.early_end(window(it))).collect();
    memory.hear(&ends, &chain);
    assert_eq!(memory.lasting().len(), 2);
    let revocations: Vec<_> = (10..12).map(|it| ca.revocation(window(it))).collect();
    memory.hear(&revocations, &chain);
    assert_eq!(memory.without_place(), 0);
    assert_eq!(memory.lasting().len(), 4);
}

#[test]
fn bytes_are_bounded_as_they_will_be_written() {
    let ca = Ca::new();
    let chain = chain(&ca);
    let said: Vec<_> = (0..4).map(|it| ca.revocation(window(it))).collect();
    let written = serde_json::to_vec(&said[..3]).unwrap().len();
    for (bytes, places) in [(written, 3), (written - 3, 2)] {
        let mut memory: Memory<Stop> = Memory::with(Room { bytes, ..ROOM });
        memory.hear(&said, &chain);
        assert_eq!(memory.lasting().len(), places, "{bytes}");
    }
}

#[test]
fn places_are_the_same_after_a_restart() {
    let ca = Ca::new();
    let chain = chain(&ca);
    let said: Vec<_> = (0..3).map(|it| ca.revocation(window(it))).collect();
    let mut memory = roomy(2);
    memory.hear(&said, &chain);
    let again: Memory<Stop> = Memory::of(&memory.lasting(), &chain);
    assert_eq!(windows(&again), [window(0), window(1)]);
}
