//! What the gates are made from, and their making.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::Gates;
use super::flood::Flood;
use super::others::Logins;
use super::rules::Bench;
use super::sudo::{Counted, Crowd, Sudos, Unasked};
use super::turned_away::TurnedAway;
use super::unseen::Unseen;
use super::verdict::Verdicts;
use crate::accounts::Names;
use crate::alarm::Alarm;
use crate::authority::Authority;
use crate::config::Config;
use crate::facts::Process;
use crate::forward::Evidence;
use crate::intake::Intake;
use crate::layout::Layout;
use crate::presence::Presence;
use crate::sessions::{AGAIN, GidError, Gids, Sessions, Setup};
use crate::sudoers::{Programs, Sudoers, SudoersError};
use crate::texts::Texts;
use crate::watch::Watch;
use crate::{durable, managed};

/// What the gates are built on.
pub struct Deps {
    /// Where things are.
    pub layout: Layout,
    /// The administrator's settings.
    pub config: Config,
    /// The CA's newest state.
    pub authority: Arc<Authority>,
    /// Who is under management.
    pub managed: Arc<managed::Store>,
    /// Whose uid a name is.
    pub names: Names,
    /// Whether the gates stand in the stacks.
    pub presence: Arc<Presence>,
    /// The journal.
    pub intake: Intake,
    /// Whether its entries have left this host.
    pub evidence: Evidence,
}

/// Why the gates cannot open.
#[derive(Debug, thiserror::Error)]
pub enum GatesError {
    /// No thread or descriptor to be had.
    #[error("cannot start the gates: {0}")]
    Start(#[from] io::Error),
    /// The directory of sessions' sudo rules.
    #[error(transparent)]
    Sudoers(#[from] SudoersError),
    /// The counter of session groups.
    #[error(transparent)]
    Gids(#[from] GidError),
    /// The directory of sessions.
    #[error(transparent)]
    File(#[from] durable::Error),
}

impl Gates {
    /// Makes the gates, and the directories that they need under `/run`.
    ///
    /// # Errors
    /// [`GatesError`].
    pub fn new(deps: Deps) -> Result<Arc<Self>, GatesError> {
        let Deps {
            layout,
            config,
            authority,
            managed,
            names,
            presence,
            intake,
            evidence,
        } = deps;
        durable::directory(&layout.sessions(), 0o700)?;
        let (watch, alarm) = (Watch::start()?, Alarm::start()?);
        let sudoers = Sudoers::new(&layout.session_sudoers())?;
        let gids = Gids::open(&layout.state().join("session-gid"))?;
        let programs = Programs::default();
        let counted = Counted::new(config.journal.exclude.clone());
        let texts = Texts::of(layout.journal(), &config.retention);
        let sessions = Sessions::new(Setup {
            directory: layout.sessions(),
            journal: layout.journal(),
            sudoers,
            programs: programs.clone(),
            presence: Arc::clone(&presence),
            intake: intake.clone(),
            managed: Arc::clone(&managed),
            watch: watch.clone(),
            alarm: alarm.clone(),
            host: authority.snapshot().host.name().clone(),
            warnings: config
                .sessions
                .warn_seconds
                .iter()
                .copied()
                .map(Duration::from_secs)
                .collect(),
            again: AGAIN,
        });
        sessions.attend_to_leavers()?;
        sessions.look_for_plants()?;
        Ok(Arc::new(Self {
            layout,
            config,
            authority,
            managed,
            names,
            presence,
            intake,
            evidence,
            watch,
            alarm,
            gids,
            sessions,
            // Without a start of its own nobody is older than the agent.
            verdicts: Verdicts::since(own_start().unwrap_or(0)),
            turned_away: TurnedAway::default(),
            logins: Logins::default(),
            sudos: Sudos::default(),
            unasked: Unasked::default(),
            unseen: Unseen::default(),
            counted,
            crowd: Crowd::default(),
            texts,
            programs,
            flood: Flood::default(),
            bench: Bench::default(),
        }))
    }
}

/// When this process started, in clock ticks since boot.
fn own_start() -> Option<u64> {
    let pid = i32::try_from(std::process::id()).ok()?;
    Some(Process::with_pid(pid).ok()?.start)
}
