//! What a crash leaves is never reported as tampering, and nothing acknowledged is lost.

use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::process::{Command, Stdio};

use daypass_journal::verify::{Lack, Verdict};
use daypass_journal::writer::Writer;
use serde_json::json;

use crate::place::Place;

#[test]
fn wherever_the_last_write_is_torn_nothing_looks_tampered_with() {
    let place = Place::written(2);
    let segment = place.segments()[0].clone();
    let whole = std::fs::read(&segment).unwrap();
    let last_seal = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap();
    let before = whole[..last_seal]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    for cut in (before..whole.len())
        .step_by(83)
        .chain([before, last_seal, last_seal + 1])
    {
        let copy = Place::written(0);
        Place::restore(&place.journal(), &copy.journal());
        Place::restore(&place.keys(), &copy.keys());
        std::fs::write(copy.segments().last().unwrap(), &whole[..cut]).unwrap();
        let report = copy.verify();
        match &report.verdict {
            Verdict::Proven => assert_eq!(cut, before),
            Verdict::Incomplete { lacks } => {
                assert!(
                    matches!(lacks[..], [Lack::Unsealed { first: 3, .. }]),
                    "{report}"
                );
            }
            Verdict::Tampered(broken) => panic!("cut at {cut}: {broken}"),
        }
        let (writer, recovery) = copy.open();
        assert_eq!(recovery.sealed, 3);
        assert_eq!(recovery.interruptions.len(), usize::from(cut != before));
        copy.write(&writer, 1);
        writer.close().unwrap();
        let report = copy.verify();
        assert_eq!(report.exit_code(), 0, "cut at {cut}: {report}");
    }
}

#[test]
fn a_block_that_was_never_written_is_a_crash_too() {
    let place = Place::written(1);
    let segment = &place.segments()[0];
    let mut bytes = std::fs::read(segment).unwrap();
    bytes.extend_from_slice(&[0; 700]);
    bytes.extend_from_slice(b"\n\"}\n");
    std::fs::write(segment, bytes).unwrap();
    assert_eq!(place.verify().exit_code(), 2);
    let (writer, recovery) = place.open();
    assert_eq!(recovery.interruptions[0].length, 704);
    writer.close().unwrap();
    assert_eq!(place.verify().exit_code(), 0);
}

#[test]
fn what_was_recovered_cannot_be_changed_later() {
    let place = Place::written(1);
    let segment = place.segments()[0].clone();
    let mut bytes = std::fs::read(&segment).unwrap();
    let torn = bytes.len();
    bytes.extend_from_slice(b"{\"seq\":3,\"time\":\"20");
    std::fs::write(&segment, &bytes).unwrap();
    place.open().0.close().unwrap();
    assert_eq!(place.verify().exit_code(), 0);
    bytes[torn + 10] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    let report = place.verify();
    assert_eq!(report.exit_code(), 1);
    assert!(report.to_string().contains("left behind"), "{report}");
}

#[test]
fn a_crash_at_the_start_after_a_crash_is_recorded_with_the_first() {
    let place = Place::written(1);
    let append = |text: &str| {
        let segment = place.segments().pop().unwrap();
        let old = std::fs::read_to_string(&segment).unwrap();
        std::fs::write(segment, old + text).unwrap();
    };
    append("{\"seq\":3,");
    let next = place.journal().join("00000000000000000003.jsonl");
    std::fs::write(next, "{\"seq\":3,\"ti").unwrap();
    let (writer, recovery) = place.open();
    assert_eq!(recovery.interruptions.len(), 2);
    writer.close().unwrap();
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(place.segments()[1].ends_with("00000000000000000003.1.jsonl"));
}

const CHILD: &str = "DAYPASS_JOURNAL_CHILD";

/// How often the writer is killed; in full by hand: `DAYPASS_JOURNAL_KILLS=1000 cargo test kill`.
fn kills() -> usize {
    std::env::var("DAYPASS_JOURNAL_KILLS").map_or(100, |number| number.parse().unwrap())
}

/// After so many kills another journal begins: each is verified from its first entry every time.
const KILLS_A_JOURNAL: usize = 25;

#[test]
fn no_acknowledged_entry_is_lost_when_the_writer_is_killed() {
    let kills = kills();
    for before in (0..kills).step_by(KILLS_A_JOURNAL) {
        kill_again_and_again(before..kills.min(before + KILLS_A_JOURNAL));
    }
}

fn kill_again_and_again(rounds: Range<usize>) {
    let place = Place::new();
    let mut acknowledged = Vec::new();
    for round in rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crashes::the_writer_that_is_killed"])
            .args(["--ignored", "--nocapture"])
            .env(CHILD, place.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        // Each time at another place of the work.
        while seen < 1 + round * 7 % 20 {
            let line = lines.next().unwrap().unwrap();
            if let Some(acknowledgement) = line.rsplit_once("ack ").map(|(_, rest)| rest) {
                acknowledged.push(acknowledgement.to_owned());
                seen += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said between the last line read and its death counts as well.
        for line in lines.map_while(Result::ok) {
            if let Some((_, rest)) = line.rsplit_once("ack ") {
                acknowledged.push(rest.to_owned());
            }
        }
        let report = place.verify();
        assert_ne!(report.exit_code(), 1, "{report}");
    }
    place.open().0.close().unwrap();
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    let entries = place.entries();
    for acknowledgement in acknowledged {
        let mut parts = acknowledgement.split(' ');
        let mut part = || parts.next().unwrap().trim().parse::<u64>();
        let (Ok(seq), Ok(n)) = (part(), part()) else {
            continue;
        };
        assert_eq!(entries[seq as usize]["n"], n, "entry {seq}");
    }
}

#[test]
#[ignore = "the child process of the test above, which kills it"]
fn the_writer_that_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else {
        return;
    };
    let dir = std::path::PathBuf::from(dir);
    let (journal, keys) = (dir.join("journal"), dir.join("keys"));
    let (writer, _) = Writer::open(&journal, &keys, crate::place::small_segments()).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..4_u64 {
            let writer = writer.clone();
            scope.spawn(move || {
                for n in 0.. {
                    let number = caller * 1_000_000 + n;
                    let event = json!({"action": "test", "n": number});
                    let receipt = match n % 5 {
                        0 => writer.append_ending_epoch(&event),
                        _ => writer.append(&event),
                    };
                    // One write each, so that lines of the callers do not mix.
                    let line = format!("ack {} {number}\n", receipt.unwrap().seq);
                    std::io::Write::write_all(&mut std::io::stdout().lock(), line.as_bytes())
                        .unwrap();
                }
            });
        }
    });
}
