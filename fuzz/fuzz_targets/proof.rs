//! C2SP tlog-proof: what is read is written again as it was, but for extra data.
#![no_main]

use daypass_journal::proof::Proof;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(proof) = text.parse::<Proof>() {
        assert_eq!(proof.to_string().parse(), Ok(proof));
    }
});
