//! Searching finds what reading finds.

use std::collections::BTreeSet;

use daypass_journal::reader::{Begin, Follower, Line};
use daypass_journal::scan::{Candidate, Order, Wanted, scan};
use serde_json::json;

use crate::place::{Place, small_segments};

fn found(place: &Place, wanted: &Wanted, order: Order, workers: usize) -> Vec<Vec<u8>> {
    let take = |candidate: Candidate<'_>| Some(candidate.bytes.to_vec());
    let scan = scan(&place.journal(), wanted, order, workers, take).unwrap();
    scan.map(Result::unwrap).collect()
}

fn entries(place: &Place) -> Vec<Vec<u8>> {
    let entry = |line| match line {
        Line::Entry { bytes, .. } | Line::Unreadable { bytes, .. } => Some(bytes),
        _ => None,
    };
    place.lines().into_iter().filter_map(entry).collect()
}

#[test]
fn all_lines_are_found_in_either_order_by_any_number_of_workers() {
    let place = Place::new();
    let (writer, _) = place.open_with(small_segments());
    place.write(&writer, 200);
    // An entry of nearly the longest length, and one that is torn.
    writer
        .append(&json!({"action": "x", "text": "y".repeat(65_000)}))
        .unwrap();
    drop(writer);
    let last = place.segments().pop().unwrap();
    let torn = [std::fs::read(&last).unwrap(), b"{\"seq\":9".to_vec()].concat();
    std::fs::write(&last, torn).unwrap();
    assert!(place.segments().len() > 5);
    let mut expected = entries(&place);
    for workers in [1, 2, 3, 8] {
        assert_eq!(
            found(&place, &Wanted::default(), Order::Oldest, workers),
            expected
        );
    }
    expected.reverse();
    assert_eq!(
        found(&place, &Wanted::default(), Order::Newest, 2),
        expected
    );
}

#[test]
fn only_lines_that_hold_the_texts_are_found() {
    let place = Place::new();
    let (writer, _) = place.open_with(small_segments());
    for number in 0..90 {
        let person = ["alice", "bob", "carol"][number % 3];
        let action = ["sudo.start", "sudo.end"][number % 2];
        writer
            .append(&json!({"action": action, "identity": {"person": person}}))
            .unwrap();
    }
    let wanted = |holding: &[&[&str]]| Wanted {
        holding: holding
            .iter()
            .map(|group| group.iter().map(|text| (*text).to_owned()).collect())
            .collect(),
        ..Wanted::default()
    };
    let count = |holding: &[&[&str]]| found(&place, &wanted(holding), Order::Oldest, 2).len();
    assert_eq!(count(&[&["\"carol\""]]), 30);
    assert_eq!(count(&[&["\"carol\"", "\"bob\""]]), 60);
    assert_eq!(count(&[&["\"carol\""], &["\"sudo.end\""]]), 15);
    assert_eq!(count(&[&["\"dave\""]]), 0);
}

#[test]
fn whoever_follows_goes_on_exactly_where_the_search_ended() {
    let place = Place::new();
    let (writer, _) = place.open_with(small_segments());
    place.write(&writer, 40);
    let mut follower = Follower::open(&place.journal(), Begin::End).unwrap();
    place.write(&writer, 60);
    let wanted = Wanted {
        up_to: Some(follower.mark()),
        ..Wanted::default()
    };
    let mut all = found(&place, &wanted, Order::Oldest, 2);
    let before = all.len();
    while let Some(line) = follower.next_line().unwrap() {
        if let Line::Entry { bytes, .. } = line {
            all.push(bytes);
        }
    }
    assert!(
        before >= 42 && all.len() >= 102,
        "{before} of {}",
        all.len()
    );
    assert_eq!(all, entries(&place));
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn whoever_follows_is_not_stopped_when_old_segments_are_removed() {
    let place = Place::new();
    let (writer, _) = place.open_with(small_segments());
    let mut follower = Follower::open(&place.journal(), Begin::End).unwrap();
    place.write(&writer, 100);
    let mut segments = place.segments();
    segments.pop();
    for segment in segments {
        std::fs::remove_file(segment).unwrap();
    }
    let mut numbers = Vec::new();
    while let Some(line) = follower.next_line().unwrap() {
        if let Line::Entry { seq, .. } = line {
            numbers.push(seq);
        }
    }
    let last = 1 + place.entries().last().unwrap()["seq"].as_u64().unwrap();
    assert_eq!(numbers.last(), Some(&(last - 1)));
    place.write(&writer, 1);
    assert!(std::iter::from_fn(|| follower.next_line().unwrap()).count() > 0);
}
