//! A second, throwaway [`CheckpointStore`], so that the boundary is no description of SQLite.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use daypass_collector::checkpoints::losses::{Debt, Loss, Losses};
use daypass_collector::checkpoints::{
    Advanced, CheckpointError, CheckpointStore, Held, Mark, Registered, Registration, StoredSegment,
};
use daypass_collector::origin::Origin;
use daypass_collector::segments::SegmentName;

/// Clones share what they hold, as connections to one service do.
#[derive(Clone, Default)]
pub(crate) struct MemoryCheckpoints(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    logs: BTreeMap<Origin, (Registration, Option<Held>)>,
    segments: Vec<StoredSegment>,
    replaced: Vec<StoredSegment>,
    lost: BTreeMap<u64, Loss>,
    owed: BTreeSet<(u64, Debt)>,
}

impl CheckpointStore for MemoryCheckpoints {
    fn register(&self, registration: &Registration) -> Result<Registered, CheckpointError> {
        let mut state = self.0.lock().unwrap();
        let Some((known, _)) = state.logs.get(&registration.log) else {
            state
                .logs
                .insert(registration.log.clone(), (registration.clone(), None));
            return Ok(Registered::New);
        };
        if known.record == registration.record {
            Ok(Registered::Same)
        } else {
            Ok(Registered::Differs)
        }
    }

    fn registration(&self, log: &Origin) -> Result<Option<Registration>, CheckpointError> {
        Ok(self
            .0
            .lock()
            .unwrap()
            .logs
            .get(log)
            .map(|(registration, _)| registration.clone()))
    }

    fn latest(&self, log: &Origin) -> Result<Option<Held>, CheckpointError> {
        Ok(self
            .0
            .lock()
            .unwrap()
            .logs
            .get(log)
            .and_then(|(_, held)| held.clone()))
    }

    fn advance(
        &self,
        log: &Origin,
        old: &Mark,
        new: &Held,
        segment: &SegmentName,
    ) -> Result<Advanced, CheckpointError> {
        let mut state = self.0.lock().unwrap();
        let State { logs, segments, .. } = &mut *state;
        let (_, held) = logs
            .get_mut(log)
            .ok_or_else(|| CheckpointError::Unregistered { log: log.clone() })?;
        let current = held.as_ref().map_or(Mark::empty(), |held| held.mark);
        if current == new.mark {
            return Ok(Advanced::Done);
        }
        if current != *old {
            return Ok(Advanced::Stale);
        }
        *held = Some(new.clone());
        segments.push(StoredSegment {
            number: segments.len() as u64 + 1,
            log: log.clone(),
            name: *segment,
            stored: new.stored,
        });
        Ok(Advanced::Done)
    }

    fn segments_of(
        &self,
        log: &Origin,
        from: u64,
        limit: usize,
    ) -> Result<Vec<StoredSegment>, CheckpointError> {
        let state = self.0.lock().unwrap();
        let of_log = state
            .segments
            .iter()
            .filter(|at| at.log == *log && at.name.size > from);
        Ok(of_log.take(limit).cloned().collect())
    }

    fn segments_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredSegment>, CheckpointError> {
        let state = self.0.lock().unwrap();
        let later = state.segments.iter().filter(|at| at.number > after);
        Ok(later.take(limit).cloned().collect())
    }

    fn replace(&self, old: &StoredSegment, new: &SegmentName) -> Result<Advanced, CheckpointError> {
        let mut state = self.0.lock().unwrap();
        let State {
            segments, replaced, ..
        } = &mut *state;
        let Some(listed) = segments.iter_mut().find(|at| at.number == old.number) else {
            return Ok(Advanced::Stale);
        };
        if listed.name == *new {
            return Ok(Advanced::Done);
        }
        if listed.name != old.name {
            return Ok(Advanced::Stale);
        }
        replaced.push(listed.clone());
        listed.name = *new;
        Ok(Advanced::Done)
    }

    fn replaced(&self, limit: usize) -> Result<Vec<StoredSegment>, CheckpointError> {
        let state = self.0.lock().unwrap();
        Ok(state.replaced.iter().take(limit).cloned().collect())
    }

    fn settled(&self, old: &StoredSegment) -> Result<(), CheckpointError> {
        let mut state = self.0.lock().unwrap();
        let is_this = |at: &StoredSegment| at.number == old.number && at.name == old.name;
        state.replaced.retain(|at| !is_this(at));
        Ok(())
    }

    fn lost(&self) -> &dyn Losses {
        self
    }

    fn logs(&self) -> Result<Vec<(Registration, Option<Held>)>, CheckpointError> {
        Ok(self.0.lock().unwrap().logs.values().cloned().collect())
    }
}

impl Losses for MemoryCheckpoints {
    fn lose(&self, loss: &Loss) -> Result<(), CheckpointError> {
        self.0.lock().unwrap().lost.insert(loss.number, *loss);
        Ok(())
    }

    fn loss(&self, number: u64) -> Result<Option<Loss>, CheckpointError> {
        Ok(self.0.lock().unwrap().lost.get(&number).copied())
    }

    fn after(&self, after: u64, limit: usize) -> Result<Vec<Loss>, CheckpointError> {
        let state = self.0.lock().unwrap();
        let later = state.lost.values().filter(|loss| loss.number > after);
        Ok(later.take(limit).copied().collect())
    }

    fn found(&self, number: u64) -> Result<(), CheckpointError> {
        self.0.lock().unwrap().lost.remove(&number);
        Ok(())
    }

    fn owe(&self, number: u64, debts: &[Debt]) -> Result<(), CheckpointError> {
        let debts = debts.iter().map(|debt| (number, debt.clone()));
        self.0.lock().unwrap().owed.extend(debts);
        Ok(())
    }

    fn owed(&self, number: u64) -> Result<Vec<Debt>, CheckpointError> {
        let mut debts = self.debts()?;
        debts.retain(|(owing, _)| *owing == number);
        Ok(debts.into_iter().map(|(_, debt)| debt).collect())
    }

    fn debts(&self) -> Result<Vec<(u64, Debt)>, CheckpointError> {
        Ok(self.0.lock().unwrap().owed.iter().cloned().collect())
    }

    fn paid(&self, number: u64, debts: &[Debt]) -> Result<(), CheckpointError> {
        let is_paid = |(owing, debt): &(u64, Debt)| *owing == number && debts.contains(debt);
        self.0.lock().unwrap().owed.retain(|debt| !is_paid(debt));
        Ok(())
    }
}
