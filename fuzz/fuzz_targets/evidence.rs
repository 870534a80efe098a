//! Evidence that somebody tampered with: one file of a bundle is another one, and its sums fit. Whatever it is now, the visit
//! is proven by the very bytes that were signed, and by no others.
#![no_main]

// Not all of it is needed here.
#[allow(dead_code)]
#[path = "../../cli/tests/evidence/archive.rs"]
mod archive;

use std::sync::LazyLock;

use archive::Files;
use daypass_cli::evidence;
use libfuzzer_sys::fuzz_target;

/// A bundle and its trust file, as `cargo test -p daypass --test evidence -- --ignored seeds` wrote them.
const BUNDLE: &[u8] = include_bytes!("../seeds/evidence.tar");
const TRUST: &str = include_str!("../seeds/evidence.toml");

static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| Files::of(BUNDLE).names());

// The first byte says which file, the others are what it holds now.
fuzz_target!(|input: &[u8]| {
    let Some((place, bytes)) = input.split_first() else {
        return;
    };
    let Some(name) = NAMES.get(usize::from(*place)) else {
        return;
    };
    let mut files = Files::of(BUNDLE);
    let is_the_same = files.bytes(name) == bytes;
    files.add(name, bytes);
    let is_proven = evidence::is_proven(&files.archive(), TRUST);
    assert!(is_proven || !is_the_same);
    // The sums are made anew in any case; and beside the signatures that count a proof may carry any of signers whom nobody
    // here knows, as C2SP has it.
    let may_differ = name == "SHA256SUMS" || name.ends_with(".tlog-proof");
    assert!(is_the_same || may_differ || !is_proven, "{name}");
});
