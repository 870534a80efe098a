//! A whole journal, as somebody left it: verified with keys whose secrets were thrown away, so that nothing is ever proven but
//! what they signed.
#![no_main]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;

use daypass_journal::reader::{Line, Reader};
use daypass_journal::trust::Trust;
use daypass_journal::verify::{Options, verify};
use libfuzzer_sys::fuzz_target;

const TRUST: &str = include_str!("../../tests/vectors/journal/trust.toml");

/// Every segment that these logs ever had, in any of its states.
const SIGNED: [&str; 18] = [
    include_str!("../../tests/vectors/journal/good/00000000000000000000.jsonl"),
    include_str!("../../tests/vectors/journal/good/00000000000000000006.jsonl"),
    include_str!("../../tests/vectors/journal/unwitnessed/00000000000000000000.jsonl"),
    include_str!("../../tests/vectors/journal/unwitnessed/00000000000000000006.jsonl"),
    include_str!("../../tests/vectors/journal/torn/00000000000000000000.jsonl"),
    include_str!("../../tests/vectors/journal/retired/00000000000000000006.jsonl"),
    include_str!("../../tests/vectors/journal/retired/00000000000000000011.jsonl"),
    include_str!("../../tests/vectors/journal/retired/00000000000000000015.jsonl"),
    include_str!("../../tests/vectors/journal/retired/00000000000000000000.jsonl"),
    include_str!("../../tests/vectors/journal/retired/00000000000000000004.jsonl"),
    include_str!("../../tests/vectors/journal/rotated-twice/00000000000000000000.jsonl"),
    include_str!("../../tests/vectors/journal/rotated-doubly/00000000000000000000.jsonl"),
    include_str!("../../tests/vectors/journal/rotated-in-vain/00000000000000000000.jsonl"),
    include_str!("../../tests/vectors/journal/rotated-in-vain/00000000000000000004.jsonl"),
    include_str!("../../tests/vectors/journal/rotated-retired/00000000000000000000.jsonl"),
    include_str!("../../tests/vectors/journal/rotated-retired/00000000000000000004.jsonl"),
    include_str!("../../tests/vectors/journal/rotated-retired/00000000000000000008.jsonl"),
    include_str!("../../tests/vectors/journal/rotated-retired/00000000000000000012.jsonl"),
];

static KNOWN: LazyLock<(Trust, BTreeSet<&str>, PathBuf)> = LazyLock::new(|| {
    let signed = SIGNED.iter().flat_map(|text| text.lines()).collect();
    let place = std::env::temp_dir().join(format!("daypass-fuzz-verify-{}", std::process::id()));
    (Trust::parse(TRUST).expect("a trust file"), signed, place)
});

fuzz_target!(|bytes: &[u8]| {
    let (trust, signed, place) = &*KNOWN;
    _ = std::fs::remove_dir_all(place);
    std::fs::create_dir(place).expect("a directory");
    // `NUMBER\n` and what stands in the segment of that name; no journal has a NUL.
    for segment in bytes.split(|byte| *byte == 0).take(8) {
        let Some(end) = segment.iter().position(|byte| *byte == b'\n') else {
            continue;
        };
        let number = std::str::from_utf8(&segment[..end]).ok();
        if let Some(number) = number.and_then(|text| text.parse::<u64>().ok()) {
            let path = place.join(format!("{number:020}.jsonl"));
            std::fs::write(path, &segment[end + 1..]).expect("written");
        }
    }
    let report = verify(place, trust, Options::default());
    _ = report.to_string();
    // The proven ones are the first of them: what stands behind may call itself whatever it likes.
    let mut next = 0;
    for line in Reader::open(place).into_iter().flatten().flatten() {
        if next >= report.proven {
            return;
        }
        match line {
            Line::Entry { seq, bytes } => {
                let text = std::str::from_utf8(&bytes).unwrap_or_default();
                assert!(
                    seq == next && signed.contains(text),
                    "{next} is proven: {text}"
                );
                next += 1;
            }
            Line::Erased { .. } => next += 1,
            Line::Retired { leaves, .. } => next += leaves.len() as u64,
            _ => {}
        }
    }
});
