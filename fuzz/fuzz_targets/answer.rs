//! What a CA or a collector answers to people, hosts and one another: read as if a stranger had written it.
#![no_main]

use daypass_protocol::alert::Alerts;
use daypass_protocol::api::{
    About, Accepted, Draft, Enrolled, Failure, Hosts, Invitations, Invited, Issued, Journal,
    Renewed, Revoked, RosterNumber, Rosters, Token, Windows, Withdrawn,
};
use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::forwarding::{Sessions, Story};
use daypass_protocol::roster::Chain;
use daypass_protocol::strict_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    _ = strict_json::parse::<About>(body, body.len());
    _ = strict_json::parse::<Draft>(body, body.len());
    _ = strict_json::parse::<Failure>(body, body.len());
    _ = strict_json::parse::<Hosts>(body, body.len());
    _ = strict_json::parse::<Issued>(body, body.len());
    _ = strict_json::parse::<Journal>(body, body.len());
    _ = strict_json::parse::<Renewed>(body, body.len());
    _ = strict_json::parse::<Revoked>(body, body.len());
    _ = strict_json::parse::<RosterNumber>(body, body.len());
    _ = strict_json::parse::<Token>(body, body.len());
    _ = strict_json::parse::<Windows>(body, body.len());
    _ = strict_json::parse::<Sessions>(body, body.len());
    _ = strict_json::parse::<Story>(body, body.len());
    _ = strict_json::parse::<Alerts>(body, body.len());
    _ = strict_json::parse::<Invited>(body, body.len());
    _ = strict_json::parse::<Accepted>(body, body.len());
    _ = strict_json::parse::<Withdrawn>(body, body.len());
    if let Ok(Invitations { invitations }) = strict_json::parse(body, body.len()) {
        for accepted in invitations.iter().filter_map(|one| one.accepted.as_ref()) {
            _ = accepted.read();
        }
    }
    if let Ok(enrolled) = strict_json::parse::<Enrolled>(body, body.len()) {
        _ = enrolled.state.read_unverified();
    }
    if let Ok(Rosters { chain }) = strict_json::parse::<Rosters>(body, body.len())
        && let Some(first) = chain.first()
    {
        // By the pin that it claims itself: so what stands in the way is the signatures alone.
        _ = Chain::verify(Pin::from(Digest::of(&first.roster)), &chain);
    }
});
