//! The command line of `daypass-server`.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::{diagnostic, init};

/// Sets the daypass CA and collector up on one machine.
#[derive(Debug, Parser)]
#[command(name = "daypass-server", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a CA and a collector, start both, and say what comes next. Goes on where an earlier run stopped.
    Init(InitArgs),
}

/// What the two need to know.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The first admin's name: 1 to 32 of a-z, 0-9, '.', '_' and '-'.
    #[arg(long, value_name = "NAME")]
    pub admin: String,
    /// The first admin's SSH public key. The private half never comes near this machine.
    #[arg(long, value_name = "FILE.pub")]
    pub admin_key: PathBuf,
    /// DNS name of this server, as people and hosts reach it; can be given more than once.
    #[arg(long = "name", value_name = "HOSTNAME", required = true)]
    pub names: Vec<String>,
}

/// Runs the command line `arguments` and says how it ended: 0 done, 1 failed or refused, 64 usage.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let Command::Init(arguments) = cli.command;
    match init::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(std::io::stderr().lock(), "{}", diagnostic::of_error(&error));
            ExitCode::FAILURE
        }
    }
}

/// The command line's grammar, for checking the man page.
pub fn command() -> clap::Command {
    Cli::command()
}

fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_stands_in_the_man_page() {
        let page = include_str!("../../packaging/man/daypass-server.8").replace('\\', "");
        for command in command().get_subcommands() {
            let name = command.get_name();
            assert!(page.contains(&format!(".SS {name}")), "{name}");
            for long in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(page.contains(&format!("--{long}")), "--{long} of {name}");
            }
        }
    }

    #[test]
    fn admin_key_and_name_must_be_given() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        assert!(
            parse("daypass-server init --admin alice --admin-key a.pub --name s --name t").is_ok()
        );
        for line in [
            "daypass-server",
            "daypass-server init --admin-key a.pub --name s",
            "daypass-server init --admin alice --name s",
            "daypass-server init --admin alice --admin-key a.pub",
            "daypass-server init --admin alice --admin-key a.pub --name s --force",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
