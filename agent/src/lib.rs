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
pub mod intake;
pub mod layout;
pub mod managed;
pub mod pam_stack;
pub mod presence;
pub mod sshd;
pub mod systemd;
