//! daypass-agent: what runs on a host.
//!
//! It decides who comes in, keeps and ends their sessions, and writes the host's journal.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod alarm;
pub mod aside;
pub mod authority;
pub mod break_glass;
pub mod cli;
pub mod clock;
pub mod command;
pub mod config;
pub mod diagnostic;
pub mod doctor;
pub mod durable;
pub mod enroll;
pub mod enrolment;
pub mod erasure;
pub mod event;
pub mod facts;
pub mod file_mark;
pub mod forward;
pub mod gate;
pub mod heartbeat;
pub mod host_keys;
pub mod intake;
pub mod invoker;
pub mod keeper;
pub mod layout;
pub mod ledger;
pub mod listener;
pub mod manage;
pub mod managed;
pub mod orders;
pub mod outside;
pub mod pam_stack;
pub mod poller;
pub mod presence;
pub mod renewal;
pub mod retention;
pub mod retirement;
pub mod revoked_keys;
pub mod rules;
pub mod run;
pub mod server;
pub mod sessions;
pub mod sockets;
pub mod spool;
pub mod sshd;
pub mod state;
pub mod status;
pub mod sudoers;
pub mod systemd;
pub mod texts;
pub mod trust;
pub mod turn;
pub mod user_ca;
pub mod watch;

#[cfg(test)]
mod fixture;
