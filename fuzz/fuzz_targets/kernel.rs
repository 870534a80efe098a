//! What stands under /proc, where others choose names and arguments; what `sshd -T` prints, and what sshd says in the
//! system log, where strangers choose names and key ids.
#![no_main]

use daypass_agent::facts::reading;
use daypass_agent::sshd::{Effective, Said};
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
    for line in text.lines() {
        _ = Said::parse(line);
    }
    let shown = format!(
        "Failed publickey for deploy from 192.0.2.7 port 4711 ssh2: ED25519-CERT SHA256:5R20 ID {text} (serial 1) CA"
    );
    let Some(Said::Failed { account, from, .. }) = Said::parse(&shown) else {
        panic!("a key id hides who was refused");
    };
    assert_eq!((account, from.port), ("deploy", 4711));
    for line in [
        format!("Failed none for invalid user {text} from 192.0.2.7 port 4711 ssh2"),
        format!("Connection closed by invalid user {text} 192.0.2.7 port 4711 [preauth]"),
        format!("Accepted certificate ID \"{text}\" (serial 1) signed by ED25519 CA SHA256:Pd8W"),
    ] {
        assert_eq!(Said::parse(&line), None);
    }
});
