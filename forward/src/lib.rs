//! Forwards a journal to its collector while it is written, and brings the cosignatures back.
//!
//! One thread follows the journal's directory and sends its lines, exactly as they stand there, in order, over one
//! connection. It keeps no position of its own: it asks the collector what it holds and goes on from there, after an
//! outage of any length. Nobody waits for it who does not choose to ([`Link::await_cosigned`]). The contract is
//! `docs/formats/forwarding.md`.
#![forbid(unsafe_code)]

mod backoff;
mod collector;
mod forwarder;
mod link;
mod outgoing;
pub mod outside;
mod owner;
mod probe;
mod session;
mod trouble;

pub use forwarder::{Forwarder, Setup};
pub use link::{Awaited, Contact, Link, Status};
pub use owner::{ClientError, Notice, Owner};
pub use trouble::{Contradiction, Trouble};
