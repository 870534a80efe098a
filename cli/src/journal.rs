//! `daypass journal`: whole journals in other forms.

use std::path::PathBuf;

use clap::Subcommand;
use daypass_journal::tiles;

use crate::Context;
use crate::diagnostic::{Failure, hint};
use crate::exit::Exit;

/// Arguments of `daypass journal`.
#[derive(Debug, clap::Args)]
pub struct JournalArguments {
    #[command(subcommand)]
    command: JournalCommand,
}

#[derive(Debug, Subcommand)]
enum JournalCommand {
    /// Write a journal as a tree of tiles (C2SP tlog-tiles), which others' tools read
    Export(ExportArguments),
}

#[derive(Debug, clap::Args)]
struct ExportArguments {
    /// The journal's directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Where the tiles go: a directory that is empty, or not there yet
    #[arg(long, value_name = "DIR")]
    tiles: PathBuf,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &JournalArguments) -> Result<Exit, Failure> {
    let JournalCommand::Export(arguments) = &arguments.command;
    let exported = tiles::export(&arguments.directory, &arguments.tiles);
    let exported = exported.map_err(|source| Failure::Journal {
        directory: arguments.directory.clone(),
        source: Box::new(source),
    })?;
    context.output.line(hint::exported(&exported))?;
    Ok(Exit::Done)
}
