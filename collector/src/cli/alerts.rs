//! `daypass-collector alerts`: the rules themselves, without a service.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::alerts::rules::{DEFAULTS, RuleSet, RulesError, SITE_PATH, WrongExample};

/// What to do with the rules.
#[derive(Debug, Args)]
pub struct AlertsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AlertsCommand,
}

/// What can be done with the rules.
#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    /// Read the site's rules and try every rule on its own examples.
    Check(CheckArgs),
    /// Print the rules that come with the program, to be learned from.
    Defaults,
}

/// Which rules.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The site's rules; one that is not there means the defaults alone.
    #[arg(value_name = "FILE", default_value = SITE_PATH)]
    pub file: PathBuf,
}

/// Why the rules are not in order.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AlertsError {
    /// They cannot be read.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// They do not do what they say.
    #[error("{} of {count} rules do not do what their examples say:\n{}", wrong.len(), lines(wrong))]
    Wrong {
        /// How many there are.
        count: usize,
        /// Each example that turned out otherwise.
        wrong: Vec<WrongExample>,
    },
    /// Standard output.
    #[error("the rules cannot be written out")]
    Output(#[source] io::Error),
}

fn lines(wrong: &[WrongExample]) -> String {
    let lines: Vec<String> = wrong.iter().map(|one| format!("  {one}")).collect();
    lines.join("\n")
}

pub(crate) fn run(arguments: &AlertsArgs) -> Result<(), AlertsError> {
    let mut out = io::stdout().lock();
    match &arguments.command {
        AlertsCommand::Defaults => out.write_all(DEFAULTS.as_bytes()),
        AlertsCommand::Check(CheckArgs { file }) => {
            let rules = RuleSet::of_site(file)?;
            let (count, wrong) = (rules.count(), rules.wrong_examples());
            if !wrong.is_empty() {
                return Err(AlertsError::Wrong { count, wrong });
            }
            writeln!(out, "{count} rules; each does what its examples say")
        }
    }
    .map_err(AlertsError::Output)
}
