//! Who fell silent, and who is heard again.

use std::collections::{BTreeMap, HashMap, HashSet};

use daypass_protocol::event::{Action, Event, Outcome, Resource};
use daypass_protocol::name::HostName;
use daypass_protocol::time::Time;

use super::alarm::alarm;
use super::{Presence, Watch, is_ephemeral, is_silent, last_heard};
use crate::checkpoints::{CheckpointError, CheckpointStore};
use crate::clock::Now;
use crate::origin::{Origin, Owner};

/// While contractors are in, a host's heartbeat comes every five seconds.
const BUSY: u64 = 60;
/// Else every quarter of an hour; whoever came in since then is an entry, too.
const CALM: u64 = 16 * 60;

/// A certificate that the CA made for a host.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    /// When it was heard of here, in microseconds since 1970.
    at: i64,
    serial: String,
    seq: u64,
}

/// What was told.
#[derive(Default)]
pub(super) struct Silences {
    issued: BTreeMap<HostName, Issued>,
    silent: HashSet<Origin>,
    /// Logs that another collector takes in now.
    elsewhere: HashSet<Origin>,
    /// Hosts of which no journal ever came.
    unheard: HashSet<HostName>,
}

/// What is remembered once it was told.
enum Told {
    Silent(Origin),
    Heard(Origin),
    Unheard(HostName),
}

/// A log as it was heard last.
struct Heard {
    last: i64,
    size: u64,
    log: Origin,
    /// Whether the CA enrolled it as one that may go for good by its own word.
    ephemeral: bool,
}

impl Silences {
    pub(super) fn hears(&mut self, log: &Origin, presence: Presence) {
        match presence {
            Presence::Stays => self.elsewhere.remove(log),
            Presence::Leaves => self.elsewhere.insert(log.clone()),
        };
    }

    pub(super) fn issued(&mut self, issue: super::reading::Issue, now: Now) {
        let issued = Issued {
            at: now.micros(),
            serial: issue.serial,
            seq: issue.seq,
        };
        self.issued.insert(issue.host, issued);
    }
}

impl Watch {
    /// Looks who fell silent and who is heard again, and tells it. Each log is named once for each silence; of an owner with several
    /// incarnations only the one heard last counts. Nobody is silent for what passed before this process listened.
    ///
    /// Silence is longer than `silence_after` seconds; it is a minute while contractors are in, and a heartbeat where the
    /// CA has made a certificate for a host since it was heard. An ephemeral host that said that it goes for good is not missed,
    /// unless the CA makes certificates for it after that: then somebody goes on by its name.
    ///
    /// # Errors
    /// When the store cannot say, and those of `tell`: what was not told is told at the next look.
    pub fn look<E: From<CheckpointError>>(
        &self,
        checkpoints: &dyn CheckpointStore,
        now: Now,
        silence_after: u64,
        mut tell: impl FnMut(&Event) -> Result<(), E>,
    ) -> Result<(), E> {
        for (event, told) in self.changes(newest(checkpoints)?, now, silence_after) {
            tell(&event)?;
            self.lock().silences.remember(told);
        }
        Ok(())
    }

    fn changes(
        &self,
        newest: HashMap<Owner, Heard>,
        now: Now,
        silence_after: u64,
    ) -> Vec<(Event, Told)> {
        let mut inner = self.lock();
        let hosts: HashSet<&HostName> = newest.keys().filter_map(Owner::host).collect();
        let mut events = inner.silences.unheard(&hosts, now);
        for heard in newest.into_values() {
            let has_retired =
                heard.ephemeral && inner.seen.get(&heard.log).is_some_and(|seen| seen.retires);
            let Heard {
                last, size, log, ..
            } = heard;
            // Another collector listens.
            if inner.silences.elsewhere.contains(&log) {
                continue;
            }
            let since = last.max(self.began.micros());
            let sessions = inner.seen.get(&log).map_or(0, |seen| seen.sessions);
            let issued = log
                .owner()
                .host()
                .and_then(|host| inner.silences.issued.get(host));
            let issued = issued
                .filter(|issued| issued.at > last && is_silent(issued.at.max(since), now, CALM))
                .cloned();
            // Whoever went for good is missed by nobody, but asks for no certificate either.
            let is_left =
                !has_retired && sessions > 0 && is_silent(since, now, BUSY.min(silence_after));
            let is_silent =
                is_left || issued.is_some() || !has_retired && is_silent(since, now, silence_after);
            let was_silent = inner.silences.silent.contains(&log);
            if is_silent && !was_silent {
                let sessions = if is_left { sessions } else { 0 };
                let event = silence(&log, last, size, sessions, issued.as_ref());
                events.push((event, Told::Silent(log)));
            } else if !is_silent && was_silent {
                let reason = format!("{}'s journal is heard again", log.owner());
                let over = alarm(Action::AlarmOver, &log).detail("seq", size);
                events.push((over.because("heard", reason), Told::Heard(log)));
            }
        }
        events
    }
}

