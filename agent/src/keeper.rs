//! The agent's regular chores: entries that commands left, gates that vanish, clocks that are set.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use daypass_protocol::event::{Action, Outcome};
use daypass_protocol::state::ALARM_AGE;
use daypass_protocol::time::Time;

use crate::aside;
use crate::authority::Authority;
use crate::clock::StepWatch;
use crate::event;
use crate::intake::Intake;
use crate::layout::Layout;
use crate::managed;
use crate::orders;
use crate::presence::{Absent, Presence};
use crate::revoked_keys;
use crate::spool;

const ROUND: Duration = Duration::from_secs(10);

/// What the keeper is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Look now.
    Look,
    /// The agent stops.
    Stop,
}

/// Does the chores.
pub struct Keeper {
    layout: Layout,
    intake: Intake,
    authority: Arc<Authority>,
    managed: Arc<managed::Store>,
    presence: Arc<Presence>,
    absent: Vec<Absent>,
    trouble: Option<String>,
    is_old: bool,
    steps: StepWatch,
}

impl Keeper {
    /// A keeper that has not looked yet.
    #[must_use]
    pub fn new(
        layout: Layout,
        intake: Intake,
        authority: Arc<Authority>,
        managed: Arc<managed::Store>,
        presence: Arc<Presence>,
    ) -> Self {
        Self {
            layout,
            intake,
            authority,
            managed,
            presence,
            absent: Vec::new(),
            trouble: None,
            is_old: false,
            steps: StepWatch::default(),
        }
    }

    /// Makes its rounds until told to stop.
    pub fn run(mut self, told: &Receiver<Told>) {
        loop {
            self.round();
            match told.recv_timeout(ROUND) {
                Ok(Told::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Told::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// One round.
    pub fn round(&mut self) {
        let spooled =
            spool::drain(&self.layout.spool(), &self.intake).map_err(|error| error.to_string());
        let managed = self.managed.current().map_err(|error| error.to_string());
        let orders =
            orders::perform(&self.layout.orders(), &self.intake).map_err(|error| error.to_string());
        let listed = self.look_at_list();
        self.complain(
            spooled
                .err()
                .or(managed.err())
                .or(orders.err())
                .or(listed.err()),
        );
        self.look_at_gates();
        self.look_at_age(Time::from(SystemTime::now()));
        if let Some(step) = self.steps.look() {
            let snapshot = self.authority.snapshot();
            let step = event::clock_step(snapshot.host.name(), step.num_seconds());
            self.intake.note(&step);
        }
    }

    /// sshd refuses every contractor while the list that its block names is missing or damaged.
    fn look_at_list(&self) -> Result<(), String> {
        if self.managed.last().is_empty() {
            return Ok(());
        }
        revoked_keys::ensure(&self.layout).map_err(|error| error.to_string())
    }

    /// Says once what is wrong, not at every round.
    fn complain(&mut self, trouble: Option<String>) {
        if let Some(trouble) = &trouble
            && self.trouble.as_ref() != Some(trouble)
        {
            aside::tell(trouble);
        }
        self.trouble = trouble;
    }

    /// Journals each gate that vanished and each that is back. Where nobody is managed, nobody
    /// needs them.
    fn look_at_gates(&mut self) {
        let snapshot = self.authority.snapshot();
        let managed = self.managed.last();
        let absent = if managed.is_empty() {
            Vec::new()
        } else {
            self.presence.renew(&managed)
        };
        for gate in absent.iter().filter(|gate| !self.absent.contains(gate)) {
            self.intake.note(
                &event::of_host(Action::GateAbsent, snapshot.host.name())
                    .outcome(Outcome::Failed)
                    .because(gate.code(), gate.to_string()),
            );
        }
        for gate in self.absent.iter().filter(|gate| !absent.contains(gate)) {
            self.intake.note(
                &event::of_host(Action::GateAbsent, snapshot.host.name())
                    .outcome(Outcome::Done)
                    .because("gate-back", format!("no longer: {gate}")),
            );
        }
        self.absent = absent;
    }

    /// Journals once that nothing was heard from the CA for long, and once that it is heard again.
    fn look_at_age(&mut self, now: Time) {
        let snapshot = self.authority.snapshot();
        let age = snapshot.age(now).as_secs();
        let is_old = age > ALARM_AGE;
        if is_old == self.is_old {
            return;
        }
        self.is_old = is_old;
        let event = event::of_host(Action::StateOld, snapshot.host.name())
            .detail("state", snapshot.state.number)
            .detail("state_age", age);
        self.intake.note(&if is_old {
            let minutes = age / 60;
            event.outcome(Outcome::Failed).because(
                "state-old",
                format!("nothing was heard from the CA for {minutes} minutes"),
            )
        } else {
            event.outcome(Outcome::Done)
        });
    }
}

#[cfg(test)]
mod tests;
