//! The signed journal of daypass: text that anyone can read, proof that anyone can check.
//!
//! A journal is a directory of segment files with one JSON object on each line: *entries*, *seals*
//! (C2SP checkpoints over an RFC 6962 tree of all entries so far, signed by the log's key and by
//! the key of the current epoch) and *witness* lines. The bytes are described in
//! `docs/formats/journal.md`.
//!
//! The journal keeps events as opaque JSON objects; it knows nothing of the programs that write
//! them. [`writer::Writer`] appends, [`reader::Reader`] reads, [`verify::verify`] checks against
//! keys from a [`trust::Trust`] file.

#![deny(unsafe_code)]

pub mod blob;
mod chain;
mod clock;
mod cosignature;
mod deferred;
mod durable;
mod encoding;
pub mod entry;
mod epoch;
mod erased;
pub mod erasure;
pub mod error;
pub mod follow;
mod handover;
pub mod horizon;
pub mod identity;
mod inert;
#[allow(unsafe_code)]
mod locked;
mod log_keys;
pub mod note;
mod own;
pub mod proof;
pub mod reader;
mod recent;
pub mod remains;
pub mod retention;
mod retired;
mod runs;
pub mod scan;
mod seal;
mod segment;
pub mod tiles;
pub mod tree;
pub mod trust;
pub mod verify;
mod walk;
pub mod witness;
pub mod writer;

pub use error::Error;
