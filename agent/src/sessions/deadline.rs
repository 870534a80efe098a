//! Until when: warnings before a session's time is up, and its end when it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::window::WindowId;

use super::registry::Sessions;
use super::session::{Phase, Session};
use super::terminal;
use crate::diagnostic;

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
        extension: extension(session),
    }
}

fn extension(session: &Session) -> Option<WindowId> {
    let extended = session.extended()?;
    Some(extended.window.document().id)
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
    if ahead.extension != extension(&session) {
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
    look_again(sessions, session, ahead, Instant::now() + next.min(LOOK));
}
