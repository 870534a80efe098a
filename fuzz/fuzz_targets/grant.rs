//! The extension window@daypass.
#![no_main]

use daypass_protocol::grant::Grant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(grant) = Grant::parse(text) {
        assert_eq!(Grant::parse(&grant.to_text().unwrap()).unwrap(), grant);
    }
});
