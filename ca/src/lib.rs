//! daypass-ca: the certificate authority. People, windows and approvals come in signed; certificates go out.
//!
//! The lower floors decide and know neither HTTP nor SQL: [`windows`], [`policy`], [`approve`], [`issue`], [`people`],
//! [`hosts`], [`state`]. [`store`] alone knows SQL, [`ledger`] the journal; [`authority`] puts them together, and
//! [`api`] alone knows HTTP.

#![forbid(unsafe_code)]
#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "what it proposes for a `Tx` does not compile: its lifetime belongs to the closure"
)]

pub mod api;
pub mod approve;
pub mod auth;
pub mod authority;
pub mod backup;
mod beside;
pub mod case;
pub mod cli;
pub mod collectors;
pub mod config;
pub mod control;
pub mod credential;
pub mod diagnostic;
pub mod forwarding;
pub mod genesis;
pub mod hosts;
pub mod init;
pub mod invitations;
pub mod issue;
pub mod keys;
pub mod layout;
pub mod ledger;
pub mod metrics;
pub mod narrow;
pub mod passphrase;
pub mod people;
pub mod policy;
pub mod random;
pub mod rate;
pub mod replay;
pub mod restore;
pub mod retention;
pub mod revoke;
pub mod serve;
pub mod signer;
pub mod state;
pub mod store;
pub mod tls;
pub mod tokens;
pub mod trust;
pub mod upkeep;
pub mod windows;
