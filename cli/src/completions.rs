//! `daypass completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::diagnostic::Failure;
use crate::exit::Exit;
use crate::output::Output;

/// Which shell.
#[derive(Debug, clap::Args)]
pub struct CompletionsArguments {
    /// The shell to complete for
    shell: Shell,
}

/// Prints the completions.
pub(crate) fn run(arguments: &CompletionsArguments) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "daypass", &mut script);
    Output::standard().bytes(&script)?;
    Ok(Exit::Done)
}
