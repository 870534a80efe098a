//! An entry as a hostile host writes it, on its way into the index and out to a SIEM: whatever it holds, one inert line or
//! one valid document comes of it.
#![no_main]

use daypass_collector::index::record::Record;
use daypass_protocol::export::{Source, ecs, ocsf, syslog};
use daypass_protocol::inert::{inert, inert_bytes, is_active};
use libfuzzer_sys::fuzz_target;

const HEAD: syslog::Head = syslog::Head {
    facility: 10,
    enterprise: 32473,
};
const ORIGIN: &str = "daypass/0123456789abcdef/host/db1/00000000000000ff";

fuzz_target!(|line: &[u8]| {
    let source = Source::new(Some(ORIGIN), line);
    assert!(ecs::document(&source).is_object() && ocsf::event(&source).is_object());
    for body in [syslog::Body::Entry, syslog::Body::Ocsf, syslog::Body::Ecs] {
        let message = HEAD.message(&source, body);
        assert!(!message.contains(is_active), "{message:?}");
        assert!(syslog::framed(&message).ends_with(message.as_bytes()));
    }
    assert!(!inert_bytes(line).contains(is_active));
    if let Ok(text) = std::str::from_utf8(line) {
        assert!(!inert(text).contains(is_active));
        let record = Record::of(&ORIGIN.parse().expect("an origin"), 7, text);
        assert_eq!(record.line, text);
    }
});
