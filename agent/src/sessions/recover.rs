//! Finding the sessions of before: what is noted under `/run`, held against what the kernel says.

use std::sync::Arc;

use daypass_protocol::window::FrozenWindow;

use super::record::{Record, RecordError};
use super::registry::Sessions;
use super::session::Session;
use crate::facts::Handle;
use crate::sudoers::SudoersError;

/// What became of the sessions of before.
#[derive(Debug, Default)]
pub struct Recovered {
    /// How many live on.
    pub live: usize,
    /// How many ended meanwhile.
    pub ended: usize,
    /// Records that could not be read. Whoever is in such a session is refused sudo, and its processes are logind's.
    pub unreadable: Vec<RecordError>,
    /// Why some have no sudo, if so.
    pub without_sudo: Option<SudoersError>,
}

impl Sessions {
    /// Takes the sessions of before in again. Deadlines that passed meanwhile are enforced at once, and sudo rules that
    /// belong to nobody are taken away.
    pub fn recover(&self) -> Recovered {
        let mut recovered = Recovered::default();
        for found in Record::load_all(&self.shared.setup.directory) {
            match found {
                Ok(record) => self.take_back(record, &mut recovered),
                Err(error) => recovered.unreadable.push(error),
            }
        }
        if let Err(error) = self.settle_sudo() {
            recovered.without_sudo = Some(error);
        }
        recovered
    }

    fn take_back(&self, record: Record, recovered: &mut Recovered) {
        // Our own record of a window that was checked when it was written.
        let Ok(window) = FrozenWindow::parse(&record.window) else {
            return;
        };
        let monitor = record.monitor.hold();
        let watched = monitor.and_then(|monitor| {
            let pid = record.monitor.pid;
            self.register(record.clone(), window.clone(), &monitor)
                .map_err(|source| crate::facts::FactError::Hold { pid, source })
        });
        if watched.is_ok() {
            recovered.live += 1;
            return;
        }
        recovered.ended += 1;
        let session = Arc::new(Session::new(record, window, None::<Handle>));
        self.take_in(Arc::clone(&session));
        self.close(&session);
        self.leave(session);
    }
}
