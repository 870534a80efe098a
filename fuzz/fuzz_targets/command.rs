//! Command lines, as alerts take them apart: whatever they hold is so many words of the line and no more.
#![no_main]

use daypass_collector::alerts::invocation::{MOST, invocations};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    let found = invocations(line).programs;
    assert!(found.len() <= MOST);
    // Nothing is invented: every word was there.
    for word in found.iter().flat_map(|one| &one.arguments) {
        assert!(word.len() <= line.len());
    }
});
