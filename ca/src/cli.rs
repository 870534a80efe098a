//! The command line of `daypass-ca`.

mod control;
pub mod key;

use std::ffi::OsString;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::layout::Layout;
use crate::{backup, config, diagnostic, init, restore, serve, trust};

pub use control::{CollectorArgs, CommandError, EraseArgs, HostArgs, StatusArgs};

/// The daypass certificate authority: signed windows and approvals in, short-lived SSH certificates out.
#[derive(Debug, Parser)]
#[command(name = "daypass-ca", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the CA can be told to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new CA: its keys, its database, and roster 1 with the first admin. Refuses to run twice.
    Init(InitArgs),
    /// Answer requests until told to stop.
    Serve(ServeArgs),
    /// Say how the running CA fares: its pin, the setup line, its collectors.
    Status(StatusArgs),
    /// The collectors that journals are forwarded to.
    Collector(CollectorArgs),
    /// Hosts: the token that enrols them.
    Host(HostArgs),
    /// Rotate the keys that sign certificates.
    Key(KeyArgs),
    /// Write everything that the CA is into one file; it may serve meanwhile.
    Backup(BackupArgs),
    /// Make a CA from its backup, in a new incarnation.
    Restore(RestoreArgs),
    /// Erase entries of the CA's journal: their texts go, every seal and every proof still holds.
    Erase(EraseArgs),
    /// Print the trust file with which the CA's journal is verified.
    Trust(TrustArgs),
}

/// What rotating a key needs to know.
#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    pub(crate) command: key::KeyCommand,
}

/// What a backup needs to know.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to write; one that is there is not written over.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Configuration to read, and to take along.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
}

/// What restoring needs to know.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Configuration to follow; where there is none, the backup's is put there.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
    /// The Unix user that owns everything, when run as root.
    #[arg(long, value_name = "USER", default_value = "daypass-ca")]
    pub user: String,
}

/// What genesis needs to know.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The first admin's name: 1 to 32 of a-z, 0-9, '.', '_' and '-'.
    #[arg(long, value_name = "NAME")]
    pub admin: String,
    /// The first admin's SSH public key. The private half never comes near this machine.
    #[arg(long, value_name = "FILE.pub")]
    pub admin_key: PathBuf,
    /// DNS name of this server, as clients and hosts reach it; can be given more than once.
    #[arg(long = "name", value_name = "HOSTNAME", required = true)]
    pub names: Vec<String>,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = config::DEFAULT_LISTEN)]
    pub listen: SocketAddr,
    /// The URL that clients and hosts are given, where it is not https://HOSTNAME:PORT.
    #[arg(long)]
    pub url: Option<String>,
    /// Directory for database, keys and journal.
    #[arg(long, value_name = "DIR", default_value = config::DEFAULT_DATA)]
    pub data: PathBuf,
    /// Configuration to write; one that is there is left alone.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
    /// The Unix user that owns everything, when run as root.
    #[arg(long, value_name = "USER", default_value = "daypass-ca")]
    pub user: String,
    /// File with the passphrase of the CA's keys. Without it root gets a random one, sealed for the service by systemd;
    /// anybody else is asked.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Do nothing, and say nothing, when there is a CA already.
    #[arg(long)]
    pub unless_made: bool,
    /// Show the recovery key alone: whoever runs this says what comes next.
    #[arg(long)]
    pub brief: bool,
}

/// What serving needs to know beyond `ca.toml`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Configuration to read.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
    /// File with the passphrase of the CA's keys; else the systemd credential ca-passphrase, else asked.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Where the CA is.
#[derive(Debug, Args)]
pub struct TrustArgs {
    /// Directory of database, keys and journal.
    #[arg(long, value_name = "DIR", default_value = config::DEFAULT_DATA)]
    pub data: PathBuf,
}

/// Runs the command line `arguments` and says how it ended: 0 done, 1 failed, 64 usage.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let result = match cli.command {
        Command::Init(arguments) => {
            init::run(&arguments).map_err(|error| diagnostic::of_init(&error))
        }
        Command::Serve(arguments) => {
            serve::run(&arguments).map_err(|error| diagnostic::of_serve(&error))
        }
        Command::Status(arguments) => {
            control::status(&arguments).map_err(|error| diagnostic::of_command(&error))
        }
        Command::Collector(arguments) => {
            control::collector(&arguments).map_err(|error| diagnostic::of_command(&error))
        }
        Command::Erase(arguments) => {
            control::erase(arguments).map_err(|error| diagnostic::of_command(&error))
        }
        Command::Host(arguments) => {
            control::host(arguments).map_err(|error| diagnostic::of_command(&error))
        }
        Command::Key(arguments) => key::run(&arguments)
            .map(|done| say(&diagnostic::of_rotated(&done)))
            .map_err(|error| diagnostic::of_rotation(&error)),
        Command::Backup(arguments) => backup::run(&arguments)
            .map(|path| say(&diagnostic::of_backup_made(&path)))
            .map_err(|error| diagnostic::of_backup(&error)),
        Command::Restore(arguments) => restore::run(&arguments)
            .map(|restored| {
                say(&diagnostic::of_restored(&restored));
                if let Some(warning) = diagnostic::of_damaged_journal(&restored) {
                    let _ = std::io::stderr().lock().write_all(warning.as_bytes());
                }
            })
            .map_err(|error| diagnostic::of_restore(&error)),
        Command::Trust(arguments) => trust::trust(&Layout::new(arguments.data))
            .map_err(|error| diagnostic::of_trust(&error))
            .map(|text| {
                // Whoever closed the pipe has read enough.
                let _ = std::io::stdout().lock().write_all(text.as_bytes());
            }),
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

fn say(text: &str) {
    // What was done is done, whoever reads of it.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
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
