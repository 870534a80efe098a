//! `daypass-agent status`: what this host is, from its files.

use std::time::{Duration, SystemTime};

use daypass_protocol::name::{HostName, Name};
use daypass_protocol::time::Time;

use crate::break_glass::{self, Glass};
use crate::command;
use crate::durable;
use crate::enrolment::{self, Enrolment};
use crate::forward::{self, Told};
use crate::layout::Layout;
use crate::managed::{self, Managed};
use crate::presence::{Absent, Presence};
use crate::state::{Known, store};
use crate::systemd;

/// What there is to know about an enrolled host.
#[derive(Debug)]
pub struct Status {
    /// Its name.
    pub host: HostName,
    /// Other names.
    pub aliases: Vec<HostName>,
    /// Its groups.
    pub groups: Vec<Name>,
    /// Where the CA answers.
    pub ca: String,
    /// The CA's pin.
    pub pin: String,
    /// The number of the state taken over last.
    pub state: u64,
    /// Since the CA signed it.
    pub age: Duration,
    /// The number of the roster in force.
    pub roster: u64,
    /// Who is managed.
    pub managed: Managed,
    /// Accounts that are let go for a while; an error where what is noted of them is damaged.
    pub glass: Result<Option<Glass>, durable::Error>,
    /// Whether the daemon runs, if systemd says.
    pub running: Result<bool, command::Error>,
    /// Gates that are not in place.
    pub absent: Vec<Absent>,
    /// The journal's name.
    pub origin: String,
    /// How its forwarding fares, while the daemon runs.
    pub link: Option<Told>,
}

/// Why the status cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to tell yet.
    #[error("this host is not enrolled")]
    NotEnrolled,
    /// The papers of the enrolment.
    #[error(transparent)]
    Enrolment(#[from] enrolment::Error),
    /// What was taken over.
    #[error(transparent)]
    State(#[from] store::Error),
    /// The managed accounts.
    #[error(transparent)]
    Managed(#[from] managed::Error),
}

/// Reads the status from the files; nobody is asked.
///
/// # Errors
/// See [`enum@Error`].
pub fn status(layout: &Layout) -> Result<Status, Error> {
    if !Enrolment::exists(layout) {
        return Err(Error::NotEnrolled);
    }
    let enrolment = Enrolment::load(layout)?;
    let known = Known::load(&layout.state(), enrolment.ca.ca)?;
    let managed = Managed::load(&layout.managed())?;
    let snapshot = known.snapshot(enrolment.names());
    let running = systemd::is_active("daypass-agent.service");
    Ok(Status {
        link: forward::read(&layout.link()).filter(|_| matches!(running, Ok(true))),
        ca: enrolment.ca.url.as_str().to_owned(),
        pin: enrolment.ca.ca.to_string(),
        state: snapshot.state.number,
        age: snapshot.age(Time::from(SystemTime::now())),
        roster: snapshot.roster().number,
        absent: Presence::new(layout).look(&managed),
        glass: break_glass::look(&layout.glass()),
        managed,
        running,
        origin: enrolment.record.origin,
        host: enrolment.record.host,
        aliases: enrolment.record.aliases,
        groups: enrolment.record.groups,
    })
}
