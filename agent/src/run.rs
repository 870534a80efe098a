//! `daypass-agent run`: the daemon, from its start to its end.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};
use std::{io, mem};

use daypass_forward::outside::Asker;
use daypass_journal::horizon::Horizon;
use daypass_journal::writer::Recovery;
use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::time::Time;
use nix::sys::signal::{SigSet, Signal};
use sd_notify::NotifyState;

use crate::accounts::Names;
use crate::aside;
use crate::authority::Authority;
use crate::config::{self, Config};
use crate::durable;
use crate::enrolment::{self, Enrolment};
use crate::event;
use crate::forward::{self, Evidence, Forwarding};
use crate::gate::{Deps, Gates, GatesError};
use crate::heartbeat::Heartbeat;
use crate::intake::{Intake, LedgerFailed, NotCommitted};
use crate::keeper::{Keeper, Told};
use crate::layout::Layout;
use crate::ledger::{self, Witnesses};
use crate::listener::Listener;
use crate::managed;
use crate::outside;
use crate::poller::{ByCertificate, Line, Poller};
use crate::presence::Presence;
use crate::renewal::Renewal;
use crate::retention;
use crate::retirement;
use crate::revoked_keys;
use crate::server;
use crate::sockets::{self, Sockets};
use crate::state::{Known, OwnClock, store};
use crate::systemd;

/// Small: these threads read files and keep one connection.
const STACK: usize = 512 * 1024;