impl Silences {
    /// Certificates were made for hosts of which nothing ever came.
    fn unheard(&mut self, heard: &HashSet<&HostName>, now: Now) -> Vec<(Event, Told)> {
        self.unheard.retain(|host| !heard.contains(host));
        let mut events = Vec::new();
        for (host, issued) in &self.issued {
            let is_late = !heard.contains(host) && is_silent(issued.at, now, CALM);
            if is_late && !self.unheard.contains(host) {
                let reason = format!(
                    "the CA made certificate {} for {host}, and no journal of {host} ever came here",
                    issued.serial
                );
                let event = Event::new(Action::AlarmSilence)
                    .outcome(Outcome::Failed)
                    .on(Resource {
                        host: Some(host.clone()),
                        ..Resource::default()
                    })
                    .detail("seq", 0)
                    .detail("serial", issued.serial.clone())
                    .detail("issued", issued.seq)
                    .because("never-heard", reason);
                events.push((event, Told::Unheard(host.clone())));
            }
        }
        events
    }

    fn remember(&mut self, told: Told) {
        match told {
            Told::Silent(log) => {
                self.silent.insert(log);
            }
            Told::Heard(log) => {
                self.silent.remove(&log);
            }
            Told::Unheard(host) => {
                self.unheard.insert(host);
            }
        }
    }
}

/// Of each owner, the log that was heard last. The collector's own tells nothing by its silence: who would hear it?
fn newest(checkpoints: &dyn CheckpointStore) -> Result<HashMap<Owner, Heard>, CheckpointError> {
    let logs = checkpoints.logs()?;
    let newest = super::newest(&logs);
    let mut heard = HashMap::new();
    for (registration, held) in &logs {
        let log = &registration.log;
        if *log.owner() == Owner::Collector || !newest.contains(log) {
            continue;
        }
        let one = Heard {
            last: last_heard(registration, held.as_ref()),
            size: held.as_ref().map_or(0, |held| held.mark.size),
            ephemeral: is_ephemeral(registration),
            log: log.clone(),
        };
        heard.insert(log.owner().clone(), one);
    }
    Ok(heard)
}

fn silence(log: &Origin, last: i64, size: u64, sessions: u64, issued: Option<&Issued>) -> Event {
    let (owner, since) = (log.owner(), Time::from_unix(last / 1_000_000));
    let event = alarm(Action::AlarmSilence, log)
        .detail("since", since.to_string())
        .detail("seq", size);
    let see = "see whether it runs, and what it hides";
    if sessions > 0 {
        let reason = format!(
            "nothing came from {owner}'s journal since {since}, and {sessions} contractors were in then: {see}"
        );
        return event
            .detail("sessions", sessions)
            .because("silent-in-use", reason);
    }
    match issued {
        Some(issued) => {
            let reason = format!(
                "nothing came from {owner}'s journal since {since}, and the CA has made certificate {} for it since: {see}",
                issued.serial
            );
            event
                .detail("serial", issued.serial.clone())
                .detail("issued", issued.seq)
                .because("silent-in-use", reason)
        }
        None => {
            let reason = format!("nothing came from {owner}'s journal since {since}: {see}");
            event.because("silence", reason)
        }
    }
}
