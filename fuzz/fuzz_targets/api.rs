//! The bodies that the CA takes from outside.
#![no_main]

use daypass_protocol::api::{CertificateWish, Enrolment, MAX_BODY, Submission, TokenWish, Wish};
use daypass_protocol::strict_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    _ = strict_json::parse::<Wish>(body, MAX_BODY);
    _ = strict_json::parse::<Submission>(body, MAX_BODY);
    _ = strict_json::parse::<CertificateWish>(body, MAX_BODY);
    _ = strict_json::parse::<TokenWish>(body, MAX_BODY);
    _ = strict_json::parse::<Enrolment>(body, MAX_BODY);
});
