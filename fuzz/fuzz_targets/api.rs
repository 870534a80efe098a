//! The bodies that the CA takes from outside, each as its route reads it.
#![no_main]

use daypass_protocol::api::{
    AcceptInvitation, CertificateWish, Enrolment, Invite, MAX_BODY, MAX_ROSTER_BODY, Renewal,
    Retirement, Submission, TokenWish, Wish, WithdrawInvitation,
};
use daypass_protocol::collector;
use daypass_protocol::comeback::SignedComeback;
use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::narrowing::SignedNarrowing;
use daypass_protocol::revocation::SignedRevocation;
use daypass_protocol::roster::SignedRoster;
use daypass_protocol::statement::SignedStatement;
use daypass_protocol::strict_json;
use daypass_protocol::time::Time;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    _ = strict_json::parse::<Wish>(body, MAX_BODY);
    _ = strict_json::parse::<Submission>(body, MAX_BODY);
    _ = strict_json::parse::<SignedStatement>(body, MAX_BODY);
    _ = strict_json::parse::<SignedNarrowing>(body, MAX_BODY);
    _ = strict_json::parse::<SignedRevocation>(body, MAX_BODY);
    _ = strict_json::parse::<CertificateWish>(body, MAX_BODY);
    _ = strict_json::parse::<TokenWish>(body, MAX_BODY);
    _ = strict_json::parse::<Enrolment>(body, MAX_BODY);
    _ = strict_json::parse::<Renewal>(body, MAX_BODY);
    _ = strict_json::parse::<Retirement>(body, MAX_BODY);
    _ = strict_json::parse::<collector::Renewal>(body, MAX_BODY);
    _ = strict_json::parse::<SignedRoster>(body, MAX_ROSTER_BODY);
    _ = strict_json::parse::<Invite>(body, MAX_BODY);
    _ = strict_json::parse::<WithdrawInvitation>(body, MAX_BODY);
    if let Ok(asked) = strict_json::parse::<AcceptInvitation>(body, MAX_BODY) {
        _ = asked.accepted.read();
    }
    if let Ok(signed) = strict_json::parse::<SignedComeback>(body, MAX_BODY) {
        let pin = Pin::from(Digest::of("nobody's"));
        // Nobody's keys: whatever it says, it brings nobody back.
        assert!(
            signed
                .check(pin, &[], Time::from_unix(1_795_428_000))
                .is_err()
        );
    }
    if let Ok(text) = std::str::from_utf8(body) {
        _ = collector::Request::parse(text);
        _ = collector::Admission::parse(text);
    }
});
