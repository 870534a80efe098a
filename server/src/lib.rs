//! daypass-server sets a CA and a collector up on one machine, each under its own Unix user.
//!
//! It does nothing that the two programs' own commands do not do; it runs them in the order in which they need one
//! another, and goes on where an earlier run stopped.

#![forbid(unsafe_code)]

pub mod cli;
pub mod diagnostic;
pub mod init;
pub mod programs;
