//! Ending a session by force: freeze what it runs, kill it, let sshd's monitor write its last lines, and sweep.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::name::Name;
use daypass_protocol::revocation::VerifiedRevocation;
use daypass_protocol::statement::Verb;
use daypass_protocol::stop::Stop;

use super::killed::Killed;
use super::registry::Sessions;
use super::session::Session;
use super::sweep::{self, Swept};
use super::terminal;
use crate::diagnostic;
use crate::facts::{Handle, Kinship};

/// How long everybody may take to freeze. Who is stuck in the kernel never does, and dies all the same.
const FREEZE: Duration = Duration::from_millis(50);
/// How long the monitor has for its own farewell (close_session, wtmp) before it is killed as well.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long sshd's own process for the session has to bring the reason to the other end.
const RELAY: Duration = Duration::from_millis(40);
/// Between two looks at who is left.
const LOOK: Duration = Duration::from_millis(5);
/// The same once only those are left that the kernel will not let die yet.
const SLOW_LOOK: Duration = Duration::from_secs(1);

/// Why a session ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Its window is over.
    WindowEnded,
    /// The window's hours are over, and nobody may be inside at other times.
    HoursEnded,
    /// A statement stopped the window.
    Stopped {
        /// Whose.
        by: Name,
        /// `revoke` or `end`.
        verb: Verb,
    },
    /// Its window was narrowed, and is not for it any more.
    Narrowed {
        /// By whom.
        by: Name,
    },
    /// It did what a rule of this host's ends sessions for.
    Rule {
        /// The rule's name.
        name: String,
        /// What it says, for people.
        title: String,
    },
    /// A gate found out that it should not be there.
    NotAdmitted,
}

impl Cause {
    /// The cause that a statement is.
    #[must_use]
    pub fn stopped_by(stop: &Stop) -> Self {
        Self::Stopped {
            by: stop.signer().clone(),
            verb: stop.verb(),
        }
    }

    /// The cause that a revocation is.
    #[must_use]
    pub fn revoked_by(revocation: &VerifiedRevocation) -> Self {
        Self::Stopped {
            by: revocation.signer().clone(),
            verb: Verb::Revoke,
        }
    }

    /// For programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::WindowEnded => "window-ended",
            Self::HoursEnded => "hours-ended",
            Self::Stopped {
                verb: Verb::End, ..
            } => "ended-early",
            Self::Stopped { .. } => "revoked",
            Self::Narrowed { .. } => "window-narrowed",
            Self::Rule { .. } => "ended-by-rule",
            Self::NotAdmitted => "not-admitted",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WindowEnded => write!(out, "its window has ended"),
            Self::HoursEnded => write!(out, "the window's hours are over for now"),
            Self::Stopped {
                by,
                verb: Verb::End,
            } => write!(out, "{by} ended the window early"),
            Self::Stopped { by, .. } => write!(out, "{by} revoked the window"),
            Self::Narrowed { by } => write!(out, "{by} narrowed the window"),
            Self::Rule { title, .. } => write!(out, "a rule of this host says: {title}"),
            Self::NotAdmitted => write!(out, "it was not admitted"),
        }
    }
}

/// Ends it on a thread of its own.
pub(super) fn begin(sessions: &Sessions, session: Arc<Session>, cause: Cause, was_open: bool) {
    let (here, in_thread) = (
        (sessions.clone(), Arc::clone(&session), cause.clone()),
        sessions.clone(),
    );
    let started = thread::Builder::new()
        .name("end".to_owned())
        .stack_size(256 * 1024)
        .spawn(move || {
            run(&in_thread, &session, &cause, was_open);
        });
    if started.is_err() {
        // Out of threads: the caller waits a moment rather than let anybody stay.
        let (sessions, session, cause) = here;
        run(&sessions, &session, &cause, was_open);
    }
}

