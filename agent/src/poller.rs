//! Keeping up with the CA: one thread that asks for its state and takes it over.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use daypass_protocol::api::Rosters;
use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::name::HostName;
use daypass_protocol::roster::SignedRoster;
use daypass_protocol::state::SignedState;
use daypass_protocol::time::Time;
use daypass_transport::client::{self, Client, Request};

use crate::authority::{Authority, HostNames, Turn};
use crate::durable;
use crate::event;
use crate::forward::Forwarding;
use crate::intake::Intake;
use crate::layout::Layout;
use crate::renewal::Renewal;
use crate::state::{self, Changes, Known};
use crate::user_ca;

/// Where states and rosters come from.
pub trait Source: Send {
    /// The CA's newest state.
    ///
    /// # Errors
    /// The CA does not answer, or refuses.
    fn state(&self) -> Result<SignedState, client::Error>;

    /// All rosters, from the first.
    ///
    /// # Errors
    /// The CA does not answer, or refuses.
    fn rosters(&self) -> Result<Vec<SignedRoster>, client::Error>;
}

impl Source for Client {
    fn state(&self) -> Result<SignedState, client::Error> {
        self.call(&Request::get("/v1/state"))
    }

    fn rosters(&self) -> Result<Vec<SignedRoster>, client::Error> {
        let Rosters { chain } = self.call(&Request::get("/v1/roster"))?;
        Ok(chain)
    }
}

/// Takes states over, one after the other.
pub struct Poller {
    /// Where they come from.
    pub source: Box<dyn Source>,
    /// What was taken over so far.
    pub known: Known,
    /// This host's names.
    pub names: HostNames,
    /// Where it is kept.
    pub layout: Layout,
    /// Who is told.
    pub authority: Arc<Authority>,
    /// Where it is journalled.
    pub intake: Intake,
    /// Keeps this host's certificates alive; tests do without.
    pub renewal: Option<Renewal>,
    /// Told of the collectors that the state names; tests do without.
    pub forwarding: Option<Forwarding>,
    /// Why the last attempt failed, if it did.
    pub failing: Option<&'static str>,
}

/// Why a turn brought nothing.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Call(#[from] client::Error),
    #[error(transparent)]
    State(#[from] state::Error<client::Error>),
    #[error(transparent)]
    File(#[from] durable::Error),
}

impl Failed {
    fn code(&self) -> &'static str {
        match self {
            Self::Call(client::Error::Api { .. } | client::Error::Status { .. }) => "ca-refused",
            Self::Call(_) | Self::State(state::Error::Fetch(_)) => "ca-unreachable",
            Self::State(_) => "state-refused",
            Self::File(_) => "state-not-kept",
        }
    }
}

impl Poller {
    /// Asks the CA again and again until the agent stops.
    pub fn run(mut self, interval: Duration) {
        while self.authority.next_turn(interval) == Turn::Poll {
            self.turn();
            if let Some(client) = self.renewal.as_mut().and_then(|it| it.look(&self.known)) {
                self.source = Box::new(client);
            }
        }
    }

    /// Asks once. Only what changes is journalled: a new roster or stop, the first of several
    /// failures, and the first success after them.
    pub fn turn(&mut self) {
        match self.take_over() {
            Ok(changes) => {
                let was_failing = self.failing.take().is_some();
                if was_failing || changes.is_notable() {
                    self.intake
                        .note(&taken(self.names.name(), &self.known, &changes));
                }
            }
            Err(failed) => {
                let code = failed.code();
                if self.failing.replace(code) != Some(code) {
                    self.intake.note(&not_taken(self.names.name(), &failed));
                }
            }
        }
    }

    fn take_over(&mut self) -> Result<Changes, Failed> {
        let signed = self.source.state()?;
        let (next, changes) = self.known.take_over(signed, || self.source.rosters())?;
        // The number stays while the CA has nothing new to say, the date does not: taking it over is what keeps a
        // state of a quiet CA from looking old.
        let is_known =
            next.number() == self.known.number() && next.state().time <= self.known.state().time;
        if is_known && !changes.is_notable() {
            return Ok(changes);
        }
        let directory = self.layout.state();
        if changes.roster.is_some() {
            next.store(&directory)?;
        } else {
            next.store_state(&directory)?;
        }
        user_ca::store(&self.layout, &next.state().user_ca)?;
        // The state was signed within the last minute: near enough to judge minutes by.
        let said = SystemTime::from(next.state().time);
        self.authority.clock().heard(said.into());
        self.authority.publish(next.snapshot(self.names.clone()));
        if let Some(forwarding) = &self.forwarding {
            forwarding.heed(&next.state().collectors);
        }
        self.known = next;
        Ok(changes)
    }
}

fn taken(host: &HostName, known: &Known, changes: &Changes) -> Event {
    let state = known.state();
    let mut event = event::of_host(Action::StateTaken, host)
        .outcome(Outcome::Done)
        .detail("number", state.number)
        .detail("incarnation", state.incarnation.to_string())
        .detail("roster", state.roster.number);
    if changes.stops > 0 {
        event = event.detail("new_stops", changes.stops);
    }
    if changes.unusable > 0 {
        event = event.detail("unusable_stops", changes.unusable);
    }
    if changes.user_ca {
        let keys: Vec<_> = state
            .user_ca
            .iter()
            .map(|key| key.fingerprint().to_string())
            .collect();
        event = event.detail("user_ca", keys);
    }
    event
}

fn not_taken(host: &HostName, failed: &Failed) -> Event {
    event::of_host(Action::StateTaken, host)
        .outcome(Outcome::Failed)
        .because(failed.code(), failed.to_string())
        .detail("since", Time::from(SystemTime::now()).to_string())
}

#[cfg(test)]
mod tests;
