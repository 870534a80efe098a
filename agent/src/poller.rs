//! Keeping up with the CA: one thread that takes its states over, asking for them where nobody brings them.

mod elsewhere;
mod entries;

pub use elsewhere::{ByCertificate, Elsewhere};

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use daypass_protocol::api::Rosters;
use daypass_protocol::roster::SignedRoster;
use daypass_protocol::state::{self as protocol, SignedState};
use daypass_protocol::time::Time;
use daypass_protocol::token::CaUrl;
use daypass_transport::client::{self, Client, Request};

use crate::aside;
use crate::authority::{Authority, HostNames, Turn};
use crate::durable;
use crate::enrolment::Enrolment;
use crate::forward::Forwarding;
use crate::intake::Intake;
use crate::layout::Layout;
use crate::renewal::Renewal;
use crate::revoked_keys;
use crate::state::{self, Changes, Known, OwnClock};
use crate::user_ca;

/// Where states and rosters come from.
pub trait Source: Send + Sync {
    /// The CA's newest state.
    ///
    /// # Errors
    /// The CA does not answer, or refuses.
    fn state(&self) -> Result<SignedState, client::Error>;

    /// The CA's newest state, as soon as it has another number than `known`; after a while, whatever it has.
    ///
    /// # Errors
    /// The CA does not answer, or refuses.
    fn state_after(&self, known: u64) -> Result<SignedState, client::Error>;

    /// The revocation list that belongs to the state.
    ///
    /// # Errors
    /// The CA does not answer, or refuses.
    fn krl(&self) -> Result<Vec<u8>, client::Error>;

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

    fn state_after(&self, known: u64) -> Result<SignedState, client::Error> {
        self.call(&Request::get(&format!("/v1/state?after={known}")))
    }

    fn krl(&self) -> Result<Vec<u8>, client::Error> {
        self.fetch(&Request::get("/v1/krl"))
    }

    fn rosters(&self) -> Result<Vec<SignedRoster>, client::Error> {
        let Rosters { chain } = self.call(&Request::get("/v1/roster"))?;
        Ok(chain)
    }
}

/// The way to the CA, shared by who asks it; a renewed certificate makes it another one.
#[derive(Clone)]
pub struct Line(Arc<RwLock<Arc<dyn Source>>>);

impl Line {
    /// A line to this source.
    pub fn new(source: impl Source + 'static) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(source))))
    }

    /// The source as of now.
    #[must_use]
    pub fn source(&self) -> Arc<dyn Source> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks this source from now on.
    pub fn replace(&self, source: impl Source + 'static) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(source);
    }
}

/// Takes states over, one after the other.
pub struct Poller {
    /// Where they come from.
    pub line: Line,
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
    /// Asked while the CA is out of reach; tests do without.
    pub elsewhere: Option<Box<dyn Elsewhere>>,
    /// The number of the state whose revocation list stands before sshd, if one does.
    pub listed: Option<u64>,
    /// What this host's clock shows, and how far the CA's may be ahead of it.
    pub clock: Box<dyn Fn() -> OwnClock + Send>,
    /// Why the last attempt failed, if it did.
    pub failing: Option<&'static str>,
    /// Whether the CA does not know this host's certificate.
    pub is_stranger: bool,
    /// Why what a collector handed on was refused, if it was.
    pub failing_elsewhere: Option<&'static str>,
}

/// How a state came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// From the CA, which signs it afresh every minute.
    Fresh,
    /// By others, who may have had it for hours.
    Relayed,
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
    #[error(transparent)]
    List(#[from] revoked_keys::Error),
}

impl Failed {
    fn code(&self) -> &'static str {
        match self {
            Self::Call(client::Error::Api { .. } | client::Error::Status { .. }) => "ca-refused",
            Self::Call(_) | Self::State(state::Error::Fetch(_)) => "ca-unreachable",
            Self::State(state::Error::RosterFork { .. }) => "roster-forked",
            Self::State(state::Error::RosterByRevokedKey { .. }) => "roster-key-revoked",
            Self::State(state::Error::State(protocol::Error::Ahead { .. })) => "state-ahead",
            Self::State(_) => "state-refused",
            Self::File(_) => "state-not-kept",
            Self::List(_) => "list-refused",
        }
    }
}

