//! One session with one collector: introduced, then lines out and cosignatures back until something ends it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use daypass_journal::Error;
use daypass_journal::error::WitnessFault;
use daypass_journal::horizon::{Horizon, Sight};
use daypass_protocol::enrolment::SignedRecord;
use daypass_protocol::forwarding::MAX_LINES;

use crate::collector::{Remote, Standing, is_unknown};
use crate::link::Link;
use crate::outgoing::Outgoing;
use crate::owner::Owner;
use crate::trouble::{Contradiction, End, Trouble};

/// An idle connection is used this often, so that both sides know that the other is there.
const PING: Duration = Duration::from_secs(30);
/// Cosignatures are kept, and the status is told, not more often: each costs a sync, and the newest covers the others.
const KEEP: Duration = Duration::from_secs(1);
/// Uploads do not become smaller than this; a line and its seal fit.
const SMALLEST: usize = 128 * 1024;

/// How large uploads are; smaller once a collector found one too large.
#[derive(Clone, Copy)]
pub(crate) struct UploadLimit(usize);

impl Default for UploadLimit {
    fn default() -> Self {
        Self(MAX_LINES)
    }
}

impl UploadLimit {
    pub(crate) fn lower(&mut self) {
        self.0 = (self.0 / 2).max(SMALLEST);
    }
}

/// What every session has in common.
pub(crate) struct Ground<'a> {
    pub(crate) journal: &'a Path,
    pub(crate) record: &'a SignedRecord,
    pub(crate) horizon: &'a Horizon,
    pub(crate) link: &'a Link,
    pub(crate) owner: &'a dyn Owner,
    /// Whether the session is to end, and why.
    pub(crate) ended: &'a dyn Fn() -> Option<End>,
}

/// A session that has begun.
pub(crate) struct Session<'a> {
    ground: &'a Ground<'a>,
    remote: Remote<'a>,
    outgoing: Outgoing,
    limit: UploadLimit,
    /// The newest cosignature, while it does not stand in the journal.
    unkept: Option<String>,
    kept: Instant,
    /// What the collector held at the beginning.
    pub(crate) held: u64,
}

impl<'a> Session<'a> {
    /// Asks what the collector holds, makes the journal known if need be, and finds the place to go on.
    pub(crate) fn begin(
        ground: &'a Ground<'a>,
        remote: Remote<'a>,
        limit: UploadLimit,
    ) -> Result<Self, End> {
        let ours = ground.horizon.sight().size;
        let standing = match remote.standing(ours) {
            Err(end) if is_unknown(&end) => remote.register(ground.record)?,
            answer => answer?,
        };
        let outgoing = resume(ground, &remote, &standing)?;
        let mut session = Self {
            ground,
            remote,
            outgoing,
            limit,
            unkept: None,
            kept: Instant::now(),
            held: standing.size,
        };
        session.cosigned(standing);
        Ok(session)
    }

    /// Sends until something ends it.
    pub(crate) fn run(&mut self) -> End {
        loop {
            let sight = self.ground.horizon.sight();
            let ended = match (self.ground.ended)() {
                Some(end) => Err(end),
                None => self.turn(sight),
            };
            if let Err(end) = ended {
                // The closing seal's at a stop; the last of a collector that is gone, whose place the next one takes.
                let _ = self.keep();
                if matches!(end, End::Preferred) {
                    self.remote.leave(sight.size);
                }
                return end;
            }
        }
    }

    fn turn(&mut self, sight: Sight) -> Result<(), End> {
        self.outgoing.fill(sight.size, self.limit.0)?;
        if self.outgoing.upload().is_some() {
            self.send()?;
            if self.kept.elapsed() >= KEEP {
                self.keep()?;
            }
            return Ok(());
        }
        let since = self.kept.elapsed();
        if self.unkept.is_some() && since < KEEP {
            // Woken by what comes before, or back here when it is time to keep it.
            let now = self.ground.horizon.wait(sight, KEEP - since);
            self.gather(sight, now);
            return Ok(());
        }
        self.keep()?;
        let idle = Instant::now();
        let now = self.ground.horizon.wait(sight, PING);
        self.gather(sight, now);
        if now == sight && idle.elapsed() >= PING {
            self.ping(sight.size)?;
        }
        Ok(())
    }

    /// Where nobody waits for what was written, more is let come together before it is sent.
    fn gather(&self, before: Sight, now: Sight) {
        if now.size != before.size {
            thread::sleep(self.ground.owner.gathers());
        }
    }

    fn send(&mut self) -> Result<(), End> {
        let Some(upload) = self.outgoing.upload() else {
            return Ok(());
        };
        let standing = self.remote.append(&upload)?;
        let sent = upload.sealed;
        if standing.size < sent.size {
            return Err(Trouble::NotTaken {
                sent: sent.size,
                held: standing.size,
            }
            .into());
        }
        if standing.size > sent.size {
            // It had more of this journal than it said, or somebody else sends it too.
            self.outgoing = resume(self.ground, &self.remote, &standing)?;
        } else if standing.root != sent.root {
            return Err(Contradiction::Diverged { size: sent.size }.into());
        } else {
            self.outgoing.arrived();
        }
        self.cosigned(standing);
        Ok(())
    }

    fn ping(&mut self, ours: u64) -> Result<(), End> {
        let standing = self.remote.standing(ours)?;
        self.outgoing = resume(self.ground, &self.remote, &standing)?;
        self.cosigned(standing);
        // Who holds all of it anyway needs no new line in the journal each time.
        self.unkept = None;
        Ok(())
    }

    fn cosigned(&mut self, standing: Standing) {
        if let Some((note, time)) = standing.cosignature {
            self.ground.link.cosigned(standing.size, time);
            self.unkept = Some(note);
        }
    }

    /// Writes the newest cosignature into the journal.
    fn keep(&mut self) -> Result<(), End> {
        let Some(note) = self.unkept.take() else {
            return Ok(());
        };
        self.kept = Instant::now();
        let kept = self.ground.owner.keep(&note);
        self.ground.owner.changed(&self.ground.link.status());
        match kept {
            Err(Error::Cosignature(WitnessFault::Differs { size })) => {
                Err(Contradiction::Diverged { size }.into())
            }
            // Too old to be compared, or by a witness that the journal does not declare yet: the next one will do.
            // A journal that takes nothing says so to whoever writes it.
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn resume(ground: &Ground<'_>, remote: &Remote<'_>, standing: &Standing) -> Result<Outgoing, End> {
    let ours = ground.horizon.sight().size;
    let held = standing.size;
    if held > ours {
        return Err(Contradiction::RolledBack { ours, held }.into());
    }
    let outgoing = Outgoing::behind(ground.journal, held, &standing.root);
    if let Err(End::Contradiction(Contradiction::Diverged { .. })) = &outgoing {
        show(ground, remote, held, ours)?;
    }
    outgoing
}

/// Shows the collector that this journal holds other entries than it does, so that it knows, and keeps what the log
/// signed; its answer names the entry.
fn show(ground: &Ground<'_>, remote: &Remote<'_>, held: u64, ours: u64) -> Result<(), End> {
    let mut evidence = Outgoing::around(ground.journal, held)?;
    evidence.fill(ours, MAX_LINES)?;
    if let Some(upload) = evidence.upload() {
        remote.append(&upload)?;
    }
    Ok(())
}
