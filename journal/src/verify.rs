//! Checks a journal against keys from elsewhere, in one pass and constant memory.

use std::path::Path;

use crate::chain::{Chain, Check, Kept};
use crate::cosignature::Cosigned;
use crate::entry::Head;
use crate::error::Error;
use crate::own::Own;
use crate::seal::{self, Kind, Seal};
use crate::segment::{self, Lines};
use crate::trust::{Trust, TrustedLog};
use crate::walk::walk;

mod observe;
mod report;
#[cfg(test)]
mod tests;
mod texts;

use observe::Watch;
pub use report::{Lack, LogKey, Remark, Report, Verdict, Witnessed};
use texts::Texts;

/// What to verify beyond the journal itself.
#[derive(Default)]
pub struct Options<'a> {
    /// The origin that the journal must have; without it, the one that it claims.
    pub origin: Option<&'a str>,
    /// A checkpoint of this journal that was kept elsewhere: a note signed by the log or a trusted
    /// witness. The journal must contain it.
    pub checkpoint: Option<&'a str>,
    /// Told how many bytes were read, and of how many.
    pub progress: Option<&'a mut dyn FnMut(u64, u64)>,
}

/// Whose journal `dir` holds, as far as the trust file tells: the only one that it knows, or the one of them that
/// the journal itself claims to be.
///
/// # Errors
///
/// [`Error::NoJournal`], or what the disk refused.
pub fn origin(dir: &Path, trust: &Trust) -> Result<Option<String>, Error> {
    let claimed = claimed_origin(dir, trust)?;
    Ok(trusted(trust, claimed.as_deref()).map(|log| log.origin().to_owned()))
}

/// Verifies the journal in `dir`.
#[must_use]
pub fn verify(dir: &Path, trust: &Trust, options: Options<'_>) -> Report {
    let mut report = Report::default();
    match try_verify(dir, trust, options, &mut report) {
        Ok(()) => {}
        Err(Error::Damaged(broken)) => {
            // Seals behind a false one were counted before it was found false.
            report.proven = report.proven.min(broken.seq);
            report.verdict = Verdict::Tampered(broken);
        }
        Err(error) => report.lacks(Lack::Unreadable {
            reason: error.to_string(),
        }),
    }
    report
}

fn try_verify(
    dir: &Path,
    trust: &Trust,
    options: Options<'_>,
    report: &mut Report,
) -> Result<(), Error> {
    let claimed = match options.origin {
        Some(origin) => Some(origin.to_owned()),
        None => claimed_origin(dir, trust)?,
    };
    let Some(log) = trusted(trust, claimed.as_deref()) else {
        report.lacks(Lack::UnknownLog { origin: claimed });
        return Ok(());
    };
    report.origin = log.origin().to_owned();
    let kept = match options.checkpoint {
        None => None,
        Some(note) => match kept_by_any_key(note, dir, log, trust) {
            Ok(kept) => kept,
            Err(lack) => {
                report.lacks(lack);
                return Ok(());
            }
        },
    };
    let chain = Chain::new(log.log.clone(), log.first_epoch.clone(), Check::Signatures);
    let mut chain = chain.expecting(kept);
    let total = total_bytes(dir)?;
    let mut watch = Watch::new(trust, options.progress, total, Texts::of(dir)?);
    let walked = walk(dir, &mut chain, &mut watch);
    let walked = walked.and_then(|_| Ok(chain.reached_kept()?));
    let (found, texts) = watch.into_found();
    report.fill(&chain, found);
    walked?;
    texts.check(&chain, report)
}

/// As [`kept_checkpoint`], where need be by the keys that the journal was handed over to. `None` where it does not hold
/// together so far that they could be told: whoever walks it finds that.
fn kept_by_any_key(
    note: &str,
    dir: &Path,
    log: &TrustedLog,
    trust: &Trust,
) -> Result<Option<Kept>, Lack> {
    match kept_checkpoint(note, log, trust) {
        Err(Lack::CheckpointUnsigned) => {}
        known => return known.map(Some),
    }
    let mut chain = Chain::new(log.log.clone(), log.first_epoch.clone(), Check::Signatures);
    match walk(dir, &mut chain, &mut ()) {
        Ok(_) => kept_checkpoint(note, &log.with_heirs_of(chain.log()), trust).map(Some),
        Err(_) => Ok(None),
    }
}

/// A checkpoint from outside, once somebody trusted is found to have signed it.
fn kept_checkpoint(note: &str, log: &TrustedLog, trust: &Trust) -> Result<Kept, Lack> {
    let cosigned = Cosigned::parse(note).ok_or(Lack::CheckpointForm)?;
    if cosigned.checkpoint.origin != log.origin() {
        return Err(Lack::CheckpointOrigin {
            origin: cosigned.checkpoint.origin,
        });
    }
    let mut signers = trust
        .witnesses
        .iter()
        .filter(|witness| matches!(cosigned.by(witness), Ok(Some(_))))
        .map(|witness| witness.name().to_owned());
    let by = match signers.next() {
        Some(witness) => witness,
        None if cosigned.is_signed_by_log(log.key_at(cosigned.checkpoint.size)) => {
            "the kept checkpoint".to_owned()
        }
        None => return Err(Lack::CheckpointUnsigned),
    };
    Ok(Kept {
        by,
        size: cosigned.checkpoint.size,
        root: cosigned.checkpoint.root,
    })
}

/// With one log trusted and none named, the journal can only be meant to be that one's.
fn trusted<'a>(trust: &'a Trust, origin: Option<&str>) -> Option<&'a TrustedLog> {
    match (&trust.logs[..], origin) {
        ([only], _) => Some(only),
        (logs, Some(origin)) => logs.iter().find(|log| log.origin() == origin),
        _ => None,
    }
}

/// Whose journal it says it is: by its opening entry, else by its first seal.
fn claimed_origin(dir: &Path, trust: &Trust) -> Result<Option<String>, Error> {
    let segments = segment::list(dir)?;
    let Some((_, path)) = segments.first() else {
        return Err(Error::NoJournal {
            dir: dir.to_owned(),
        });
    };
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next()? {
        let origin = match seal::kind(line.bytes) {
            Kind::Entry => opening_origin(line.bytes),
            Kind::Seal(note) => Seal::parse(&note).map(|seal| seal.checkpoint.origin),
            _ => None,
        };
        if origin.is_some() && trusted(trust, origin.as_deref()).is_some() {
            return Ok(origin);
        }
    }
    Ok(None)
}

fn opening_origin(line: &[u8]) -> Option<String> {
    let event = Head::parse(line)?.own_event()?;
    match Own::parse(&event) {
        Ok(Some(Own::Open(open))) => Some(open.origin),
        _ => None,
    }
}

fn total_bytes(dir: &Path) -> Result<u64, Error> {
    let lengths = segment::list(dir)?
        .into_iter()
        .map(|(_, path)| path.metadata().map_or(0, |file| file.len()));
    Ok(lengths.sum())
}
