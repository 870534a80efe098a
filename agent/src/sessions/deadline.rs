//! Until when: warnings before a session's time is up, and its end when it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::registry::Sessions;
use super::session::{Phase, Session};
use super::terminal;
use crate::diagnostic;

/// The clock may be set at any time, so nobody sleeps longer than this without looking at it.
const LOOK: Duration = Duration::from_secs(5);

/// Looks after one session until it is gone.
pub(super) fn tend(sessions: &Sessions, session: Arc<Session>) {
    let left = session.left();
    let ahead = sessions
        .shared
        .setup
        .warnings
        .iter()
        .copied()
        .filter(|warning| *warning < left)
        .collect();
    look_again(sessions.clone(), session, ahead, Instant::now());
}

fn look_again(sessions: Sessions, session: Arc<Session>, ahead: Vec<Duration>, when: Instant) {
    let alarm = sessions.shared.setup.alarm.clone();
    alarm.at(when, move || look(sessions, session, ahead));
}

fn look(sessions: Sessions, session: Arc<Session>, mut ahead: Vec<Duration>) {
    if sessions.by_id(session.record.id).is_none() || session.phase() == Phase::Ending {
        return;
    }
    if let Some(cause) = session.overdue() {
        sessions.end(&session, cause);
        return;
    }
    let left = session.left();
    if ahead.iter().any(|warning| left <= *warning) {
        terminal::tell(
            &session.members(),
            session.record.uid,
            &diagnostic::ends_soon(left),
        );
        ahead.retain(|warning| *warning < left);
    }
    let next = ahead
        .iter()
        .map(|warning| left.saturating_sub(*warning))
        .min()
        .unwrap_or(left);
    look_again(sessions, session, ahead, Instant::now() + next.min(LOOK));
}
