//! Lines of a journal, and trust files.
#![no_main]

use daypass_journal::entry::Head;
use daypass_journal::trust::Trust;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    _ = Head::parse(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        _ = Trust::parse(text);
    }
});
