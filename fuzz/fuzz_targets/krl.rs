//! Revocation lists: what is read is what would be written, or is refused.
#![no_main]

use daypass_protocol::krl::Krl;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(krl) = Krl::parse(bytes) {
        assert_eq!(Krl::parse(&krl.to_bytes()), Ok(krl));
    }
});
