//! The Authorization header, join tokens and setup lines.
#![no_main]

use daypass_protocol::http_auth::Credential;
use daypass_protocol::token::{JoinToken, SetupLine};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    _ = Credential::from_header(text);
    _ = text.parse::<JoinToken>();
    _ = text.parse::<SetupLine>();
});
