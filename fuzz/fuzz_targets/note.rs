//! Signed notes: checkpoints with their signatures and cosignatures, and the keys that they are checked with.
#![no_main]

use std::sync::LazyLock;

use daypass_journal::follow::{SignedCheckpoint, leaf, note_of_seal};
use daypass_journal::note::VerifierKey;
use daypass_journal::remains;
use daypass_journal::trust::Trust;
use libfuzzer_sys::fuzz_target;

/// The same logs' keys, in the same order.
const KEYS: [&str; 2] = [
    "example.org/daypass/host/db1/00112233aabbccdd+19eb4665+ATWrqmVjMb3ZXZe0v4xqdn6PoQL+H00DdO9WJjfuyG7Z",
    "example.org/daypass/host/db1/ffeeddccbbaa9988+b99d508a+Acdwyk3k0V4BgQm9T6jmMeyU4WloEJRYZWfAdCLe4/xQ",
];

/// Public keys whose secrets were thrown away.
static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let text = include_str!("../../tests/vectors/journal/trust.toml");
    Trust::parse(text).expect("a trust file")
});

fuzz_target!(|text: &str| {
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
    let sealed = note_of_seal(text.as_bytes());
    for note in [Some(text), sealed.as_deref()].into_iter().flatten() {
        if let Some(checkpoint) = SignedCheckpoint::parse(note) {
            for witness in &TRUST.witnesses {
                _ = checkpoint.cosigned_by(witness);
            }
            for (log, key) in TRUST.logs.iter().zip(KEYS) {
                // A signature that was not there before would be a forgery.
                let is_signed = checkpoint.is_signed_by(key);
                assert!(!is_signed || checkpoint.origin == log.origin());
            }
        }
    }
    _ = leaf(text.as_bytes());
    _ = remains::declared(text.as_bytes());
});
