//! The few words between the PAM module, the principals helper and the agent of one host.
//!
//! One frame each way per connection, then the connection is closed; `docs/formats/gate.md` is the byte-level
//! specification. The crate needs only `std`, so that the PAM module, which other people's programs load, stays small.

#![forbid(unsafe_code)]

pub mod field;
pub mod frame;
pub mod managed;
pub mod place;
pub mod request;
pub mod response;

pub use field::Malformed;
pub use frame::{FrameError, read_frame, write_frame};
pub use request::{Caller, Request};
pub use response::Response;
