//! Statements, states and enrolment records, as they come in the JSON of the API.
#![no_main]

use daypass_protocol::enrolment::SignedRecord;
use daypass_protocol::state::SignedState;
use daypass_protocol::statement::SignedStatement;
use daypass_protocol::strict_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(signed) = strict_json::parse::<SignedStatement>(text, 1 << 20) {
        _ = signed.read_unverified();
    }
    if let Ok(signed) = strict_json::parse::<SignedState>(text, 1 << 22) {
        _ = signed.read_unverified();
    }
    _ = strict_json::parse::<SignedRecord>(text, 1 << 20);
});
