//! `daypass prove`: the proof that an entry is in a journal, for tools that are not ours.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use daypass_journal::proof::Proof;
use daypass_journal::reader::{Line, Reader};

use crate::Context;
use crate::diagnostic::{Failure, hint};
use crate::durable;
use crate::exit::Exit;
use crate::output::note;

/// Arguments of `daypass prove`.
#[derive(Debug, clap::Args)]
pub struct ProveArguments {
    /// The journal's directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The entry's number
    #[arg(long, value_name = "N")]
    seq: u64,
    /// Where the proof goes; standard output if not given
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where the entry's exact bytes go, which the proof is about
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &ProveArguments) -> Result<Exit, Failure> {
    let ProveArguments { directory, seq, .. } = arguments;
    let failed = |source| Failure::Journal {
        directory: directory.clone(),
        source: Box::new(source),
    };
    if let Some(path) = &arguments.entry {
        let entry = entry(directory, *seq).map_err(failed)?;
        let entry = entry.ok_or_else(|| Failure::NoSuchEntry {
            directory: directory.clone(),
            seq: *seq,
        })?;
        durable::write(path, &entry, 0o644)?;
    }
    let mut proofs = Proof::make_all(directory, &BTreeSet::from([*seq])).map_err(failed)?;
    let Some(proof) = proofs.remove(seq) else {
        return Err(failed(daypass_journal::Error::NotSealed { seq: *seq }));
    };
    match &arguments.output {
        Some(path) => durable::write(path, proof.to_string().as_bytes(), 0o644)?,
        None => context.output.bytes(proof.to_string().as_bytes())?,
    }
    note(hint::PROOF_IS_NOT_VERIFIED);
    Ok(Exit::Done)
}

/// The exact bytes of an entry; `None` when it is not there, or erased.
fn entry(directory: &Path, wanted: u64) -> Result<Option<Vec<u8>>, daypass_journal::Error> {
    for line in Reader::open_at(directory, wanted)? {
        match line? {
            Line::Entry { seq, bytes } if seq == wanted => return Ok(Some(bytes)),
            Line::Entry { seq, .. } | Line::Erased { seq, .. } if seq >= wanted => return Ok(None),
            _ => {}
        }
    }
    Ok(None)
}
