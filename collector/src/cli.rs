//! The command line: what can be said, and which code runs for it.

mod accept;
mod alerts;
mod audit;
mod erase;
mod first;
mod init;
mod log_key;
mod open;
mod order;
mod reindex;
mod restore;
mod serve;
mod status;
mod upkeep;
mod witness_key;

use std::ffi::OsString;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use daypass_protocol::token::SetupLine;

use crate::{config, diagnostic};
use erase::EraseArgs;
use restore::RestoreArgs;
use witness_key::WitnessKeyArgs;

/// Takes signed journals in, verifies and stores them, then cosigns; searches them and raises alarms.
#[derive(Debug, Parser)]
#[command(name = "daypass-collector", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the collector can be told to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new collector: its keys, its configuration, and the request for its CA. Refuses to run twice.
    Init(InitArgs),
    /// Take in the CA's answer to that request, from standard input.
    Accept(AcceptArgs),
    /// Take journals in until told to stop.
    Serve(ConfigArgs),
    /// Make the search index anew from what is stored, also while the service runs.
    Reindex(ConfigArgs),
    /// Look at the rules for alerts.
    Alerts(alerts::AlertsArgs),
    /// Say how much is stored, and how closely search and the second copy follow.
    Status(ConfigArgs),
    /// Check all that is stored again, from the first line of each journal.
    Audit(ConfigArgs),
    /// Take what names a person out of what is stored; hashes and seals stay.
    Erase(EraseArgs),
    /// Hand the collector's own journal over to a new log key, also while the service runs; by itself that happens every two
    /// years.
    RenewLogKey(ConfigArgs),
    /// Have another key cosign beside the one of now, and after 30 days alone; by itself that begins every two years.
    RenewWitnessKey(WitnessKeyArgs),
    /// Bring everything back from the second copy, into a collector that is new.
    Restore(RestoreArgs),
}

/// What a new collector needs to know.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The CA's setup line, as `daypass-ca init` printed it.
    #[arg(long, value_name = "SETUP-LINE")]
    pub ca_setup: SetupLine,
    /// DNS name of this server, as hosts and people reach it; can be given more than once.
    #[arg(long = "name", value_name = "HOSTNAME", required = true)]
    pub names: Vec<String>,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = config::DEFAULT_LISTEN)]
    pub listen: SocketAddr,
    /// Directory for everything that it keeps.
    #[arg(long, value_name = "DIR", default_value = config::DEFAULT_DATA)]
    pub data: PathBuf,
    /// Configuration to write; one that is there is left alone.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
    /// The Unix user that owns everything, when run as root.
    #[arg(long, value_name = "USER", default_value = "daypass-collector")]
    pub user: String,
    /// When there is a collector already, print its request again instead of refusing.
    #[arg(long)]
    pub unless_made: bool,
}

/// Where things are when the CA's answer comes.
#[derive(Debug, Args)]
pub struct AcceptArgs {
    /// Configuration to read.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
    /// The Unix user that owns everything, when run as root.
    #[arg(long, value_name = "USER", default_value = "daypass-collector")]
    pub user: String,
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Configuration to read.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
}

/// Runs the command line `arguments` and says how it ended: 0 done, 1 failed, 64 usage.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let result = match cli.command {
        Command::Init(arguments) => {
            init::run(&arguments).map_err(|error| diagnostic::explain(&error))
        }
        Command::Accept(arguments) => {
            accept::run(&arguments).map_err(|error| diagnostic::explain(&error))
        }
        Command::Serve(arguments) => {
            serve::run(&arguments).map_err(|error| diagnostic::explain(&error))
        }
        Command::Reindex(arguments) => {
            reindex::run(&arguments).map_err(|error| diagnostic::explain(&error))
        }
        Command::Alerts(arguments) => {
            alerts::run(&arguments).map_err(|error| diagnostic::explain(&error))
        }
        Command::Status(arguments) => {
            status::run(&arguments).map_err(|error| diagnostic::explain(&error))
        }
        Command::Audit(arguments) => {
            audit::run(&arguments).map_err(|error| diagnostic::explain(&error))
        }
        Command::Erase(arguments) => {
            erase::run(&arguments).map_err(|error| diagnostic::explain(&error))
        }
        Command::RenewLogKey(arguments) => {
            log_key::run(&arguments).map_err(|error| diagnostic::explain(&error))
        }
        Command::RenewWitnessKey(arguments) => {
            witness_key::run(&arguments).map_err(|error| diagnostic::explain(&error))
        }
        Command::Restore(arguments) => {
            restore::run(&arguments).map_err(|error| diagnostic::explain(&error))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(std::io::stderr().lock(), "{message}");
            ExitCode::FAILURE
        }
    }
}

/// The command line's grammar, for completions and for checking the man page.
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
    fn the_grammar_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_option_stands_in_the_man_page() {
        let page = include_str!("../../packaging/man/daypass-collector.8").replace('\\', "");
        for command in command().get_subcommands() {
            assert!(
                page.contains(&format!(".SS {}", command.get_name())),
                "{}",
                command.get_name()
            );
            for long in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(
                    page.contains(&format!("--{long}")),
                    "--{long} of {}",
                    command.get_name()
                );
            }
        }
    }
}
