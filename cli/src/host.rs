//! `daypass host`: the enrolled hosts, and the token that enrols one.

use clap::Subcommand;
use daypass_protocol::api::TokenWish;
use daypass_protocol::name::{HostName, Name};

use crate::ca::Ca;
use crate::diagnostic::{Failure, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::moment::Length;
use crate::output::{Format, FormatOption, Table, note};
use crate::{Context, portrait, setup};

/// What to do with hosts.
#[derive(Debug, clap::Args)]
pub struct HostArguments {
    #[command(subcommand)]
    command: HostCommand,
}

#[derive(Debug, Subcommand)]
enum HostCommand {
    /// Make a token, to be pasted into `daypass-agent enroll` on the host
    Token {
        /// The host's name; without it machines name themselves, and --group is required
        name: Option<HostName>,
        /// Another name by which people reach it; may be repeated
        #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "name")]
        alias: Vec<HostName>,
        /// A group it belongs to; may be repeated
        #[arg(
            long,
            value_name = "NAME",
            value_delimiter = ',',
            required_unless_present = "name"
        )]
        group: Vec<Name>,
        /// How many machines of the group it enrols
        #[arg(
            long,
            value_name = "NUMBER",
            default_value_t = 1,
            conflicts_with = "name"
        )]
        uses: u32,
        /// How long the token can be used
        #[arg(long = "for", value_name = "DURATION", default_value = "1h")]
        lifetime: Length,
        /// The machine takes the place of the enrolled host of this name: re-imaged, restored, or revoked before. Its aliases and
        /// groups stay where none are given
        #[arg(long, requires = "name")]
        replace: bool,
    },
    /// List the enrolled hosts
    List {
        #[command(flatten)]
        output: FormatOption,
    },
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &HostArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    match &arguments.command {
        HostCommand::Token {
            name,
            alias,
            group,
            uses,
            lifetime,
            replace,
        } => {
            let token = ca.host_token(&TokenWish {
                host: name.clone(),
                aliases: alias.clone(),
                groups: group.clone(),
                uses: *uses,
                ttl: lifetime.seconds(),
                replace: *replace,
            })?;
            // The token alone on standard output, so that it can be piped; what to do with it beside it.
            context.output.line(crate::output::inert::inert(&token))?;
            note(match name {
                Some(name) => hint::token(name, *lifetime),
                None => hint::group_token(*uses, *lifetime),
            });
        }
        HostCommand::List { output } => list(context, &ca, output.format)?,
    }
    Ok(Exit::Done)
}

fn list(context: &Context, ca: &Ca, format: Format) -> Result<(), Failure> {
    let hosts = ca.hosts()?;
    setup::take_over(context, ca, &hosts)?;
    if format == Format::Json {
        return context.output.json(&hosts.hosts);
    }
    let mut table = Table::new(["HOST", "ALIASES", "GROUPS", "ENROLLED"]);
    for host in &hosts.hosts {
        table.row([
            host.name.as_str(),
            &joined(&host.aliases),
            &joined(&host.groups),
            &portrait::brief(host.enrolled, &context.zone),
        ]);
    }
    if table.is_empty() {
        note(hint::NO_HOSTS);
        return Ok(());
    }
    context.output.table(&table)
}

fn joined(names: &[impl AsRef<str>]) -> String {
    names
        .iter()
        .map(AsRef::as_ref)
        .collect::<Vec<_>>()
        .join(", ")
}
