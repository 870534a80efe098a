//! Uploads: whatever comes as lines of a journal is taken apart without a panic, and followed by keys that signed none of it.
#![no_main]

use daypass_collector::ingest::Body;
use daypass_journal::follow::Follower;
use daypass_journal::remains;
use libfuzzer_sys::fuzz_target;

/// Public keys whose secrets were thrown away.
const LOG: &str = "daypass/0123456789abcdef/host/db1/00000000000000ff+b50bad3c+Ae7o9TT+FptM44xgvRdnHgjT2Xy8m0hIUn8WmKWk712j";
const EPOCH: &str = "daypass/0123456789abcdef/host/db1/00000000000000ff/epoch/0+bb485ad2+AaAmE7FD5IGns87EQFfLyjeTO7SLfqO0vD7xhRg6mwED";

fuzz_target!(|input: (u64, &[u8])| {
    let (from, bytes) = input;
    // Whatever is stored was an upload once.
    let entries = remains::entries(bytes);
    let left = remains::erase(bytes, &[(from, from)]);
    assert!(remains::entries(&left).len() <= entries.len());
    let Ok(body) = Body::parse(from, bytes) else {
        return;
    };
    if !body.range().is_empty() {
        assert_eq!(body.from_entry(from), bytes);
    }
    for seq in body.range() {
        assert!(bytes.ends_with(body.from_entry(seq)));
        assert!(body.entry(seq).is_some());
    }
    let mut follower = Follower::new(LOG, EPOCH).expect("keys");
    let lines = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let followed = follower.lines(lines);
    assert!(
        followed.is_err() || follower.seal().is_none(),
        "nobody signed it"
    );
});
