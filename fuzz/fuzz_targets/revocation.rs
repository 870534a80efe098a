//! Revocations, and whether what is said of them holds.
#![no_main]

use daypass_protocol::revocation::SignedRevocation;
use daypass_protocol::strict_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(signed) = strict_json::parse::<SignedRevocation>(bytes, bytes.len()) {
        _ = signed.read_unverified();
    }
});