/// Why the agent does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// There is no CA yet.
    #[error("this host is not enrolled")]
    NotEnrolled,
    /// The papers of the enrolment.
    #[error(transparent)]
    Enrolment(#[from] enrolment::Error),
    /// The connection to the CA cannot be set up.
    #[error(transparent)]
    Setup(#[from] daypass_transport::client::SetupError),
    /// What was taken over before.
    #[error(transparent)]
    State(#[from] store::Error),
    /// The managed accounts.
    #[error(transparent)]
    Managed(#[from] managed::Error),
    /// The list of what is revoked.
    #[error(transparent)]
    RevokedKeys(#[from] durable::Error),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] LedgerFailed),
    /// The journal does not take the first entry.
    #[error(transparent)]
    FirstEntry(#[from] NotCommitted),
    /// The sockets.
    #[error(transparent)]
    Sockets(#[from] sockets::Error),
    /// The gates.
    #[error(transparent)]
    Gates(#[from] GatesError),
    /// Signals cannot be waited for.
    #[error("signals cannot be waited for: {0}")]
    Signals(#[source] nix::Error),
    /// A thread could not be started.
    #[error("no thread: {0}")]
    Thread(#[source] io::Error),
    /// systemd could not be told that the agent runs.
    #[error("systemd cannot be told that the agent runs: {0}")]
    Notify(#[source] io::Error),
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// See [`enum@Error`]: the agent did not start.
pub fn run(layout: &Layout) -> Result<(), Error> {
    // Before the first thread, so that all of them leave the signals to this one.
    let signals = block_signals()?;
    let config = Config::load(&layout.config())?;
    if !Enrolment::exists(layout) {
        return Err(Error::NotEnrolled);
    }
    let sockets = sockets::take(layout)?;
    let agent = Agent::start(layout, &config, sockets)?;
    sd_notify::notify(&[NotifyState::Ready]).map_err(Error::Notify)?;
    agent.until_told(&signals)?;
    // Nobody waits for this word; the unit's timeout holds without it.
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    agent.stop(layout);
    Ok(())
}

/// At a stop, what was written last gets out if the collector answers within this.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The same where nothing will ever be sent later; the unit's own timeout leaves more.
const FAREWELL: Duration = Duration::from_secs(10);

/// Everything that runs.
struct Agent {
    horizon: Horizon,
    /// Whether it goes for good when the machine is powered off.
    is_ephemeral: bool,
    gates: Arc<Gates>,
    intake: Intake,
    authority: Arc<Authority>,
    keeper: SyncSender<Told>,
    forwarding: Forwarding,
    askers: Vec<Asker>,
    /// Threads that run until theirs is dropped.
    until_stopped: Vec<SyncSender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Agent {
    fn start(layout: &Layout, config: &Config, sockets: Sockets) -> Result<Self, Error> {
        let enrolment = Enrolment::load(layout)?;
        let known =
            Known::load(&layout.state(), enrolment.ca.ca)?.on_host_enrolled(enrolment.record.time);
        if let Err(error) = revoked_keys::ensure(layout) {
            // Sessions must end on time whatever sshd does; the keeper tries again.
            aside::tell(&error.to_string());
        }
        let managed = Arc::new(managed::Store::open(&layout.managed())?);
        let authority = Arc::new(Authority::new(known.snapshot(enrolment.names())));
        let presence = Arc::new(Presence::new(layout));
        let line = Line::new(enrolment.client()?);
        let collectors = known.state().collectors.clone();
        let outside = outside::usable(&config.witness);
        let keys = outside
            .iter()
            .flat_map(|usable| usable.keys().map(str::to_owned));
        let witnesses = Witnesses::new(forward::witnesses(&collectors), keys.collect());
        let horizon = Horizon::default();
        let intake = open_journal(layout, &authority, &managed, witnesses, horizon.clone())?;
        let askers = outside::start(layout, outside, &horizon, &intake).map_err(Error::Thread)?;
        let written = horizon.clone();
        let forwarding = Forwarding::start(
            layout,
            &enrolment,
            horizon,
            &intake,
            &collectors,
            config.journal.forward,
        )
        .map_err(Error::Thread)?;

        let poller = Poller {
            line: line.clone(),
            known,
            names: enrolment.names(),
            layout: layout.clone(),
            authority: Arc::clone(&authority),
            intake: intake.clone(),
            renewal: Some(Renewal::new(layout)),
            forwarding: Some(forwarding.clone()),
            elsewhere: Some(Box::new(ByCertificate(layout.clone()))),
            failing: None,
            is_stranger: false,
            failing_elsewhere: None,
            listed: None,
            clock: own_clock(config),
        };
        let keeper = Keeper::new(
            layout.clone(),
            intake.clone(),
            Arc::clone(&authority),
            Arc::clone(&managed),
            Arc::clone(&presence),
        );
        let beating = Arc::clone(&managed);
        let gates = Gates::new(Deps {
            layout: layout.clone(),
            config: config.clone(),
            authority: Arc::clone(&authority),
            managed,
            names: Names::of_the_system(layout),
            presence,
            intake: intake.clone(),
            evidence: Evidence::new(forwarding.link(), config.journal.forward),
        })?;
        let recovered = gates.recover();
        for unreadable in recovered.unreadable {
            aside::tell(&unreadable.to_string());
        }
        if let Some(error) = recovered.unfound {
            aside::tell(&error.to_string());
        }
        if let Some(error) = recovered.without_sudo {
            aside::tell(&error.to_string());
        }
        let (tell, told) = sync_channel(8);
        let interval = config.state.poll();
        let (retires, stop_retiring) = sync_channel(1);
        let (taking, policy) = (intake.clone(), config.retention.clone());
        let (beats, stop_beating) = sync_channel(1);
        let heartbeat = Heartbeat {
            intake: intake.clone(),
            authority: Arc::clone(&authority),
            managed: beating,
            sessions: gates.sessions().clone(),
        };
        let threads = vec![
            spawn("heartbeat", move || heartbeat.run(&stop_beating))?,
            spawn("retention", move || {
                retention::run(&taking, &policy, &stop_retiring);
            })?,
            spawn("state", move || poller.run(interval))?,
            spawn("keeper", move || keeper.run(&told))?,
        ];
        let listener = Listener {
            line,
            authority: Arc::clone(&authority),
        };
        // Nobody waits for its end: it may be waiting for the CA.
        drop(spawn("listener", move || listener.run())?);
        gates.attend_to_sudo().map_err(Error::Thread)?;
        gates.attend_to_sshd().map_err(Error::Thread)?;
        server::serve(sockets, &gates).map_err(Error::Thread)?;
        Ok(Self {
            horizon: written,
            is_ephemeral: enrolment.record.ephemeral,
            gates,
            intake,
            authority,
            keeper: tell,
            forwarding,
            askers,
            until_stopped: vec![retires, beats],
            threads,
        })
    }

    /// Waits for a signal to stop; SIGHUP means that a command changed something.
    fn until_told(&self, signals: &SigSet) -> Result<(), Error> {
        while signals.wait().map_err(Error::Signals)? == Signal::SIGHUP {
            // A keeper that is busy looks again anyway.
            let _ = self.keeper.try_send(Told::Look);
            self.forwarding.again();
        }
        Ok(())
    }

    fn stop(self, layout: &Layout) {
        // Before anything ends: systemd answers for a while only.
        let retires = self.is_ephemeral && systemd::powers_off();
        self.authority.stop();
        // Without a listener the keeper is gone already.
        let _ = self.keeper.send(Told::Stop);
        drop(self.until_stopped);
        self.askers.iter().for_each(Asker::stop);
        for thread in self.threads {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
        self.gates.tell_all_counted();
        let snapshot = self.authority.snapshot();
        let last = event::of_host(Action::AgentStop, snapshot.host.name()).outcome(Outcome::Done);
        if !retires {
            self.intake.finish(&last);
            self.forwarding.stop(LAST_WORDS);
            return;
        }
        self.intake.finish(&last.detail("retires", true));
        if !self.forwarding.farewell(FAREWELL) {
            // Whoever is missed is looked for, as nobody looks for whoever has gone for good.
            aside::tell("the CA goes on expecting this host: not all of its journal has got out");
            return;
        }
        if let Err(error) = retirement::retire(layout, self.horizon.sight().size) {
            aside::tell(&format!("the CA goes on expecting this host: {error}"));
        }
    }
}

/// A state may be as far ahead as the clocks may differ at all.
fn own_clock(config: &Config) -> Box<dyn Fn() -> OwnClock + Send> {
    let tolerance = config.state.max_clock_offset_seconds;
    Box::new(move || OwnClock {
        now: Time::from(SystemTime::now()),
        tolerance,
    })
}

fn block_signals() -> Result<SigSet, Error> {
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
    signals.thread_block().map_err(Error::Signals)?;
    Ok(signals)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK)
        .spawn(work)
        .map_err(Error::Thread)
}

/// Opens the journal and writes the agent's first entry.
fn open_journal(
    layout: &Layout,
    authority: &Authority,
    managed: &managed::Store,
    witnesses: Witnesses,
    horizon: Horizon,
) -> Result<Intake, Error> {
    let found = Arc::new(Mutex::new(None));
    let finds = Arc::clone(&found);
    let open = ledger::opener(
        layout.journal(),
        layout.journal_keys(),
        witnesses,
        horizon,
        move |recovery| {
            *finds.lock().unwrap_or_else(PoisonError::into_inner) = Some(recovery);
        },
    );
    let intake = Intake::start(open, Box::new(aside::tell))?;
    let recovery = mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    intake.commit(&started(authority, managed, recovery.as_ref()))?;
    Ok(intake)
}

fn started(authority: &Authority, managed: &managed::Store, recovery: Option<&Recovery>) -> Event {
    let snapshot = authority.snapshot();
    let names: Vec<_> = managed
        .last()
        .iter()
        .flat_map(|(_, names)| names.to_vec())
        .collect();
    event::of_host(Action::AgentStart, snapshot.host.name())
        .outcome(Outcome::Done)
        .detail("version", env!("CARGO_PKG_VERSION"))
        .detail("state", snapshot.state.number)
        .detail("roster", snapshot.roster().number)
        .detail("managed", names)
        .detail("stopped_cleanly", recovery.is_none_or(|found| found.clean))
}
