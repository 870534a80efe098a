//! Rosters.
#![no_main]

use daypass_protocol::roster::Roster;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(roster) = Roster::parse(text) {
        assert_eq!(Roster::parse(&roster.freeze().unwrap()).unwrap(), roster);
    }
});
