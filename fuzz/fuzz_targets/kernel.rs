//! What stands under /proc, where others choose names and arguments, and what `sshd -T` prints.
#![no_main]

use daypass_agent::facts::reading;
use daypass_agent::sshd::Effective;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for field in [4, 7, 22] {
        _ = reading::number(text, field);
    }
    // A program's name may be anything, and changes nothing of what stands behind it.
    if !text.contains('\0') {
        let stat =
            format!("7 ({text}) S 1 7 7 34816 7 4194304 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n");
        assert_eq!(reading::number(&stat, 4), Some(1));
        assert_eq!(reading::number(&stat, 22), Some(4711));
    }
    _ = reading::ids(text);
    if let Some(path) = reading::systemd_path(text) {
        assert!(text.contains(path));
    }
    for line in text.lines() {
        _ = reading::established(line, &[4711].into());
    }
    _ = reading::words(text.as_bytes());
    _ = Effective::parse(text).is_ours();
});
