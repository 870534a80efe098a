//! Group commit: one `write` and one `fdatasync` for all who come together, and the epoch's end where one of them asks
//! for it.

use std::sync::{Arc, MutexGuard, PoisonError};

use serde::Serialize;

use super::batch::{self, Open, Shared};
use super::core::Core;
use super::{Inner, Receipt, keeper, lock};
use crate::entry::Event;
use crate::error::{DiskError, Error};

/// What happens to the epoch after an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    GoOn,
    EndEpoch,
}

#[derive(Default)]
pub(super) struct Queue {
    open: Option<Open>,
    pub(super) stopped: Option<DiskError>,
    closed: bool,
}

impl Inner {
    pub(super) fn append(&self, event: &impl Serialize, after: After) -> Result<Receipt, Error> {
        let event = Event::of_caller(event)?;
        let named = self.promised(&event);
        let (shared, place, leads) = {
            let mut queue = lock(&self.queue);
            queue.check()?;
            queue.join(event, after)
        };
        if leads {
            self.lead(&shared);
        }
        let receipt = shared.wait(place)?;
        self.blobs.named(&named);
        Ok(receipt)
    }

    /// The texts that an event names, where anybody was promised one.
    fn promised(&self, event: &Event) -> Vec<String> {
        match self.blobs.owes() {
            true => event.blobs().map(str::to_owned).collect(),
            false => Vec::new(),
        }
    }

    pub(super) fn append_all(
        &self,
        events: &[impl Serialize],
        after: After,
    ) -> Vec<Result<Receipt, Error>> {
        let events: Vec<_> = events
            .iter()
            .map(|event| Event::of_caller(event).map_err(Error::from))
            .collect();
        let named: Vec<_> = events
            .iter()
            .map(|event| match event {
                Ok(event) => self.promised(event),
                Err(_) => Vec::new(),
            })
            .collect();
        let mut led = None;
        let joined: Vec<_> = {
            let mut queue = lock(&self.queue);
            let join = |event: Result<Event, Error>| {
                queue.check()?;
                let (shared, place, leads) = queue.join(event?, after);
                if leads {
                    led = Some(Arc::clone(&shared));
                }
                Ok((shared, place))
            };
            events.into_iter().map(join).collect()
        };
        if let Some(shared) = led {
            self.lead(&shared);
        }
        let wait = |(shared, place): (Arc<Shared>, usize)| shared.wait(place);
        let answered: Vec<_> = joined
            .into_iter()
            .map(|joined| joined.and_then(wait))
            .collect();
        for (named, answer) in named.iter().zip(&answered) {
            if answer.is_ok() {
                self.blobs.named(named);
            }
        }
        answered
    }

    /// Commits the open batch once the commit before is through.
    fn lead(&self, shared: &Arc<Shared>) {
        let guard = batch::Answer::owed(shared);
        let mut core = lock(&self.core);
        let (open, stopped) = {
            let mut queue = lock(&self.queue);
            (queue.open.take(), queue.stopped.clone())
        };
        let Some(open) = open else { return };
        let mut outcome = match stopped {
            Some(failure) => Err(failure),
            None => core.commit(&open.events),
        };
        let mut is_work_left = false;
        if let Err(failure) = &outcome {
            self.stop(failure);
        } else if open.after == After::EndEpoch || core.epoch_is_full() {
            core = self.end_epoch(core, open.after);
            // On disk, but whoever asked for the end of the epoch did not get it.
            if let Some(failure) = lock(&self.queue).stopped.clone() {
                outcome = Err(failure);
            }
            is_work_left = true;
        } else {
            is_work_left |= core.is_settling();
        }
        drop(core);
        guard.give(outcome);
        // Behind the answer: what the keeper does must not delay it.
        if is_work_left {
            self.call_keeper();
        }
    }

    /// Ends the epoch as soon as the disk has forgotten its key.
    pub(super) fn end_epoch<'a>(
        &'a self,
        mut core: MutexGuard<'a, Core>,
        after: After,
    ) -> MutexGuard<'a, Core> {
        let reason = match after {
            After::EndEpoch => crate::own::Reason::Request,
            After::GoOn => crate::own::Reason::Entries,
        };
        let epoch = core.epoch();
        loop {
            // Somebody who waited here as well may have been first.
            if core.epoch() != epoch
                || core.end_epoch(reason)
                || lock(&self.queue).stopped.is_some()
            {
                break;
            }
            self.await_keeper();
            core = self
                .prepared
                .wait(core)
                .unwrap_or_else(PoisonError::into_inner);
        }
        core
    }

    pub(super) fn stop(&self, failure: &DiskError) {
        let mut queue = lock(&self.queue);
        queue.stopped.get_or_insert_with(|| failure.clone());
        drop(queue);
        self.prepared.notify_all();
    }

    pub(super) fn close(&self) -> Result<(), Error> {
        {
            let mut queue = lock(&self.queue);
            queue.check()?;
            queue.closed = true;
        }
        let mut core = lock(&self.core);
        // Whoever joined before is led by somebody who waits for the core; the closing entry must
        // come after them, so they are taken along here.
        let open = lock(&self.queue).open.take();
        let taken = open.map(|open| (core.commit(&open.events), open.shared));
        let closed = match &taken {
            Some((Err(failure), _)) => Err(failure.clone()),
            _ => core.close().map_err(keeper::as_disk_error),
        };
        if let Err(failure) = &closed {
            self.stop(failure);
        }
        // Answered only now, because some may have asked for the end of their epoch.
        if let Some((outcome, shared)) = taken {
            shared.answer(outcome);
        }
        Ok(closed?)
    }
}

impl Queue {
    pub(super) fn check(&self) -> Result<(), Error> {
        self.check_disk()?;
        if self.closed {
            return Err(Error::Closed);
        }
        Ok(())
    }

    pub(super) fn check_disk(&self) -> Result<(), Error> {
        match &self.stopped {
            Some(cause) => Err(Error::Stopped {
                cause: cause.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Joins the open batch; the third value tells whether the caller has to lead it.
    fn join(&mut self, event: Event, after: After) -> (Arc<Shared>, usize, bool) {
        let leads = self.open.is_none();
        let open = self.open.get_or_insert_with(Open::default);
        open.events.push(event);
        if after == After::EndEpoch {
            open.after = After::EndEpoch;
        }
        (Arc::clone(&open.shared), open.events.len() - 1, leads)
    }
}
