//! The keeper: a thread that does what no caller should wait for.
//!
//! After an epoch ended it opens the next one, should no caller have done so, has the disk forget
//! the new epoch's key, reserves room for the next segment, ends epochs that have lasted long enough, and hands an
//! old log key over.

use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::core::SEGMENT_MODE;
use super::{Inner, lock};
use crate::durable::{self, failed};
use crate::error::{Action, DiskError, Error};
use crate::own::Reason;

/// Who was answered runs first: what is done behind an answer must not take the processor that the answer went to.
pub(super) const REST: Duration = Duration::from_millis(2);

/// What the keeper is asked to do.
#[derive(Default)]
pub(super) struct Duty {
    called: bool,
    /// Somebody waits for it.
    is_awaited: bool,
    stop: bool,
}

pub(super) struct Keeper(JoinHandle<()>);

impl Keeper {
    pub(super) fn spawn(inner: &Arc<Inner>) -> std::io::Result<Self> {
        let inner = Arc::clone(inner);
        std::thread::Builder::new()
            .name("journal-keeper".into())
            .spawn(move || keep(&inner))
            .map(Self)
    }

    pub(super) fn stop(self, inner: &Inner) {
        lock(&inner.duty).stop = true;
        inner.wake.notify_all();
        // A keeper that panicked has stopped as well.
        let _ = self.0.join();
    }
}

impl Inner {
    /// There is work, for which nobody waits.
    pub(super) fn call_keeper(&self) {
        lock(&self.duty).called = true;
        self.wake.notify_all();
    }

    /// There is work, and whoever says so waits for it.
    pub(super) fn await_keeper(&self) {
        let mut duty = lock(&self.duty);
        (duty.called, duty.is_awaited) = (true, true);
        drop(duty);
        self.wake.notify_all();
    }
}

fn keep(inner: &Inner) {
    loop {
        inner.renew_log_key();
        if let Err(failure) = work(inner) {
            inner.stop(&failure);
            return;
        }
        let patience = lock(&inner.core).epoch_has_left();
        if !wait(inner, patience.unwrap_or(inner.epoch_age)) {
            return;
        }
    }
}

/// Waits for a call or for the time to pass; `false` when it is time to stop.
fn wait(inner: &Inner, patience: Duration) -> bool {
    let duty = lock(&inner.duty);
    let (duty, _) = inner
        .wake
        .wait_timeout_while(duty, patience, |duty| !duty.called && !duty.stop)
        .unwrap_or_else(PoisonError::into_inner);
    let (mut duty, _) = inner
        .wake
        .wait_timeout_while(duty, inner.rest, |duty| !duty.is_awaited && !duty.stop)
        .unwrap_or_else(PoisonError::into_inner);
    (duty.called, duty.is_awaited) = (false, false);
    !duty.stop
}

fn work(inner: &Inner) -> Result<(), DiskError> {
    let (preparation, room) = {
        let mut core = lock(&inner.core);
        if lock(&inner.queue).stopped.is_some() {
            return Ok(());
        }
        if core.epoch_has_left() == Some(Duration::ZERO) {
            core.end_epoch(Reason::Age);
        }
        // Before anybody else has the core: what was not brought to the disk is no ground to go on from.
        core.settle().inspect_err(|failure| inner.stop(failure))?;
        let preparation = core.preparation().map_err(as_disk_error)?;
        (preparation, core.missing_room())
    };
    // Without the core, so that commits go on meanwhile.
    if let Some(preparation) = preparation {
        let stored = preparation.store().map_err(as_disk_error)?;
        lock(&inner.core).prepared(stored);
        inner.prepared.notify_all();
    }
    if let Some(room) = room {
        // Without it the next segment is made when it is needed.
        let is_reserved = durable::reserve(&room.path, SEGMENT_MODE, room.bytes).is_ok();
        lock(&inner.core).is_reserved = is_reserved;
    }
    Ok(())
}

/// The keeper's failures stop the writer, which remembers them as those of the disk.
pub(super) fn as_disk_error(error: Error) -> DiskError {
    match error {
        Error::Disk(failure) => failure,
        other => failed(Action::Write, "epoch.keys".as_ref())(std::io::Error::other(other)),
    }
}
