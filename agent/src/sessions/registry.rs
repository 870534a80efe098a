//! Every live session, and the steps that each goes through.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use daypass_protocol::event::{Action, Event, Outcome, Resource};
use daypass_protocol::name::HostName;
use daypass_protocol::narrowing::Limits;
use daypass_protocol::window::FrozenWindow;

use super::deadline;
use super::end::{self, Cause};
use super::grants::Grants;
use super::leave::Leaving;
use super::narrow::Narrowed;
use super::planted::Over;
use super::record::{Record, SessionId};
use super::session::{Phase, Session};
use crate::alarm::Alarm;
use crate::authority::Snapshot;
use crate::facts::{Censuses, Handle, Ids, Kinship, Process};
use crate::intake::Intake;
use crate::managed;
use crate::presence::Presence;
use crate::sudoers::{Programs, Sudoers};
use crate::watch::Watch;

/// What sessions need.
#[derive(Clone)]
pub struct Setup {
    /// Where they are noted.
    pub directory: PathBuf,
    /// Where they are found when they are noted no more.
    pub journal: PathBuf,
    /// Their sudo rules.
    pub sudoers: Sudoers,
    /// Which sudo reads them.
    pub programs: Programs,
    /// Whether PAM's module is there.
    pub presence: Arc<Presence>,
    /// The journal.
    pub intake: Intake,
    /// Who is managed.
    pub managed: Arc<managed::Store>,
    /// Tells of ends.
    pub watch: Watch,
    /// Tells the time.
    pub alarm: Alarm,
    /// This host, for the journal.
    pub host: HostName,
    /// How long before the end people are warned.
    pub warnings: Vec<Duration>,
    /// Between two looks at what those who left have left running.
    pub again: Duration,
}

/// All live sessions. Clones share them.
#[derive(Clone)]
pub struct Sessions {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) setup: Setup,
    live: Mutex<BTreeMap<SessionId, Arc<Session>>>,
    pub(super) grants: Mutex<Grants>,
    pub(super) censuses: Censuses,
    pub(super) leaving: Leaving,
    pub(super) over: Over,
    /// Whether every session of before was looked for, and each note could be read.
    pub(super) all_found: AtomicBool,
}

