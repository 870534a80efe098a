//! Window documents: what is taken is kept byte for byte, and freezing what it says gives it again.
#![no_main]

use daypass_protocol::window::FrozenWindow;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(window) = FrozenWindow::parse(text) {
        assert_eq!(window.text(), text);
        let again = FrozenWindow::freeze(window.document()).unwrap();
        assert_eq!(again.document(), window.document());
    }
});
