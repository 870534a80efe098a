//! Text from outside, made harmless for a terminal; one way for all programs.

pub use daypass_protocol::inert::{inert, inert_bytes, inert_json, is_active};