fn run(sessions: &Sessions, session: &Arc<Session>, cause: &Cause, was_open: bool) {
    terminal::tell(
        &session.members(&sessions.shared.censuses.now()),
        session.record.uid,
        &diagnostic::ended(cause),
    );
    let mut killed = Killed::default();
    // First of all: PAM grants nobody anything any more who is in it, with rules or without.
    kill_frozen(sessions, session, &mut killed);
    sessions.withdraw_sudo(session);
    journal(
        sessions,
        session,
        cause,
        was_open,
        wait_for_all(sessions, session, &mut killed),
    );
    let swept = if sessions.leaves_nobody(session) {
        sweep::account(session)
    } else {
        Swept::default()
    };
    kill_the_rest(sessions, session);
    sessions.drop_session(session);
    sessions.is_over(session, swept);
}

/// Everything that the contractor runs dies at once. sshd's own process, which runs nothing of theirs, has a moment more:
/// the reason and the end of the terminal go through it.
fn kill_frozen(sessions: &Sessions, session: &Session, killed: &mut Killed) {
    let relays = session.relays(&sessions.shared.censuses.now());
    let group = session.cgroup();
    if let Some(group) = &group {
        group.freeze(FREEZE);
    }
    kill_members(sessions, session, &relays, killed);
    if let Some(group) = &group {
        group.thaw();
    }
    let until = Instant::now() + RELAY;
    for relay in relays {
        let _ = relay.ends_within(until.saturating_duration_since(Instant::now()));
    }
}

fn kill_members(
    sessions: &Sessions,
    session: &Session,
    spared: &[Handle],
    killed: &mut Killed,
) -> usize {
    let members = session.members(&sessions.shared.censuses.now());
    for pid in &members {
        // Held before it is looked at again: the pid may have come to mean somebody else since it was listed.
        let Ok(handle) = Handle::open(*pid) else {
            continue;
        };
        let process = handle.process();
        let is_spared = spared.iter().any(|spared| spared.process() == process);
        if !is_spared && session.holds(&Kinship::of(process)) {
            killed.kill(&handle);
        }
    }
    members.len()
}

/// Kills who comes late, until nobody is left or the monitor has had its time. The monitor writes wtmp by itself.
fn wait_for_all<'a>(sessions: &Sessions, session: &Session, killed: &'a mut Killed) -> &'a Killed {
    let until = Instant::now() + FAREWELL;
    while Instant::now() < until {
        let left = kill_members(sessions, session, &[], killed);
        let gone = match &session.monitor {
            Some(monitor) => monitor.ends_within(LOOK),
            None => true,
        };
        if gone && left == 0 {
            break;
        }
        if gone {
            thread::sleep(LOOK);
        }
    }
    killed
}

/// Whatever is left, the monitor included. The end is sticky: it is over when nobody is there.
fn kill_the_rest(sessions: &Sessions, session: &Session) {
    let mut pause = LOOK;
    loop {
        if let Some(group) = session.cgroup() {
            let _ = group.kill();
        }
        let left = kill_members(sessions, session, &[], &mut Killed::default());
        if let Some(monitor) = &session.monitor {
            monitor.kill();
        }
        if left == 0 && !session.monitor_is_alive() {
            return;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(SLOW_LOOK);
    }
}

fn journal(sessions: &Sessions, session: &Session, cause: &Cause, was_open: bool, killed: &Killed) {
    if killed.is_empty() && !was_open {
        return;
    }
    let mut event = Event::new(Action::SessionEnd)
        .outcome(Outcome::Done)
        .because(
            cause.code(),
            format!("the session was ended because {cause}"),
        )
        .by(session.identity())
        .on(sessions.resource(session))
        .from(session.origin(None))
        .detail("killed", killed.named())
        .detail("killed_count", killed.count())
        .detail("lived_seconds", session.lived().as_secs());
    if let Cause::Rule { name, .. } = cause {
        event = event.detail("rule", name.clone());
    }
    // A journal that is down has the event set aside; the session ends all the same.
    let _ = sessions.shared.setup.intake.commit(&event);
}
