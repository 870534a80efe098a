//! The journal behind the intake.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use daypass_journal::Error;
use daypass_journal::writer::{Options, Recovery, Writer};

use crate::intake::{Entry, Epoch, Ledger, LedgerFailed, Open, Receipt};

/// This host's journal, open for writing.
struct HostJournal {
    writer: Writer,
}

/// Something that opens the journal in `dir` with the keys in `keys`, now and after each failure,
/// and tells what it found.
#[must_use]
pub fn opener(
    dir: PathBuf,
    keys: PathBuf,
    found: impl Fn(Recovery) + Send + Sync + 'static,
) -> Open {
    Box::new(move || {
        let (writer, recovery) = open(&dir, &keys).map_err(LedgerFailed::Journal)?;
        found(recovery);
        Ok(Arc::new(HostJournal { writer }))
    })
}

fn open(dir: &Path, keys: &Path) -> Result<(Writer, Recovery), Error> {
    Writer::open(dir, keys, Options::default())
}

impl Ledger for HostJournal {
    fn append(&self, event: &Entry, epoch: Epoch) -> Result<Receipt, LedgerFailed> {
        let appended = match epoch {
            Epoch::Continues => self.writer.append(&event),
            Epoch::Ends => self.writer.append_ending_epoch(&event),
        };
        match appended {
            Ok(receipt) => Ok(Receipt {
                seq: receipt.seq,
                time: receipt.time,
            }),
            Err(error @ Error::Event(_)) => Err(LedgerFailed::Event(error)),
            Err(error) => Err(LedgerFailed::Journal(error)),
        }
    }

    fn close(&self) -> Result<(), LedgerFailed> {
        self.writer.clone().close().map_err(LedgerFailed::Journal)
    }
}
