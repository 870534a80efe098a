//! User certificates in OpenSSH's form, as sshd hands them to the principals helper.
#![no_main]

use daypass_protocol::certificate::{self, Profile};
use daypass_protocol::key::Key;
use daypass_protocol::time::Time;
use libfuzzer_sys::fuzz_target;
use ssh_key::Certificate;

fuzz_target!(|bytes: &[u8]| {
    let text = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| certificate::parse(text).ok());
    for certificate in text.into_iter().chain(Certificate::from_bytes(bytes).ok()) {
        // Under whatever key it names: the signature is the last thing that stands in the way.
        if let Ok(authority) = Key::try_from(certificate.signature_key().clone()) {
            _ = Profile::check(&certificate, &[authority], Time::from_unix(1_795_428_000));
        }
    }
});
