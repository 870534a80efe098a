//! The gates of a host: facts in, verdict out, each verdict journalled.
//!
//! Only managed uids are ever refused. Everybody else's logins and sudo commands are journalled without anybody
//! waiting for the disk.

mod account;
mod admission;
mod build;
#[cfg(test)]
mod fixture;
mod flood;
mod others;
mod principals;
mod rules;
mod session;
mod sudo;
mod turned_away;
mod unseen;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant};

use daypass_gate::{Request, Response};
use daypass_protocol::event::{Identity, Resource};

pub use admission::{Admission, Refusal};
pub use build::{Deps, GatesError};

use crate::accounts::Names;
use crate::alarm::Alarm;
use crate::authority::{Authority, Snapshot};
use crate::config::{Config, Log};
use crate::facts::Peer;
use crate::forward::Evidence;
use crate::intake::Intake;
use crate::layout::Layout;
use crate::managed::{self, Managed};
use crate::presence::Presence;
use crate::sessions::{Gids, Recovered, Sessions};
use crate::sudoers::Programs;
use crate::texts::Texts;
use crate::watch::Watch;

use flood::Flood;
use others::Logins;
use rules::Bench;
use sudo::{Counted, Crowd, Sudos, Unasked};
use turned_away::TurnedAway;
use unseen::Unseen;
use verdict::Verdicts;

/// Which socket a question came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The PAM module's: root only.
    Agent,
    /// The principals helper's.
    Principals,
}

/// All gates. One for each agent, shared by the threads that serve.
pub struct Gates {
    layout: Layout,
    config: Config,
    authority: Arc<Authority>,
    managed: Arc<managed::Store>,
    names: Names,
    presence: Arc<Presence>,
    intake: Intake,
    evidence: Evidence,
    watch: Watch,
    alarm: Alarm,
    gids: Gids,
    sessions: Sessions,
    verdicts: Verdicts,
    turned_away: TurnedAway,
    logins: Logins,
    sudos: Sudos,
    unasked: Unasked,
    unseen: Unseen,
    counted: Counted,
    crowd: Crowd,
    texts: Texts,
    programs: Programs,
    flood: Flood,
    bench: Bench,
}

impl Gates {
    /// Finds the sessions of before again, and enforces what fell due meanwhile. Before anybody is served.
    pub fn recover(&self) -> Recovered {
        let recovered = self.sessions.recover();
        self.heed_stops();
        recovered
    }

    /// The sessions that are live.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Ends the sessions whose windows the newest state stops, now and whenever a newer one is in force.
    fn heed_stops(&self) {
        heed(&self.sessions, &self.authority, &self.alarm, None);
    }

    /// Answers one question. `None` for one that has no business at this door.
    pub fn answer(
        self: &Arc<Self>,
        door: Door,
        peer: &Peer,
        request: &Request,
    ) -> Option<Response> {
        match (door, request) {
            (
                Door::Principals,
                Request::Principals {
                    user,
                    certificate,
                    key_id,
                    serial,
                    ..
                },
            ) => Some(self.principals(
                peer,
                user,
                certificate,
                &verdict::Shown {
                    key_id: key_id.clone(),
                    serial: *serial,
                },
            )),
            // Root may connect to either; the file's mode and this keep everybody else out.
            (Door::Agent, _) if peer.uid != 0 => None,
            (Door::Agent, Request::Authenticate(caller)) => self.sudo_ungranted(peer, caller),
            (Door::Agent, Request::Account(caller)) => Some(self.account(peer, caller)),
            (
                Door::Agent,
                Request::SessionOpen {
                    caller,
                    handle,
                    auth_info,
                },
            ) => Some(self.session_open(peer, caller, *handle, auth_info)),
            (Door::Agent, Request::SessionClose { caller, handle }) => {
                Some(self.session_close(peer, caller, *handle))
            }
            _ => None,
        }
    }

    /// Hears what somebody told who has gone since.
    pub fn hear(&self, door: Door, uid: u32, request: &Request) {
        if let (Door::Agent, 0, Request::SessionOpen { caller, handle, .. }) = (door, uid, request)
            && caller.service.contains("sudo")
        {
            self.sudo_was_open(caller, *handle);
        }
    }

    /// Who is under management, as of now.
    fn managed(&self) -> Result<Arc<Managed>, managed::Error> {
        self.managed.current()
    }

    /// The managed uid that has this name: by the managed file, else by the system, which may not tell in time. Then it is
    /// nobody's of ours; the PAM module guards the names in the two files by itself.
    fn managed_uid(&self, managed: &Managed, name: &str) -> Option<u32> {
        let known = managed.uid(name);
        if known.is_some() || managed.is_empty() {
            return known;
        }
        self.names.uid(name).filter(|uid| managed.contains(*uid))
    }

    fn journals_everyone(&self) -> bool {
        self.config.journal.log == Log::Everyone
    }

    fn resource(&self, service: &str, account: Option<&str>) -> Resource {
        Resource {
            host: Some(self.authority.snapshot().host.name().clone()),
            service: Some(service.to_owned()),
            account: account.map(str::to_owned),
        }
    }
}

/// Between two looks at whether a newer state is in force.
const HEED: Duration = Duration::from_millis(200);

fn heed(
    sessions: &Sessions,
    authority: &Arc<Authority>,
    alarm: &Alarm,
    known: Option<Arc<Snapshot>>,
) {
    let newest = authority.snapshot();
    if known.is_none_or(|known| !Arc::ptr_eq(&known, &newest)) {
        sessions.heed(&newest);
    }
    let (sessions, authority, again) = (sessions.clone(), Arc::clone(authority), alarm.clone());
    alarm.at(Instant::now() + HEED, move || {
        heed(&sessions, &authority, &again, Some(newest));
    });
}

/// An answer without anything to remember.
fn allow() -> Response {
    Response::Allow {
        handle: 0,
        session_gid: None,
    }
}

/// An account of this host, about which nothing else is known.
fn account_identity(name: &str, uid: Option<u32>) -> Identity {
    Identity {
        account: Some(name.to_owned()),
        uid,
        ..Identity::default()
    }
}
