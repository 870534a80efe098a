//! One live session.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use daypass_protocol::event::{Identity, Origin};
use daypass_protocol::sudo_item::SudoItem;
use daypass_protocol::window::{FrozenWindow, Window, WindowId};

use super::cgroup::Cgroup;
use super::end::Cause;
use super::narrow::Narrowed;
use super::record::{Extension, Record};
use crate::facts::{Census, Handle, Kinship, Process, descendants, since_boot};

/// A session as the agent holds it.
#[derive(Debug)]
pub struct Session {
    /// What is noted of it.
    pub record: Record,
    /// Its window.
    pub window: FrozenWindow,
    /// A hold on the monitor; `None` where it had ended before the agent found the record.
    pub monitor: Option<Handle>,
    phase: Mutex<Phase>,
    extended: Mutex<Option<Extended>>,
    narrowed: Mutex<Narrowed>,
    plants_told: Mutex<Option<i64>>,
}

/// An approved extension, and until when it lets the session last.
#[derive(Debug, Clone)]
pub(super) struct Extended {
    /// Its window.
    pub(super) window: FrozenWindow,
    /// What is noted of it.
    pub(super) note: Extension,
}

fn record_extension(note: &Option<Extension>) -> Option<Extended> {
    let note = note.clone()?;
    let window = FrozenWindow::parse(&note.window).ok()?;
    Some(Extended { window, note })
}

/// How far along it is. It only ever goes down this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Somebody is in.
    Open,
    /// It closed by itself; what it left running lasts until the window's end at most.
    Closed,
    /// It is being ended.
    Ending,
}

impl Session {
    pub(super) fn new(record: Record, window: FrozenWindow, monitor: Option<Handle>) -> Self {
        let extension = record.extension.clone();
        Self {
            record,
            window,
            monitor,
            phase: Mutex::new(Phase::Open),
            // Our own record of a window that was checked when it was written.
            extended: Mutex::new(record_extension(&extension)),
            narrowed: Mutex::default(),
            plants_told: Mutex::default(),
        }
    }

    /// What is to be noted of it now.
    pub(super) fn note(&self) -> Record {
        Record {
            extension: self.extended().map(|extended| extended.note),
            closed: self.phase() == Phase::Closed,
            ..self.record.clone()
        }
    }

    /// What was planted until then, in milliseconds since 1970, is told; until when it was before.
    pub(super) fn tell_plants_until(&self, until: i64) -> Option<i64> {
        self.plants_told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(until)
    }

    /// The window by which it lasts: its own, or the extension's.
    pub(super) fn lasts_by(&self) -> FrozenWindow {
        self.extended()
            .map_or_else(|| self.window.clone(), |extended| extended.window)
    }

    pub(super) fn extended(&self) -> Option<Extended> {
        self.extension().clone()
    }

    /// The window of the extension by which it lasts, if it does.
    pub(super) fn extended_by(&self) -> Option<WindowId> {
        let extension = self.extension();
        Some(extension.as_ref()?.window.document().id)
    }

    fn extension(&self) -> MutexGuard<'_, Option<Extended>> {
        self.extended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it lasts by this, or by its own window again.
    pub(super) fn extend(&self, extended: Option<Extended>) {
        *self.extension() = extended;
    }

    pub(super) fn narrowed(&self) -> Narrowed {
        self.narrowing().clone()
    }

    fn narrowing(&self) -> MutexGuard<'_, Narrowed> {
        self.narrowed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this is left of it.
    pub(super) fn narrow(&self, narrowed: Narrowed) {
        *self.narrowing() = narrowed;
    }

    /// What sudo may run in it still.
    #[must_use]
    pub fn sudo(&self) -> Vec<SudoItem> {
        self.narrowed().left_of(self.document()).sudo
    }

    /// Its window's document, as it was approved.
    #[must_use]
    pub fn document(&self) -> &Window {
        self.window.document()
    }

