//! The Authorization header, and the lines that people paste.
#![no_main]

use daypass_protocol::http_auth::Credential;
use daypass_protocol::token::{InviteLine, JoinToken, SetupLine};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    _ = Credential::from_header(text);
    _ = text.parse::<JoinToken>();
    _ = text.parse::<SetupLine>();
    _ = text.parse::<InviteLine>();
});
