//! The heartbeat: an entry now and then although nothing happens, so that silence tells something.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use daypass_protocol::event::{Action, Event};
use daypass_protocol::time::Time;

use crate::authority::Authority;
use crate::event;
use crate::intake::Intake;
use crate::managed;
use crate::sessions::Sessions;

/// Between two entries while nobody is in.
const CALM: Duration = Duration::from_secs(15 * 60);
/// Between two entries while contractors are in.
const WATCHFUL: Duration = Duration::from_secs(5);

/// Writes the heartbeat.
pub struct Heartbeat {
    /// The journal.
    pub intake: Intake,
    /// What holds on this host.
    pub authority: Arc<Authority>,
    /// The managed accounts.
    pub managed: Arc<managed::Store>,
    /// Who is in.
    pub sessions: Sessions,
}

impl Heartbeat {
    /// Beats until the other end of `stop` is gone.
    pub fn run(&self, stop: &Receiver<()>) {
        let mut last = Instant::now();
        while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(WATCHFUL) {
            let sessions = self.sessions.count();
            if is_due(sessions, last.elapsed()) {
                last = Instant::now();
                self.intake.note(&self.beat(sessions));
            }
        }
    }

    fn beat(&self, sessions: usize) -> Event {
        let snapshot = self.authority.snapshot();
        let now = Time::from(SystemTime::now());
        event::of_host(Action::AgentHeartbeat, snapshot.host.name())
            .detail("state", snapshot.state.number)
            .detail("state_age", snapshot.age(now).as_secs())
            .detail("managed", self.managed.last().iter().count())
            .detail("sessions", sessions)
    }
}

/// Whether the next one is due, this long after the last.
fn is_due(sessions: usize, since: Duration) -> bool {
    since >= if sessions > 0 { WATCHFUL } else { CALM }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_beats_faster_while_contractors_are_in() {
        assert!(!is_due(0, WATCHFUL));
        assert!(is_due(1, WATCHFUL));
        assert!(is_due(0, CALM));
        assert!(!is_due(2, Duration::from_secs(4)));
    }
}
