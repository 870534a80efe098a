//! Sudo items: what is taken comes back, and cannot leave its place in a sudoers file.
#![no_main]

use daypass_protocol::sudo_item::SudoItem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(item) = text.parse::<SudoItem>() {
        assert_eq!(item.to_string(), text);
        let written = item.to_sudoers();
        assert!(written.is_ascii() && !written.contains(['\n', '\\', ',', '=', '#', '!']));
    }
});