impl Sessions {
    /// No sessions yet; [`recover`](Self::recover) finds those of before.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self {
            shared: Arc::new(Shared {
                setup,
                live: Mutex::default(),
                grants: Mutex::default(),
                censuses: Censuses::default(),
                leaving: Leaving::default(),
                over: Over::default(),
                all_found: AtomicBool::default(),
            }),
        }
    }

    /// Takes a session in: from now on its deadline holds.
    pub(super) fn take_in(&self, session: Arc<Session>) {
        self.take_over(session.record.uid);
        self.lock().insert(session.record.id, Arc::clone(&session));
        deadline::tend(self, session);
    }

    /// Registers what gate 3 let in. Its record must be stored, its sudo rules be in place, and its entry be durable
    /// before anybody is answered; [`forget`](Self::forget) undoes this.
    ///
    /// # Errors
    /// The monitor's end could not be watched.
    pub fn register(
        &self,
        record: Record,
        window: FrozenWindow,
        limits: Limits,
        monitor: &Handle,
    ) -> std::io::Result<Arc<Session>> {
        let id = record.id;
        let session = Arc::new(Session::new(record, window, Some(monitor.clone())));
        session.narrow(Narrowed::at_first(&session.window, limits));
        let sessions = self.clone();
        self.shared
            .setup
            .watch
            .on_end(monitor, move || sessions.monitor_ended(id))?;
        self.take_in(Arc::clone(&session));
        Ok(session)
    }

    /// Undoes [`register`](Self::register), for a session that was not let in after all.
    pub fn forget(&self, session: &Session) {
        session.go_on_to(Phase::Ending);
        self.drop_session(session);
    }

    /// The session by its handle.
    #[must_use]
    pub fn by_id(&self, id: SessionId) -> Option<Arc<Session>> {
        self.lock().get(&id).cloned()
    }

    /// The session that this process belongs to, by what the kernel says.
    #[must_use]
    pub fn of(&self, process: Process, ids: &Ids) -> Option<Arc<Session>> {
        let live = self.all();
        let kinship = Kinship::of(process);
        let carries = |session: &&Arc<Session>| {
            session
                .record
                .gid
                .is_some_and(|gid| ids.groups.contains(&gid))
        };
        // The group is quick to see but not proof alone: it is looked for first, and the rest must agree.
        let by_group = live
            .iter()
            .find(carries)
            .filter(|session| session.holds(&kinship));
        by_group
            .or_else(|| live.iter().find(|session| session.holds(&kinship)))
            .cloned()
    }

    /// Whether somebody is in as this uid.
    #[must_use]
    pub fn any_open(&self, uid: u32) -> bool {
        self.lock()
            .values()
            .any(|session| session.record.uid == uid && session.is_open())
    }

    /// Those in which somebody is.
    #[must_use]
    pub fn all_open(&self) -> Vec<Arc<Session>> {
        let mut all = self.all();
        all.retain(|session| session.is_open());
        all
    }

    /// How many are known.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// The session closed by itself: PAM said so, or its monitor has ended.
    pub fn close(&self, session: &Session) {
        if !session.go_on_to(Phase::Closed) {
            return;
        }
        self.withdraw_sudo(session);
        let setup = &self.shared.setup;
        setup.intake.note(
            &Event::new(Action::SessionClose)
                .outcome(Outcome::Done)
                .by(session.identity())
                .on(self.resource(session))
                .from(session.origin(None))
                .detail("lived_seconds", session.lived().as_secs()),
        );
        // Without it the next agent would tell of the end once more.
        let _ = self.keep_note(session);
    }

    fn monitor_ended(&self, id: SessionId) {
        let Some(session) = self.by_id(id) else {
            return;
        };
        self.close(&session);
        if session.phase() == Phase::Closed {
            self.leaves(session);
        }
    }

    /// Ends those that a statement or a revocation stops, and narrows those whose windows were.
    pub fn heed(&self, snapshot: &Snapshot) {
        for session in self.all() {
            self.heed_one(&session, snapshot);
        }
    }

    /// The same for one session.
    pub fn heed_one(&self, session: &Arc<Session>, snapshot: &Snapshot) {
        self.heed_extension(session, snapshot);
        let (window, record) = (&session.window, &session.record);
        if let Some(stop) = snapshot.stop(window) {
            self.end(session, Cause::stopped_by(stop));
        } else if let Some(revocation) = snapshot.revocation(window, record.key, record.serial) {
            self.end(session, Cause::revoked_by(revocation));
        } else {
            self.heed_narrowing(session, snapshot);
        }
    }

    /// Ends a session by force, once, without waiting for it.
    pub fn end(&self, session: &Arc<Session>, cause: Cause) {
        let was_open = session.phase() == Phase::Open;
        if !session.go_on_to(Phase::Ending) {
            return;
        }
        end::begin(self, Arc::clone(session), cause, was_open);
    }

    /// Whether what runs in its account's name is a contractor's and is nobody's any more: no other session is there,
    /// and the account was not let go meanwhile, by hand or by break-glass. Its own people may be at work then.
    pub(super) fn leaves_nobody(&self, session: &Session) -> bool {
        let managed = &self.shared.setup.managed;
        let managed = managed.current().unwrap_or_else(|_| managed.last());
        let others = |other: &Arc<Session>| {
            other.record.uid == session.record.uid && other.record.id != session.record.id
        };
        managed.contains(session.record.uid) && !self.lock().values().any(others)
    }

    pub(super) fn drop_session(&self, session: &Session) {
        self.withdraw_sudo(session);
        // Before its note: whoever writes that again looks afterwards whether it is still here.
        self.lock().remove(&session.record.id);
        let _ = std::fs::remove_file(Record::path(
            &self.shared.setup.directory,
            session.record.id,
        ));
    }

    pub(super) fn resource(&self, session: &Session) -> Resource {
        Resource {
            host: Some(self.shared.setup.host.clone()),
            service: Some("sshd".to_owned()),
            account: Some(session.record.account.clone()),
        }
    }

    pub(super) fn all(&self) -> Vec<Arc<Session>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, Arc<Session>>> {
        self.shared
            .live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
