//! Armored SSHSIGs.
#![no_main]

use daypass_protocol::sshsig::Signature;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(signature) = text.parse::<Signature>() {
        assert_eq!(signature.to_string(), text);
        _ = signature.verify("daypass-approve@v1", b"message");
    }
});
