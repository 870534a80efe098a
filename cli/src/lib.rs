//! `daypass`, the one command that people use.
//!
//! Contractors ask for a window and log in through it; approvers read what is asked and sign; admins sign the
//! roster; ops and auditors read and verify journals. One file a command family; what they share:
//! [`keys`] signs, `ca` speaks with the CA, [`output`] writes, [`diagnostic`] holds what people are told.

#![forbid(unsafe_code)]

mod alerts;
mod approvals;
mod ca;
pub mod cli;
mod collector;
mod comparison;
mod completions;
pub mod config;
pub mod diagnostic;
pub mod durable;
pub mod evidence;
mod exit;
mod exports;
mod host;
mod invite;
mod journal;
pub mod keys;
mod log;
mod login;
mod moment;
mod narrow;
pub mod output;
pub mod paths;
mod person;
mod policy;
mod portrait;
mod prove;
mod request;
mod revoke;
mod revoked_hosts;
mod roster;
mod session;
mod setup;
mod statement;
mod verify;
mod why;
mod windows;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use jiff::tz::TimeZone;

use crate::cli::{Cli, Command};
use crate::diagnostic::Failure;
use crate::exit::Exit;
use crate::output::{Output, note};
use crate::paths::Places;

/// What every command is given.
#[derive(Debug)]
struct Context {
    /// Where this user's files are.
    places: Places,
    /// Where results go.
    output: Output,
    /// The reader's own time zone.
    zone: TimeZone,
}

/// Runs the program with these arguments, the first of which is its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let exit = match Cli::try_parse_from(arguments) {
        Ok(cli) => dispatch(&cli.command).unwrap_or_else(|failure| failed(&failure)),
        Err(error) => {
            let asked_for = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            // Whoever closed the pipe has read enough.
            let _ = error.print();
            if asked_for { Exit::Done } else { Exit::Usage }
        }
    };
    exit.into()
}

fn dispatch(command: &Command) -> Result<Exit, Failure> {
    if let Command::Completions(arguments) = command {
        return completions::run(arguments);
    }
    let context = Context {
        places: Places::from_environment()?,
        output: Output::standard(),
        zone: TimeZone::system(),
    };
    match command {
        Command::Setup(arguments) => setup::run(&context, arguments),
        Command::Roster(arguments) => roster::run(&context, arguments),
        Command::Person(arguments) => person::run(&context, arguments),
        Command::Invite(arguments) => invite::run(&context, arguments),
        Command::Policy(arguments) => policy::run(&context, arguments),
        Command::Host(arguments) => host::run(&context, arguments),
        Command::Request(arguments) => request::request(&context, arguments),
        Command::Extend(arguments) => request::extend(&context, arguments),
        Command::Grant(arguments) => request::grant(&context, arguments),
        Command::Windows(arguments) => windows::list(&context, arguments),
        Command::Show(arguments) => windows::show(&context, arguments),
        Command::Approve(arguments) => statement::approve(&context, arguments),
        Command::Deny(arguments) => statement::deny(&context, arguments),
        Command::Narrow(arguments) => narrow::run(&context, arguments),
        Command::End(arguments) => statement::end(&context, arguments),
        Command::Revoke(arguments) => revoke::run(&context, arguments),
        Command::Login(arguments) => login::run(&context, arguments),
        Command::Why(arguments) => why::run(&context, arguments),
        Command::Log(arguments) => log::run(&context, arguments),
        Command::Alerts(arguments) => alerts::run(&context, arguments),
        Command::Exports(arguments) => exports::run(&context, arguments),
        Command::Sessions(arguments) => session::list(&context, arguments),
        Command::Session(arguments) => session::story::show(&context, arguments),
        Command::Verify(arguments) => Ok(verify::run(&context, arguments)),
        Command::Prove(arguments) => prove::run(&context, arguments),
        Command::Journal(arguments) => journal::run(&context, arguments),
        Command::Evidence(arguments) => evidence::run(&context, arguments),
        Command::Completions(_) => Ok(Exit::Usage),
    }
}

fn failed(failure: &Failure) -> Exit {
    match failure {
        // A reader that closed the pipe, `head` for one, has what it wanted.
        Failure::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Done,
        Failure::Silent => Exit::Failed,
        failure => {
            note(diagnostic::report(failure));
            if failure.is_usage() {
                Exit::Usage
            } else {
                Exit::Failed
            }
        }
    }
}
