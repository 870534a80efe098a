//! The words that the programs of daypass share.
//!
//! Windows and the two small languages inside them, what people sign and who may sign it, the certificate that
//! carries it all to a host, the vocabulary of the journal, and the types of the CA's HTTPS API. Untrusted bytes
//! become typed values here, once; a function that needs something checked takes a type that only the check can make
//! ([`grant::ApprovedWindow`], [`roster::VerifiedRoster`], [`statement::VerifiedStatement`], …).
//!
//! Nothing here reads a file, a clock, a socket or a random number, with one exception: [`hours`] looks up the rules
//! of a time zone in the system's zoneinfo. The byte-level formats are in `docs/formats/`.
#![forbid(unsafe_code)]

#[macro_use]
mod text;

pub mod alert;
pub mod api;
pub mod certificate;
pub mod cidr;
pub mod collector;
pub mod comeback;
pub mod digest;
pub mod enrolment;
pub mod event;
pub mod export;
pub mod forwarding;
pub mod grant;
pub mod host_proof;
pub mod hours;
pub mod http_auth;
pub mod inert;
pub mod invitation;
pub mod invocation;
pub mod key;
pub mod krl;
pub mod length;
pub mod line;
pub mod name;
pub mod narrowing;
pub mod place;
pub mod revocation;
pub mod roster;
pub mod rule;
pub mod sshsig;
pub mod state;
pub mod statement;
pub mod stop;
pub mod strict_json;
pub mod succession;
pub mod sudo_item;
pub mod time;
pub mod token;
pub mod version;
pub mod window;
pub mod witness_key;
