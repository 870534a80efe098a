//! Narrowings, and what they leave of a window.
#![no_main]

use daypass_protocol::narrowing::{Limits, SignedNarrowing};
use daypass_protocol::strict_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(signed) = strict_json::parse::<SignedNarrowing>(bytes, bytes.len())
        && let Ok(narrowing) = signed.read_unverified()
    {
        _ = Limits::unverified([&narrowing]);
    }
});
