//! Reading from some place on, and following.

use std::time::Duration;

use chrono::{DateTime, Utc};
use daypass_journal::reader::{Begin, Follower, Line, Reader};
use daypass_journal::writer::Options;

use crate::place::{Place, small_segments};

fn numbers(reader: Reader) -> Vec<u64> {
    let number = |line: Result<Line, _>| match line.unwrap() {
        Line::Entry { seq, .. } => Some(seq),
        _ => None,
    };
    reader.filter_map(number).collect()
}

fn in_small_segments(entries: usize) -> Place {
    let place = Place::new();
    let (writer, _) = place.open_with(Options {
        segment_bytes: 4_000,
        ..Options::default()
    });
    place.write(&writer, entries);
    place
}

#[test]
fn reading_begins_at_the_segment_of_an_entry() {
    let place = in_small_segments(20);
    let all = numbers(Reader::open(&place.journal()).unwrap());
    assert_eq!(all, (0..22).collect::<Vec<_>>());
    for seq in [0, 9, 21] {
        let some = numbers(Reader::open_at(&place.journal(), seq).unwrap());
        assert!(some[0] <= seq && some[0] + 8 > seq, "{some:?}");
        assert!(all.ends_with(&some));
    }
}

#[test]
fn reading_begins_at_the_segment_of_a_time() {
    let place = in_small_segments(20);
    let entries = place.entries();
    for entry in [&entries[0], &entries[9], &entries[21]] {
        let time: DateTime<Utc> = entry["time"].as_str().unwrap().parse().unwrap();
        let some = numbers(Reader::open_since(&place.journal(), time).unwrap());
        let seq = entry["seq"].as_u64().unwrap();
        assert!(some[0] <= seq && some[0] + 8 > seq, "{some:?}");
    }
    let before = Reader::open_since(&place.journal(), DateTime::UNIX_EPOCH).unwrap();
    assert_eq!(numbers(before).len(), 22);
}

#[test]
fn a_follower_sees_what_is_written_through_segments_and_erasures() {
    let place = Place::new();
    let (writer, _) = place.open_with(small_segments());
    let mut follower = Follower::open(&place.journal(), Begin::End).unwrap();
    assert_eq!(follower.next_line().unwrap(), None);
    let mut expected = 2;
    for round in 0..3 {
        place.write(&writer, 15);
        let mut seen = 0;
        while seen < 15 {
            match follower.next_line().unwrap() {
                Some(Line::Entry { seq, .. }) => {
                    assert_eq!(seq, expected);
                    expected += 1;
                    seen += 1;
                }
                Some(_) => {}
                None => follower.wait(Duration::from_secs(5)).unwrap(),
            }
        }
        if round == 1 {
            // The file under the follower is replaced, and the declaration is one more entry.
            writer.erase(&[expected - 1], "b", "r").unwrap();
            let mut declared = false;
            while !declared {
                match follower.next_line().unwrap() {
                    Some(Line::Entry { seq, bytes }) => {
                        declared = String::from_utf8(bytes).unwrap().contains("journal.erased");
                        assert_eq!(seq, expected);
                        expected += 1;
                    }
                    Some(_) => {}
                    None => follower.wait(Duration::from_secs(5)).unwrap(),
                }
            }
        }
    }
    assert!(place.segments().len() > 1);
}

#[test]
fn a_follower_waits_for_the_end_of_a_line() {
    let place = Place::written(0);
    let mut follower = Follower::open(&place.journal(), Begin::End).unwrap();
    let segment = place.segments()[0].clone();
    let append = |bytes: &[u8]| {
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&segment)
            .unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
    };
    append(b"{\"seq\"");
    assert_eq!(follower.next_line().unwrap(), None);
    append(b":no number}\n");
    assert!(matches!(
        follower.next_line().unwrap(),
        Some(Line::Unreadable { .. })
    ));
}