    /// Whether somebody is in, and may be.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.phase() == Phase::Open && !self.left().is_zero()
    }

    /// How much longer it may last.
    #[must_use]
    pub fn left(&self) -> Duration {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        // Every session is asked every few seconds: nothing is copied for it.
        let (left, window) = match self.extension().as_ref() {
            Some(extended) => (
                extended.note.left(now, since_boot()),
                extended.window.document().id,
            ),
            None => (self.record.left(now, since_boot()), self.document().id),
        };
        let narrowed = self.narrowing().left(window, now);
        narrowed.map_or(left, |narrowed| left.min(narrowed))
    }

    /// How long ago it was let in.
    #[must_use]
    pub fn lived(&self) -> Duration {
        since_boot().saturating_sub(Duration::from_millis(self.record.opened_since_boot))
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on to this phase; whether that was a step, so that each is taken once.
    pub(super) fn go_on_to(&self, next: Phase) -> bool {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let is_step = *phase < next;
        *phase = next.max(*phase);
        is_step
    }

    /// Who it is, for the journal.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            person: Some(self.document().contractor.clone()),
            account: Some(self.record.account.clone()),
            uid: Some(self.record.uid),
            window: Some(self.document().id),
            serial: Some(self.record.serial),
            key: Some(self.record.key),
        }
    }

    /// Where it comes from, for the journal.
    #[must_use]
    pub fn origin(&self, tty: Option<String>) -> Origin {
        Origin {
            address: self.record.address,
            port: self.record.port,
            tty,
            session: Some(self.record.id.to_string()),
            via: None,
        }
    }

    /// Whether the process with these ties is part of it.
    #[must_use]
    pub fn holds(&self, kinship: &Kinship) -> bool {
        let in_scope = || {
            let path = kinship.cgroup()?;
            Some(
                path.strip_prefix(self.record.scope.as_deref()?)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            )
        };
        let in_audit = || Some(kinship.audit()? == self.record.audit?);
        in_scope() == Some(true)
            || in_audit() == Some(true)
            || kinship.descends_from(self.record.monitor)
    }

    /// Everybody in it, as far as one quick look shows: by scope, else by descent.
    #[must_use]
    pub fn pids(&self) -> Vec<i32> {
        match self.cgroup() {
            Some(group) => group.pids(),
            None => descendants(self.record.monitor.pid),
        }
    }

    /// Everybody in it but the monitor: by scope, by audit session, and by descent.
    pub(super) fn members(&self, census: &Census) -> Vec<i32> {
        let mut pids = self.cgroup().map(|group| group.pids()).unwrap_or_default();
        if let Some(audit) = self.record.audit {
            pids.extend(census.in_audit_session(audit));
        }
        if self.monitor.as_ref().is_some_and(Handle::is_alive) {
            pids.extend(census.descendants(self.record.monitor.pid));
        }
        pids.sort_unstable();
        pids.dedup();
        pids.retain(|pid| !self.is_monitor(*pid) && *pid != std::process::id() as i32);
        pids
    }

    /// By its start as well: when it has ended, its number may come to be that of something which it left running.
    fn is_monitor(&self, pid: i32) -> bool {
        let monitor = self.record.monitor;
        pid == monitor.pid && Process::with_pid(pid).is_ok_and(|process| process == monitor)
    }

    /// sshd's own processes in it: children of the monitor that run the monitor's program, held. The contractor cannot
    /// make one.
    pub(super) fn relays(&self, census: &Census) -> Vec<Handle> {
        let monitor = self.record.monitor;
        let program = monitor.program();
        let children = self.members(census).into_iter();
        let held = children.filter_map(|pid| Handle::open(pid).ok());
        held.filter(|handle| {
            let process = handle.process();
            process.parent().is_ok_and(|pid| pid == monitor.pid)
                && program.is_some()
                && process.program() == program
        })
        .collect()
    }

    pub(super) fn cgroup(&self) -> Option<Cgroup> {
        self.record.scope.as_deref().and_then(Cgroup::find)
    }

    pub(super) fn monitor_is_alive(&self) -> bool {
        self.monitor.as_ref().is_some_and(Handle::is_alive)
    }

    /// Why it must end, if its time is up.
    pub(super) fn overdue(&self) -> Option<Cause> {
        if !self.left().is_zero() {
            return None;
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let lasts_by = self.lasts_by().document().id;
        if self.narrowed().left(lasts_by, now) == Some(Duration::ZERO) {
            return Some(Cause::WindowEnded);
        }
        let at_window_end = match self.extended() {
            Some(extended) => extended.note.closes >= extended.window.document().ends,
            None => self.record.closes >= self.document().ends,
        };
        Some(if at_window_end {
            Cause::WindowEnded
        } else {
            Cause::HoursEnded
        })
    }
}
