//! `daypass evidence`: gathers all that proves a visit into one file, and checks such a file with no network and no
//! trust in whoever made it. The format is in `docs/formats/evidence.md`.

pub mod bundle;
mod collect;
mod decisions;
pub mod fault;
mod ground;
mod judge;
mod manifest;
mod owner;
mod part;
mod people;
mod records;
mod stay;
mod story;
mod texts;
mod visit;
mod windows;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use daypass_journal::trust::Trust;
use daypass_protocol::roster::SignedRoster;
use daypass_protocol::strict_json;
use daypass_protocol::window::WindowId;
use jiff::Zoned;

use crate::Context;
use crate::ca::Ca;
use crate::diagnostic::evidence::EvidenceError;
use crate::diagnostic::{self, Failure, hint};
use crate::durable;
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::log::filter::Filter;
use crate::moment::{Direction, When};
use crate::output::{Format, FormatOption, note};
use crate::roster::kept;
use bundle::Bundle;
use ground::Ground;
use story::Verdict;

/// What every bundle says of itself.
const README: &str = include_str!("evidence/README.md");

/// Where an installed host or CA keeps its journal.
const USUAL: [&str; 2] = ["/var/log/daypass/journal", "/var/lib/daypass/ca/journal"];

/// Where a host keeps the rosters that it took over.
const HOST_CHAIN: &str = "/var/lib/daypass/agent/chain.json";

/// Arguments of `daypass evidence`.
#[derive(Debug, clap::Args)]
pub struct EvidenceArguments {
    #[command(subcommand)]
    command: EvidenceCommand,
}

#[derive(Debug, Subcommand)]
enum EvidenceCommand {
    /// Gather what proves a window, a session or a span of time into one file
    Export(ExportArguments),
    /// Check such a file with keys that you trust; no network is needed
    Verify(VerifyArguments),
}

#[derive(Debug, clap::Args)]
struct ExportArguments {
    /// Directories of journals, a host's and the CA's; those of this machine if none is given
    #[arg(value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// All of a window; may be repeated
    #[arg(long = "window", value_name = "WINDOW")]
    windows: Vec<WindowId>,
    /// All of a session, as s-0011223344556677; may be repeated
    #[arg(long = "session", value_name = "SESSION")]
    sessions: Vec<String>,
    /// Of a person or an account; may be repeated
    #[arg(long = "user", value_name = "NAME")]
    users: Vec<String>,
    /// Not before: RFC 3339, a date, HH:MM, or a duration ago
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Before: likewise
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// The rosters, as `{"chain":[…]}`; if not given: the CA's journal, this host's, or the CA by its API
    #[arg(long, value_name = "FILE")]
    chain: Option<PathBuf>,
    /// Where the bundle goes
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: PathBuf,
}

#[derive(Debug, clap::Args)]
struct VerifyArguments {
    /// The bundle
    #[arg(value_name = "FILE")]
    bundle: PathBuf,
    /// The keys to trust: of the journals, the witness, the CA; may be repeated
    #[arg(long, value_name = "FILE", required = true)]
    trust: Vec<PathBuf>,
    #[command(flatten)]
    output: FormatOption,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &EvidenceArguments) -> Result<Exit, Failure> {
    match &arguments.command {
        EvidenceCommand::Export(arguments) => export(context, arguments),
        // What keeps the check from being made is not tampering.
        EvidenceCommand::Verify(arguments) => {
            Ok(verify(context, arguments).unwrap_or_else(|failure| {
                note(diagnostic::report(&failure));
                Exit::Incomplete
            }))
        }
    }
}

fn export(context: &Context, arguments: &ExportArguments) -> Result<Exit, Failure> {
    let now = Zoned::now();
    let instant = |when: Option<When>| {
        when.map(|when| when.resolve(&now, Direction::Back))
            .transpose()
    };
    let filter = Filter {
        since: instant(arguments.since)?,
        until: instant(arguments.until)?,
        users: arguments.users.clone(),
        windows: arguments.windows.iter().map(ToString::to_string).collect(),
        sessions: arguments.sessions.clone(),
        ..Filter::default()
    };
    if filter == Filter::default() {
        return Err(EvidenceError::NoQuestion.into());
    }
    let directories = match &arguments.directories[..] {
        [] => USUAL
            .iter()
            .map(PathBuf::from)
            .filter(|path| path.is_dir())
            .collect(),
        named => named.to_vec(),
    };
    if directories.is_empty() {
        return Err(EvidenceError::NoJournals.into());
    }
    let collected = collect::collect(&directories, &filter, || {
        rosters(context, arguments, &directories)
    })?;
    let archive = collected.bundle.to_archive()?;
    durable::write(&arguments.output, &archive, 0o600)?;
    let gathered = hint::gathered(collected.entries, collected.windows, &arguments.output);
    context.output.line(gathered)?;
    if collected.texts_left_out > 0 {
        note(hint::texts_left_out(collected.texts_left_out));
    }
    note(hint::EVIDENCE_IS_NOT_VERIFIED);
    Ok(Exit::Done)
}

/// The rosters, from where they are first found: the file that was named, the CA's journal, this host, the CA itself.
fn rosters(
    context: &Context,
    arguments: &ExportArguments,
    directories: &[PathBuf],
) -> Result<Vec<SignedRoster>, Failure> {
    if let Some(path) = &arguments.chain {
        return kept::read(path);
    }
    if let Some(kept) = collect::kept_rosters(directories)? {
        return Ok(kept);
    }
    let path = Path::new(HOST_CHAIN);
    // Whoever may not read it can still ask the CA.
    if let Ok(Some(text)) = durable::read(path, kept::LONGEST) {
        return kept::parse(path, &text);
    }
    if context.places.config_file().exists() {
        return Ca::connect(&context.places, Asking::Allowed)?.rosters();
    }
    Err(EvidenceError::NoRosters.into())
}

fn signed_roster(path: &Path, text: &str) -> Result<SignedRoster, Failure> {
    let read = strict_json::parse(text, daypass_protocol::roster::MAX_SIGNED);
    read.map_err(|source| {
        let path = path.to_owned();
        let source = Box::new(source);
        EvidenceError::Chain { path, source }.into()
    })
}

/// Whether the bundle with these bytes is proven by a trust file with this text: what `daypass evidence verify` says with 0.
/// A trust file that cannot be read proves nothing.
pub fn is_proven(bundle: &[u8], trust: &str) -> bool {
    let mut ground = Ground::default();
    let believed = Trust::parse(trust)
        .is_ok_and(|trust| ground.believe(trust, Path::new("trust.toml")).is_ok());
    believed
        && Bundle::parse(bundle)
            .is_ok_and(|bundle| judge::judge(&bundle, &ground).verdict() == Verdict::Proven)
}

fn verify(context: &Context, arguments: &VerifyArguments) -> Result<Exit, Failure> {
    let ground = Ground::read(&arguments.trust)?;
    let judgement = match Bundle::read(&arguments.bundle)? {
        Ok(bundle) => judge::judge(&bundle, &ground),
        Err(faults) => judge::Judgement {
            faults,
            ..judge::Judgement::default()
        },
    };
    match arguments.output.format {
        Format::Json => context.output.json(&judgement.to_json())?,
        Format::Table => {
            for line in judgement.told(&context.zone) {
                context.output.line(line)?;
            }
        }
    }
    Ok(match judgement.verdict() {
        Verdict::Proven => Exit::Done,
        Verdict::Tampered => Exit::Failed,
        Verdict::Incomplete => Exit::Incomplete,
    })
}
