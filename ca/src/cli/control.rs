//! The commands that ask the running service: status, collectors, join tokens.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use daypass_protocol::api::TokenWish;
use daypass_protocol::collector::{Admission, MAX_REQUEST};
use daypass_protocol::length::Length;
use daypass_protocol::name::{HostName, Name};
use daypass_protocol::token::CaUrl;
use serde_json::Value;

use crate::config::{self, Config, ConfigError};
use crate::control::client::{self, ControlError};
use crate::control::{Erased, Erasure, Nothing, Question, Status};
use crate::diagnostic;

/// How something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What `status` needs to know.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    service: Service,
    /// How to show it.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

/// Which service is asked.
#[derive(Debug, Args)]
pub(crate) struct Service {
    /// Configuration to read.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    config: PathBuf,
}

/// `daypass-ca collector`
#[derive(Debug, Args)]
pub struct CollectorArgs {
    #[command(subcommand)]
    command: CollectorCommand,
}

#[derive(Debug, Subcommand)]
enum CollectorCommand {
    /// Admit a collector: its request on standard input, the answer on standard output.
    Add {
        #[command(flatten)]
        service: Service,
    },
    /// List the collectors that journals are forwarded to.
    List {
        #[command(flatten)]
        service: Service,
        /// How to show it.
        #[arg(short, long, value_name = "FORMAT", default_value = "text")]
        output: Format,
    },
    /// Tell hosts of a collector no longer, and trust its certificate no longer.
    Remove {
        /// Its address, as `list` shows it.
        url: CaUrl,
        #[command(flatten)]
        service: Service,
    },
}

/// `daypass-ca host`
#[derive(Debug, Args)]
pub struct HostArgs {
    #[command(subcommand)]
    command: HostCommand,
}

#[derive(Debug, Subcommand)]
enum HostCommand {
    /// Make a token, to be pasted into `daypass-agent enroll` on the host.
    Token {
        /// The host's name; without it machines name themselves, and --group is required.
        name: Option<HostName>,
        /// Another name by which people reach it; may be repeated.
        #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "name")]
        alias: Vec<HostName>,
        /// A group it belongs to; may be repeated.
        #[arg(
            long,
            value_name = "NAME",
            value_delimiter = ',',
            required_unless_present = "name"
        )]
        group: Vec<Name>,
        /// How many machines of the group it enrols.
        #[arg(
            long,
            value_name = "NUMBER",
            default_value_t = 1,
            conflicts_with = "name"
        )]
        uses: u32,
        /// How long the token can be used: 40m, 2h, 1h30m, 1d.
        #[arg(long = "for", value_name = "DURATION", default_value = "1h")]
        lifetime: Length,
        /// The machine takes the place of the enrolled host of this name; its aliases and groups stay where none are given.
        #[arg(long, requires = "name")]
        replace: bool,
        #[command(flatten)]
        service: Service,
    },
}

/// `daypass-ca erase`
#[derive(Debug, Args)]
pub struct EraseArgs {
    /// All entries that name this person.
    #[arg(long, value_name = "NAME", required_unless_present = "numbers")]
    person: Option<String>,
    /// An entry, by its number; may be repeated.
    #[arg(long = "seq", value_name = "N", conflicts_with = "person")]
    numbers: Vec<u64>,
    /// Why; it is kept in the journal.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Do it; without this, only tell how many entries it would be.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    service: Service,
}

/// Why a command did nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Standard input.
    #[error("the collector's request could not be read from standard input")]
    Input(#[source] io::Error),
    /// The service.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// What it answered cannot be written as JSON.
    #[error("the answer cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// Standard output.
    #[error("the answer could not be written to standard output")]
    Output(#[source] io::Error),
}

impl Service {
    pub(super) fn ask<T: serde::de::DeserializeOwned>(
        &self,
        question: &Question,
    ) -> Result<T, CommandError> {
        let config = Config::read(&self.config)?;
        Ok(client::ask(&config.control, question)?)
    }

    fn status(&self) -> Result<Status, CommandError> {
        self.ask(&Question::Status(Nothing {}))
    }
}

/// `daypass-ca status`
pub(super) fn status(arguments: &StatusArgs) -> Result<(), CommandError> {
    let status = arguments.service.status()?;
    print(&match arguments.output {
        Format::Text => diagnostic::of_status(&status),
        Format::Json => format!("{}\n", serde_json::to_string(&status)?),
    })
}

/// `daypass-ca collector …`
pub(super) fn collector(arguments: &CollectorArgs) -> Result<(), CommandError> {
    match &arguments.command {
        CollectorCommand::Add { service } => {
            let mut text = String::new();
            io::stdin()
                .lock()
                .take(MAX_REQUEST as u64 + 1)
                .read_to_string(&mut text)
                .map_err(CommandError::Input)?;
            let text = text.trim_end().to_owned();
            let admission: Admission = service.ask(&Question::CollectorAdd(text))?;
            print(&format!("{}\n", serde_json::to_string(&admission)?))?;
            note(diagnostic::AFTER_ADD);
            Ok(())
        }
        CollectorCommand::List { service, output } => {
            let collectors = service.status()?.collectors;
            print(&match output {
                Format::Text => diagnostic::of_collectors(&collectors),
                Format::Json => format!("{}\n", serde_json::to_string(&collectors)?),
            })
        }
        CollectorCommand::Remove { url, service } => {
            let Nothing {} = service.ask(&Question::CollectorRemove(url.to_string()))?;
            note(diagnostic::AFTER_REMOVE);
            Ok(())
        }
    }
}

/// `daypass-ca host …`
pub(super) fn host(arguments: HostArgs) -> Result<(), CommandError> {
    let HostCommand::Token {
        name,
        alias,
        group,
        uses,
        lifetime,
        replace,
        service,
    } = arguments.command;
    let token: Value = service.ask(&Question::HostToken(TokenWish {
        host: name,
        aliases: alias,
        groups: group,
        uses,
        ttl: lifetime.seconds(),
        replace,
    }))?;
    // The token alone on standard output, so that it can be piped.
    print(&format!("{}\n", token.as_str().unwrap_or_default()))?;
    note(diagnostic::AFTER_TOKEN);
    Ok(())
}

/// `daypass-ca erase`
pub(super) fn erase(arguments: EraseArgs) -> Result<(), CommandError> {
    let erased: Erased = arguments.service.ask(&Question::Erase(Erasure {
        person: arguments.person,
        entries: arguments.numbers,
        reason: arguments.reason,
        confirmed: arguments.yes,
    }))?;
    print(&diagnostic::of_erased(&erased))
}

fn print(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(CommandError::Output)
}

/// To people; nobody needs it to go on.
fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
