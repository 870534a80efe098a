//! Bundles of evidence: an archive that is taken is the very one that we would have written.
#![no_main]

use daypass_cli::evidence::bundle::Bundle;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = Bundle::parse(bytes) {
        assert_eq!(bundle.to_archive().unwrap(), bytes);
    }
});
