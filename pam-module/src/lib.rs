//! `pam_daypass.so`: asks the agent at each PAM phase, and decides what holds when the agent does not answer.
//!
//! Other people's programs load this library (sshd, sudo, cron), so it starts no threads, changes no environment,
//! prints nothing, keeps nothing open between phases, and catches its own panics. Only [`sys`], [`handle`] and
//! [`entry`] may hold `unsafe`.

#![deny(unsafe_code)]

mod budget;
pub mod client;
mod decide;
mod diagnostic;
#[allow(unsafe_code)]
mod entry;
#[allow(unsafe_code)]
mod handle;
mod managed;
mod mark;
mod options;
mod phase;
pub mod principals;
mod service;
#[allow(unsafe_code)]
mod sys;
