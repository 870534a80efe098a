//! `daypass verify`: checks a journal with keys that are trusted, and says up to where it is proven.
//!
//! Exit code 1 says "tampered with" and nothing else does: whatever keeps the check from being made is 2.

mod claims;

use std::path::PathBuf;

use daypass_journal::trust::Trust;
use daypass_journal::verify::{Options, Report, origin, verify};

use serde::Serialize;

use crate::Context;
use crate::ca::Ca;
use crate::collector::{Collector, NAMED_BY_CA, Which};
use crate::diagnostic::{self, Failure, hint};
use crate::durable;
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::output::inert::inert;
use crate::output::{Format, FormatOption, Progress, note};
use claims::Claimed;

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
    #[arg(long, value_name = "FILE", conflicts_with = "collector")]
    checkpoint: Option<PathBuf>,
    /// Compare with what the collector holds of this journal; without a URL, the collector that the CA names
    #[arg(
        long,
        value_name = "URL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = NAMED_BY_CA
    )]
    collector: Option<Which>,
    /// The origin that the journal must have, where the trust file knows several
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
    #[command(flatten)]
    output: FormatOption,
}

/// The report, and what in it rests on the host's own word.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed: Option<Claimed>,
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
    let checkpoint = checkpoint(context, arguments, &trust)?;
    let mut bar = Progress::new("verifying");
    let mut tell = |done, of| bar.at(done, of);
    let options = Options {
        origin: arguments.origin.as_deref(),
        checkpoint: checkpoint.as_deref(),
        progress: Some(&mut tell),
    };
    let report = verify(&arguments.directory, &trust, options);
    drop(bar);
    let claimed = claims::of(&arguments.directory, &report).unwrap_or_else(|error| {
        // The report says what cannot be read, where that is news.
        note(hint::claims_unknown(&error));
        None
    });
    match arguments.output.format {
        Format::Json => context.output.json(&Shown {
            report: &report,
            claimed,
        })?,
        Format::Table => {
            for line in report.to_string().lines() {
                context.output.line(inert(line))?;
            }
            if let Some(claimed) = &claimed {
                let (first, last) = (claimed.first, claimed.last);
                context
                    .output
                    .line(hint::claimed(first, last, claimed.after))?;
            }
        }
    }
    Ok(exit(&report))
}

/// What the journal is compared with, if anything.
fn checkpoint(
    context: &Context,
    arguments: &VerifyArguments,
    trust: &Trust,
) -> Result<Option<String>, Failure> {
    if let Some(path) = &arguments.checkpoint {
        let text = durable::read(path, LONGEST_CHECKPOINT)?;
        return match text {
            Some(text) => Ok(Some(text)),
            None => Err(Failure::NoSuchFile { path: path.clone() }),
        };
    }
    let Some(which) = &arguments.collector else {
        return Ok(None);
    };
    let directory = &arguments.directory;
    let origin = match &arguments.origin {
        Some(origin) => origin.clone(),
        None => origin(directory, trust)
            .map_err(|source| Failure::Journal {
                directory: directory.clone(),
                source: Box::new(source),
            })?
            .ok_or_else(|| Failure::WhichJournal {
                directory: directory.clone(),
            })?,
    };
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    Collector::find(&ca, which)?.checkpoint(&origin).map(Some)
}

fn exit(report: &Report) -> Exit {
    match report.exit_code() {
        0 => Exit::Done,
        1 => Exit::Failed,
        _ => Exit::Incomplete,
    }
}
