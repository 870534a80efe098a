//! Until when: warnings before a session's time is up, and its end when it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::window::WindowId;

use super::registry::Sessions;
use super::session::{Phase, Session};
use super::terminal;
use crate::diagnostic;
use crate::facts::since_boot;

/// The clock may be set at any time, so nobody sleeps longer than this without looking at it.
const LOOK: Duration = Duration::from_secs(5);

/// Looks after one session until it is gone.
pub(super) fn tend(sessions: &Sessions, session: Arc<Session>) {
    let ahead = ahead_of(sessions, &session);
    look_again(sessions.clone(), session, ahead, Instant::now());
}

/// The warnings that are still to come, and the extension that they are counted by.
#[derive(Clone)]
struct Ahead {
    warnings: Vec<Duration>,
    extension: Option<WindowId>,
}

fn ahead_of(sessions: &Sessions, session: &Session) -> Ahead {
    let (left, warnings) = (session.left(), &sessions.shared.setup.warnings);
    Ahead {
        warnings: warnings
            .iter()
            .copied()
            .filter(|warning| *warning < left)
            .collect(),
        extension: session.extended_by(),
    }
}

/// Whoever asks later whether somebody was warned finds it.
fn note(sessions: &Sessions, session: &Session, left: Duration) {
    sessions.shared.setup.intake.note(
        &Event::new(Action::SessionWarned)
            .outcome(Outcome::Done)
            .by(session.identity())
            .on(sessions.resource(session))
            .from(session.origin(None))
            .detail("left_seconds", left.as_secs()),
    );
}

fn look_again(sessions: Sessions, session: Arc<Session>, ahead: Ahead, when: Instant) {
    let alarm = sessions.shared.setup.alarm.clone();
    alarm.at(when, move || look(sessions, session, ahead));
}

fn look(sessions: Sessions, session: Arc<Session>, mut ahead: Ahead) {
    if sessions.by_id(session.record.id).is_none() || session.phase() == Phase::Ending {
        return;
    }
    if let Some(cause) = session.overdue() {
        sessions.end(&session, cause);
        return;
    }
    if ahead.extension != session.extended_by() {
        ahead = ahead_of(&sessions, &session);
    }
    let left = session.left();
    if ahead.warnings.iter().any(|warning| left <= *warning) {
        terminal::tell(
            &session.members(&sessions.shared.censuses.now()),
            session.record.uid,
            &diagnostic::ends_soon(left),
        );
        note(&sessions, &session, left);
        ahead.warnings.retain(|warning| *warning < left);
    }
    let next = ahead
        .warnings
        .iter()
        .map(|warning| left.saturating_sub(*warning))
        .min()
        .unwrap_or(left);
    let nap = nap(next, since_boot());
    look_again(sessions, session, ahead, Instant::now() + nap);
}

/// Until a session is looked at again that has this long until something is due. Looks that nothing hangs on fall on the
/// same moments for all sessions, so that hundreds of them wake nobody hundreds of times.
fn nap(next: Duration, since_boot: Duration) -> Duration {
    if next < LOOK {
        return next;
    }
    let since_last = since_boot.as_nanos() % LOOK.as_nanos();
    LOOK.saturating_sub(Duration::from_nanos(
        u64::try_from(since_last).unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_soon_is_looked_at_then_and_all_others_at_the_same_moment() {
        let soon = LOOK - Duration::from_millis(1);
        assert_eq!(nap(soon, Duration::from_secs(7)), soon);
        let moment = |since_boot| since_boot + nap(Duration::from_secs(3600), since_boot);
        let (one, other) = (Duration::from_millis(5_001), Duration::from_millis(9_999));
        assert_eq!(moment(one), Duration::from_secs(10));
        assert_eq!(moment(other), Duration::from_secs(10));
        assert_eq!(nap(LOOK, Duration::from_secs(10)), LOOK);
    }
}
