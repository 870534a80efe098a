//! Statements, states, enrolment records and what collectors say of their keys, as they come in the JSON of the API.
#![no_main]

use daypass_protocol::enrolment::SignedRecord;
use daypass_protocol::state::SignedState;
use daypass_protocol::statement::SignedStatement;
use daypass_protocol::strict_json;
use daypass_protocol::witness_key::SignedWitnessSuccession;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(signed) = strict_json::parse::<SignedStatement>(text, 1 << 20) {
        _ = signed.read_unverified();
    }
    if let Ok(signed) = strict_json::parse::<SignedState>(text, 1 << 22) {
        _ = signed.read_unverified();
    }
    _ = strict_json::parse::<SignedRecord>(text, 1 << 20);
    if let Ok(signed) = strict_json::parse::<SignedWitnessSuccession>(text, 1 << 20) {
        _ = signed.read_unverified();
    }
});
