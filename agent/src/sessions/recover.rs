//! Finding the sessions of before: what is noted under `/run`, held against what the kernel says. Where the notes are
//! gone, the journal has them.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use daypass_protocol::narrowing::Limits;
use daypass_protocol::window::FrozenWindow;

use super::rebuild;
use super::record::{Record, RecordError};
use super::registry::Sessions;
use super::session::{Phase, Session};
use super::sweep::Swept;
use crate::durable;
use crate::facts::Handle;
use crate::sudoers::SudoersError;

/// Stands in the directory of notes as long as that is whole: since this boot, or since they were written again.
const KNOWN: &str = ".known";

/// Why sessions whose notes are gone were not found.
#[derive(Debug, thiserror::Error)]
pub enum Unfound {
    /// The journal.
    #[error("sessions whose notes are gone are not looked for: {0}")]
    Journal(#[from] daypass_journal::Error),
    /// The directory.
    #[error("a session that was found in the journal cannot be noted again: {0}")]
    Note(#[from] durable::Error),
}

/// What became of the sessions of before.
#[derive(Debug, Default)]
pub struct Recovered {
    /// How many live on.
    pub live: usize,
    /// How many ended meanwhile.
    pub ended: usize,
    /// Records that could not be read. Whoever is in such a session is refused sudo, and its processes are logind's.
    pub unreadable: Vec<RecordError>,
    /// Why those were not found whose notes are gone, if so.
    pub unfound: Option<Unfound>,
    /// Why some have no sudo, if so.
    pub without_sudo: Option<SudoersError>,
}

impl Sessions {
    /// Takes the sessions of before in again. Deadlines that passed meanwhile are enforced at once, and sudo rules that
    /// belong to nobody are taken away.
    pub fn recover(&self) -> Recovered {
        let mut recovered = Recovered::default();
        let known = self.shared.setup.directory.join(KNOWN);
        let are_known = known.exists();
        if !are_known {
            recovered.unfound = self.note_again().err();
        }
        for found in Record::load_all(&self.shared.setup.directory) {
            match found {
                Ok(record) => self.take_back(record, &mut recovered),
                Err(error) => recovered.unreadable.push(error),
            }
        }
        let is_whole = recovered.unfound.is_none() && recovered.unreadable.is_empty();
        if are_known || is_whole {
            self.shared.all_found.store(true, Ordering::Release);
            // Without it the next start looks into the journal once more.
            let _ = fs::write(known, "");
        }
        if let Err(error) = self.settle_sudo() {
            recovered.without_sudo = Some(error);
        }
        recovered
    }

    /// Notes those again that the journal knows and the directory does not: as many as can be, and then the first trouble
    /// is told.
    fn note_again(&self) -> Result<(), Unfound> {
        let setup = &self.shared.setup;
        let (records, read) = rebuild::rebuild(&setup.journal);
        let missing = records
            .iter()
            .filter(|record| !Record::path(&setup.directory, record.id).exists());
        let noted = missing
            .map(|record| record.store(&setup.directory))
            .fold(Ok(()), Result::and);
        read.map_err(Unfound::from)
            .and(noted.map_err(Unfound::from))
    }

    /// Notes again what somebody has taken away under a running agent: as much as can be. Where the agent itself could
    /// not find all that was there before it, the next one looks into the journal again.
    ///
    /// # Errors
    /// The first note that could not be written.
    pub fn keep_notes(&self) -> Result<(), durable::Error> {
        let directory = &self.shared.setup.directory;
        if directory.join(KNOWN).exists() {
            return Ok(());
        }
        durable::directory(directory, 0o700)?;
        let all = self.all();
        let missing = all
            .iter()
            .filter(|session| !Record::path(directory, session.record.id).exists());
        missing
            .map(|session| self.keep_note(session))
            .fold(Ok(()), Result::and)?;
        if self.shared.all_found.load(Ordering::Acquire) {
            let _ = fs::write(directory.join(KNOWN), "");
        }
        Ok(())
    }

    pub(super) fn keep_note(&self, session: &Session) -> Result<(), durable::Error> {
        let directory = &self.shared.setup.directory;
        session.note().store(directory)?;
        // It may have ended meanwhile, and its note have been removed before this.
        let id = session.record.id;
        if self.by_id(id).is_none() {
            durable::remove(&Record::path(directory, id))?;
        }
        Ok(())
    }

    fn take_back(&self, record: Record, recovered: &mut Recovered) {
        // Our own record of a window that was checked when it was written.
        let Ok(window) = FrozenWindow::parse(&record.window) else {
            return;
        };
        let has_closed = record.closed;
        let monitor = record.monitor.hold();
        let watched = monitor.and_then(|monitor| {
            let pid = record.monitor.pid;
            self.register(record.clone(), window.clone(), Limits::default(), &monitor)
                .map_err(|source| crate::facts::FactError::Hold { pid, source })
        });
        if let Ok(session) = watched {
            if has_closed {
                session.go_on_to(Phase::Closed);
            }
            recovered.live += 1;
            return;
        }
        recovered.ended += 1;
        let session = Arc::new(Session::new(record, window, None::<Handle>));
        if has_closed {
            session.go_on_to(Phase::Closed);
        }
        self.take_in(Arc::clone(&session));
        // Nobody saw its end, unless that is in the journal.
        self.close(&session);
        self.is_over(&session, Swept::default());
        self.leave(&[session]);
    }
}

#[cfg(test)]
mod tests;
