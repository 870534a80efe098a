//! What the verifier notices beside the chain itself: witnesses, clocks, kept checkpoints.

use chrono::{DateTime, TimeDelta, Utc};

use super::report::{Found, Remark, Witnessed};
use super::texts::Texts;
use crate::chain::{Broken, Cause, Chain};
use crate::cosignature::Cosigned;
use crate::entry::Head;
use crate::note::VerifierKey;
use crate::own::{Own, Recovered};
use crate::trust::Trust;
use crate::walk::Observer;

/// A clock that moved by less is not remarked on: adjusting is what time servers do.
const STEP: TimeDelta = TimeDelta::seconds(1);

/// How many bytes pass between two calls for progress.
const PROGRESS_EVERY: u64 = 1 << 20;

struct LastEntry {
    boot: String,
    text: String,
    time: DateTime<Utc>,
    mono: u64,
}

pub(super) struct Watch<'a, 'p> {
    witnesses: &'a [VerifierKey],
    progress: Option<&'p mut dyn FnMut(u64, u64)>,
    read: u64,
    told: u64,
    total: u64,
    last: Option<LastEntry>,
    texts: Texts,
    found: Found,
}

impl<'a, 'p> Watch<'a, 'p> {
    pub(super) fn new(
        trust: &'a Trust,
        progress: Option<&'p mut dyn FnMut(u64, u64)>,
        total: u64,
        texts: Texts,
    ) -> Self {
        Self {
            witnesses: &trust.witnesses,
            progress,
            read: 0,
            told: 0,
            total,
            last: None,
            texts,
            found: Found::default(),
        }
    }

    pub(super) fn into_found(self) -> (Found, Texts) {
        (self.found, self.texts)
    }

    /// Compares both clocks with those of the entry before.
    fn check_clock(&mut self, head: &Head<'_>) {
        // Entries of one commit have one time.
        if let Some(last) = &self.last
            && (last.text.as_str(), last.mono, last.boot.as_str())
                == (head.time, head.mono, head.boot)
        {
            return;
        }
        let Ok(time) = DateTime::parse_from_rfc3339(head.time) else {
            self.found.remark(Remark::TimeUnreadable { seq: head.seq });
            return;
        };
        let time = time.to_utc();
        if let Some(last) = &self.last {
            let by_wall = time - last.time;
            let by_mono = head.mono.saturating_sub(last.mono);
            let by_mono = TimeDelta::microseconds(i64::try_from(by_mono).unwrap_or(i64::MAX));
            let same_boot = last.boot == head.boot;
            let lost = match same_boot {
                true => by_mono - by_wall,
                // Between two boots only a time that went back can be told.
                false => -by_wall,
            };
            if lost > STEP {
                self.found.remark(Remark::ClockSetBack {
                    seq: head.seq,
                    seconds: lost.num_seconds(),
                });
            }
        }
        self.last = Some(LastEntry {
            boot: head.boot.to_owned(),
            text: head.time.to_owned(),
            time,
            mono: head.mono,
        });
    }

    /// Whole entries that a crash left unsealed are told of by the entry that records the crash.
    fn note_unproven(&mut self, head: &Head<'_>) {
        let own = head.own_event().and_then(|event| Own::parse(&event).ok()?);
        if let Some(Own::Recovered(Recovered { unproven, .. })) = own
            && unproven.count > 0
        {
            self.found.remark(Remark::Unproven {
                first: unproven.first,
                count: unproven.count,
            });
        }
    }
}

impl Observer for Watch<'_, '_> {
    fn entry(&mut self, head: &Head<'_>, _chain: &Chain) -> Result<(), Broken> {
        self.check_clock(head);
        self.note_unproven(head);
        self.texts.entry(head);
        Ok(())
    }

    fn witness(&mut self, note: &str, chain: &Chain) -> Result<(), Broken> {
        let Some(cosigned) = Cosigned::parse(note) else {
            self.found.remark(Remark::WitnessUnreadable {
                after: chain.sealed(),
            });
            return Ok(());
        };
        let checkpoint = &cosigned.checkpoint;
        for key in self.witnesses {
            let cosignature = match cosigned.by(key) {
                Ok(Some(cosignature)) if checkpoint.origin == chain.log().name() => cosignature,
                Ok(_) => continue,
                Err(_) => {
                    self.found.remark(Remark::WitnessFalse {
                        witness: key.name().to_owned(),
                        size: checkpoint.size,
                    });
                    continue;
                }
            };
            let broken = |seq: u64, cause| Broken {
                seq,
                to: checkpoint.size.saturating_sub(1).max(seq),
                cause,
            };
            let (witness, size) = (key.name().to_owned(), checkpoint.size);
            match chain.recent().root(size) {
                Some(root) if *root == checkpoint.root => self.found.witnessed(Witnessed {
                    size,
                    witness,
                    time: cosignature.time,
                }),
                Some(_) => return Err(broken(0, Cause::Fork { witness, size })),
                None if size > chain.recent().last() => {
                    let cause = Cause::Rollback { witness, size };
                    return Err(broken(chain.sealed(), cause));
                }
                None => self.found.remark(Remark::WitnessLate { witness, size }),
            }
        }
        Ok(())
    }

    fn progress(&mut self, bytes: u64) {
        self.read += bytes;
        if let Some(progress) = &mut self.progress
            && (self.read - self.told >= PROGRESS_EVERY || self.read >= self.total)
        {
            self.told = self.read;
            progress(self.read, self.total);
        }
    }
}