impl Poller {
    /// Takes over what is brought, and asks the CA where nothing was for `interval`, until the agent stops.
    pub fn run(mut self, interval: Duration) {
        // Whoever was away asks at once: what was revoked meanwhile is to be known before anybody comes.
        self.turn();
        // They may be kept where they could not be when they came.
        self.follow_roots();
        self.renew();
        loop {
            match self.authority.next_turn(interval) {
                Turn::Poll => self.turn(),
                Turn::Take(signed) => self.settle(Ok(*signed)),
                Turn::Stop => return,
            }
            self.renew();
        }
    }

    /// Renews this host's certificates if it is time, and shows the new one from then on.
    fn renew(&mut self) {
        let renewal = self.renewal.as_mut();
        let Some(client) = renewal.and_then(|it| it.look(&self.known, self.is_stranger)) else {
            return;
        };
        self.show(client);
        if self.failing.is_some() {
            // What was missed meanwhile has waited long enough.
            self.turn();
        }
    }

    /// Asks once.
    pub fn turn(&mut self) {
        let answer = self.line.source().state();
        let is_away = answer.is_err();
        self.is_stranger = is_of_a_stranger(&answer);
        self.settle(answer);
        if is_away {
            self.ask_elsewhere();
        }
    }

    /// Takes over what the first of the collectors has that is news.
    fn ask_elsewhere(&mut self) {
        let Some(elsewhere) = &self.elsewhere else {
            return;
        };
        for (url, source) in elsewhere.sources(&self.known.state().collectors) {
            let Ok(signed) = source.state() else {
                continue;
            };
            if !elsewhere::is_news(&signed, self.known.state()) {
                continue;
            }
            match self.take_over(&signed, source.as_ref(), Came::Relayed) {
                Ok(changes) => {
                    self.failing_elsewhere = None;
                    if changes.is_notable() {
                        self.tell(&changes, Some(&url));
                    }
                    return;
                }
                Err(failed) => {
                    let code = failed.code();
                    if self.failing_elsewhere.replace(code) != Some(code) {
                        let event = entries::not_taken(self.names.name(), &failed);
                        self.intake.note(&event.detail("via", url.to_string()));
                    }
                }
            }
        }
    }

    /// Takes an answer over. Only what changes is journalled: a new roster or stop, the first of several
    /// failures, and the first success after them.
    fn settle(&mut self, answer: Result<SignedState, client::Error>) {
        let mut is_told = false;
        let settled = answer
            .map_err(Failed::from)
            .and_then(|signed| {
                let source = self.line.source();
                self.take_over(&signed, source.as_ref(), Came::Fresh)
            })
            .and_then(|changes| {
                is_told = changes.is_notable();
                if is_told {
                    self.tell(&changes, None);
                }
                self.list_revoked()
            });
        match settled {
            Ok(()) => {
                if self.failing.take().is_some() && !is_told {
                    self.tell(&Changes::default(), None);
                }
            }
            Err(failed) => {
                let code = failed.code();
                if self.failing.replace(code) != Some(code) {
                    self.intake
                        .note(&entries::not_taken(self.names.name(), &failed));
                }
            }
        }
    }

    /// Journals what changed; `via` is the collector that handed it on.
    fn tell(&self, changes: &Changes, via: Option<&CaUrl>) {
        let mut event = entries::taken(self.names.name(), &self.known, changes);
        if let Some(via) = via {
            event = event.detail("via", via.to_string());
        }
        self.intake.note(&event);
        if let Some(count) = changes.without_place {
            self.intake
                .note(&entries::memory_full(self.names.name(), count));
        }
        if let Some(number) = changes.recovery {
            self.intake
                .note(&entries::recovered(self.names.name(), number));
        }
    }

