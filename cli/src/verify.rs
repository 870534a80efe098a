//! `daypass verify`: checks a journal with keys that are trusted, and says up to where it is proven.
//!
//! Exit code 1 says "tampered with" and nothing else does: whatever keeps the check from being made is 2.

use std::path::PathBuf;

use daypass_journal::trust::Trust;
use daypass_journal::verify::{Options, Report, verify};

use crate::Context;
use crate::diagnostic::{self, Failure};
use crate::durable;
use crate::exit::Exit;
use crate::output::inert::inert;
use crate::output::{Format, FormatOption, Progress, note};

/// The longest checkpoint that is read, bytes.
const LONGEST_CHECKPOINT: u64 = 64 * 1024;

/// Arguments of `daypass verify`.
#[derive(Debug, clap::Args)]
pub struct VerifyArguments {
    /// The journal's directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The keys to trust, as `daypass-agent trust` prints them; never from the journal's own directory
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// A checkpoint of this journal that was kept elsewhere, which the journal must contain
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// The origin that the journal must have, where the trust file knows several
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
    #[command(flatten)]
    output: FormatOption,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &VerifyArguments) -> Exit {
    match check(context, arguments) {
        Ok(exit) => exit,
        Err(failure) => {
            note(diagnostic::report(&failure));
            Exit::Incomplete
        }
    }
}

fn check(context: &Context, arguments: &VerifyArguments) -> Result<Exit, Failure> {
    let path = &arguments.trust;
    let trust = Trust::read(path).map_err(|source| Failure::Trust {
        path: path.clone(),
        source: Box::new(source),
    })?;
    let checkpoint = match &arguments.checkpoint {
        Some(path) => Some(
            durable::read(path, LONGEST_CHECKPOINT)?
                .ok_or_else(|| Failure::NoSuchFile { path: path.clone() })?,
        ),
        None => None,
    };
    let mut bar = Progress::new("verifying");
    let mut tell = |done, of| bar.at(done, of);
    let options = Options {
        origin: arguments.origin.as_deref(),
        checkpoint: checkpoint.as_deref(),
        progress: Some(&mut tell),
    };
    let report = verify(&arguments.directory, &trust, options);
    drop(bar);
    match arguments.output.format {
        Format::Json => context.output.json(&report)?,
        Format::Table => {
            for line in report.to_string().lines() {
                context.output.line(inert(line))?;
            }
        }
    }
    Ok(exit(&report))
}

fn exit(report: &Report) -> Exit {
    match report.exit_code() {
        0 => Exit::Done,
        1 => Exit::Failed,
        _ => Exit::Incomplete,
    }
}
