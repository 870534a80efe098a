//! daypass-collector: journals come in over mTLS, are verified, stored, and only then cosigned.
//!
//! Three boundaries keep what is kept: [`checkpoints`] (the truth about each log), [`segments`] (its lines) and the
//! index (search, made again from the segments at any time). What stands above them knows of no database.

#![forbid(unsafe_code)]

// The throwaway stores of the tests are those of the unit tests, too, and know this crate by its name.
#[cfg(test)]
extern crate self as daypass_collector;

pub mod add_checkpoint;
pub mod alerts;
pub mod api;
mod approvers;
pub mod archive;
pub mod arrivals;
pub mod audit;
pub mod authority;
mod backoff;
pub mod certificate;
pub mod checkpoints;
pub mod cli;
pub mod clock;
pub mod collector;
pub mod config;
pub mod database;
mod diagnostic;
mod durable;
pub mod erasure;
pub mod evidence;
pub mod export;
pub mod feed;
pub mod groups;
pub mod housekeeping;
pub mod index;
pub mod indexer;
pub mod ingest;
pub mod keep;
pub mod layout;
pub mod ledger;
pub(crate) mod lock;
mod metrics;
pub mod orders;
pub mod origin;
pub mod outlet;
mod owed;
pub mod own;
mod ownership;
pub mod people;
pub mod refresh;
pub mod refusals;
pub mod restore;
pub mod retention;
mod revoked;
pub mod rewrite;
pub mod segments;
pub mod server;
mod sessions;
mod stored;
pub mod strangers;
mod tally;
pub mod watch;
pub mod witness;
