//! Public keys, fingerprints, and the other small texts.
#![no_main]

use daypass_protocol::cidr::Cidr;
use daypass_protocol::hours::Hours;
use daypass_protocol::key::{Fingerprint, Key};
use daypass_protocol::strict_json;
use daypass_protocol::time::Time;
use daypass_protocol::token::CaUrl;
use daypass_protocol::window::WindowId;
use libfuzzer_sys::fuzz_target;
use std::fmt::Display;
use std::str::FromStr;

fn comes_back<T: FromStr + Display>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text);
    }
}

fuzz_target!(|text: &str| {
    comes_back::<Key>(text);
    comes_back::<Fingerprint>(text);
    comes_back::<Cidr>(text);
    comes_back::<Time>(text);
    comes_back::<CaUrl>(text);
    comes_back::<WindowId>(text);
    _ = strict_json::parse::<Hours>(text, 4096);
});
