//! daypass-agent: what runs on a host.
//!
//! It decides who comes in, keeps and ends their sessions, and writes the host's journal.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod authority;
pub mod clock;
pub mod command;
pub mod config;
pub mod diagnostic;
pub mod durable;
pub mod event;
pub mod intake;
pub mod invoker;
pub mod layout;
pub mod manage;
pub mod managed;
pub mod pam_stack;
pub mod presence;
pub mod spool;
pub mod sshd;
pub mod state;
pub mod systemd;

#[cfg(test)]
mod fixture;