    /// Fetches the revocation list where the one before sshd is another state's. The gates decide by the state, and do
    /// without it.
    fn list_revoked(&mut self) -> Result<(), Failed> {
        let number = self.known.number();
        if self.listed == Some(number) {
            return Ok(());
        }
        let bytes = self.line.source().krl()?;
        revoked_keys::store(&self.layout, &bytes, number)?;
        self.listed = Some(number);
        Ok(())
    }

    fn take_over(
        &mut self,
        signed: &SignedState,
        source: &dyn Source,
        came: Came,
    ) -> Result<Changes, Failed> {
        let taken = self
            .known
            .take_over(signed.clone(), (self.clock)(), || source.rosters());
        if let Err(state::Error::State(protocol::Error::Ahead { found, .. })) = &taken {
            self.heed(signed, *found, source, came)?;
        }
        let (next, changes) = taken?;
        // Signed afresh it is news, though it says the same: how old the state is decides whether people get in.
        let (before, after) = (self.known.state(), next.state());
        let is_known = after.number == before.number && after.time <= before.time;
        if is_known && !changes.is_notable() {
            return Ok(changes);
        }
        let says_more = (after.incarnation, after.number) != (before.incarnation, before.number);
        self.store(&next, &changes)?;
        user_ca::store(&self.layout, &next.state().user_ca)?;
        if came == Came::Fresh {
            // The state was signed within the last minute: near enough to judge minutes by.
            let said = SystemTime::from(next.state().time);
            self.authority.clock().heard(said.into());
        }
        self.authority.publish(next.snapshot(self.names.clone()));
        if let Some(forwarding) = self.forwarding.as_ref().filter(|_| says_more) {
            forwarding.heed(&next.state().collectors);
        }
        self.known = next;
        self.follow_roots();
        Ok(changes)
    }

    /// Trusts the X.509 roots that the state names. What comes of it keeps no state from being taken over.
    fn follow_roots(&self) {
        let Some(roots) = self.known.state().roots() else {
            return;
        };
        match Enrolment::follow_roots(&self.layout, &roots) {
            Ok(None) => {}
            Ok(Some(client)) => self.show(client),
            Err(error) => aside::tell(&format!(
                "the CA's X.509 roots are those of before: {error}"
            )),
        }
    }

    /// Speaks as this client from now on.
    fn show(&self, client: Client) {
        self.line.replace(client);
        if let Some(forwarding) = &self.forwarding {
            forwarding.renewed();
        }
    }

    fn store(&self, next: &Known, changes: &Changes) -> Result<(), durable::Error> {
        let directory = self.layout.state();
        match changes.roster {
            Some(_) => next.store(&directory),
            None => next.store_state(&directory),
        }
    }

    /// Of a state that is dated ahead, what takes something away counts; and if it is the CA's own word of now, it says that this
    /// host's clock is not to be believed, or the CA's.
    fn heed(
        &mut self,
        signed: &SignedState,
        dated: Time,
        source: &dyn Source,
        came: Came,
    ) -> Result<(), Failed> {
        if came == Came::Fresh {
            self.authority.clock().heard(SystemTime::from(dated).into());
        }
        let Some((next, changes)) = self.known.heed(signed, || source.rosters()) else {
            return Ok(());
        };
        self.store(&next, &changes)?;
        self.authority.publish(next.snapshot(self.names.clone()));
        self.known = next;
        self.tell(&changes, None);
        Ok(())
    }
}

/// Whether the CA says that it knows nobody with this host's certificate, or trusts its root no more.
fn is_of_a_stranger<T>(answer: &Result<T, client::Error>) -> bool {
    match answer {
        Err(client::Error::Api { code, .. }) => code == "certificate-unknown",
        Err(error) => error.is_certificate_refused(),
        Ok(_) => false,
    }
}

#[cfg(test)]
mod tests;
