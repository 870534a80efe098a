//! What is asked of a collector in a URL: questions, and the places where their answers go on.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use daypass_collector::index::cursor::Cursor;
use daypass_collector::index::query::Query;
use daypass_collector::index::session::Place;
use daypass_collector::origin::Origin;
use libfuzzer_sys::fuzz_target;

/// Whatever is taken is written so that it is taken again, and means the same.
fn comes_back<T: FromStr + Display + PartialEq + std::fmt::Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse().ok(), Some(value));
    }
}

fuzz_target!(|text: &str| {
    _ = Query::parse(text);
    comes_back::<Cursor>(text);
    comes_back::<Place>(text);
    comes_back::<Origin>(text);
});
