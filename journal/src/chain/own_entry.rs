//! What the journal's own entries say: epochs, keys to come, keys of the log, crashes, erasures, the stop.

use super::{Cause, Chain, Handover, Opening};
use crate::encoding::base64;
use crate::own::{Own, VERSION};

impl Chain {
    /// An own entry, read but not sealed yet.
    pub(super) fn own_entry(&mut self, event: &str, time: &str) -> Result<(), Cause> {
        let own = Own::parse(event).map_err(|error| Cause::OwnEntry {
            reason: error.to_string(),
        })?;
        match own {
            None => {}
            Some(Own::Next(next)) => self.batch.announced.push(next),
            // Judged with the seal: what a crash leaves may name a key that never came to be.
            Some(Own::LogKey(to)) => self.batch.handovers.push(Handover {
                seq: self.tree.size(),
                time: time.to_owned(),
                to,
            }),
            Some(Own::Recovered(recovered)) => self.batch.recovered.push(recovered),
            Some(Own::Erased(erased)) => {
                let here = self.tree.size();
                if erased
                    .entries
                    .iter()
                    .any(|(first, last)| first > last || *last >= here)
                {
                    return Err(Cause::OwnEntry {
                        reason: "it erases what does not stand before it".to_owned(),
                    });
                }
                self.batch.erasures.extend(erased.entries);
            }
            Some(Own::Retired(retired)) => {
                let here = self.tree.size();
                let runs = retired.segments.iter().map(|segment| segment.entries);
                if runs
                    .clone()
                    .any(|(first, last)| first > last || last >= here)
                {
                    return Err(Cause::OwnEntry {
                        reason: "it retires what does not stand before it".to_owned(),
                    });
                }
                self.batch.retirements.extend(runs);
            }
            Some(Own::Close(_)) => self.batch.closes = true,
            Some(Own::Open(open)) => {
                if self.tree.size() > 0 && self.next.is_some() || self.batch.entries > 0 {
                    return Err(Cause::OpeningPlace);
                }
                equal("version", &VERSION, &open.version)?;
                equal("origin", &self.log.name(), &open.origin.as_str())?;
                equal("log_key", &self.log.first().to_string(), &open.log_key)?;
                equal("epoch_key", &self.first_epoch.to_string(), &open.epoch_key)?;
                equal("epoch", &0, &open.epoch)?;
                self.batch.opening = Some(Opening {
                    epoch: 0,
                    key: self.first_epoch.clone(),
                    witnesses: open.witnesses,
                });
                self.batch.opened = Some(time.to_owned());
            }
            Some(Own::Epoch(epoch)) => {
                let next = self.next.as_ref().ok_or(Cause::OpeningMissing)?;
                if self.batch.entries > 0 {
                    return Err(Cause::OpeningPlace);
                }
                equal("epoch", &next.number, &epoch.epoch)?;
                equal("epoch_key", &next.key.to_string(), &epoch.epoch_key)?;
                equal("previous size", &self.sealed, &epoch.previous.size)?;
                let root = epoch.previous.root().map(|root| base64(&root));
                equal(
                    "previous root",
                    &base64(&self.root),
                    &root.unwrap_or_default(),
                )?;
                self.batch.opening = Some(Opening {
                    epoch: next.number,
                    key: next.key.clone(),
                    witnesses: epoch.witnesses.unwrap_or_default(),
                });
            }
        }
        Ok(())
    }
}

pub(super) fn equal<T: PartialEq + ToString>(
    what: &'static str,
    expected: &T,
    found: &T,
) -> Result<(), Cause> {
    if expected == found {
        return Ok(());
    }
    Err(Cause::Opening {
        what,
        expected: expected.to_string(),
        found: found.to_string(),
    })
}
