//! Sessions, as the journals of hosts tell of them: what each entry changes, and what can be asked.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use daypass_protocol::event::{Action, reading};
use daypass_protocol::forwarding::Ending;
use serde_json::Value;

use super::cursor::InvalidCursor;
use super::record::{Record, micros};
use crate::origin::{Origin, Owner};

/// Approvers that are remembered of one session, at most.
const APPROVERS: usize = 16;

/// Services that open a session for work of the machine's own: nobody is there.
const BACKGROUND: [&str; 5] = ["atd", "cron", "crond", "systemd-user", "runuser"];

/// A session of a host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// The journal that it stands in.
    pub log: Origin,
    /// The agent's id.
    pub id: String,
    /// The entry that opened it.
    pub seq: u64,
    /// When, in microseconds since 1970, by the host's clock.
    pub opened: i64,
    /// The host's boot in which it was opened.
    pub boot: String,
    /// By which service: `sshd`, `login`, …
    pub service: String,
    /// The contractor; empty for everybody else.
    pub person: String,
    /// The account.
    pub account: String,
    /// The window; empty for everybody else.
    pub window: String,
    /// The certificate's serial.
    pub serial: String,
    /// From where.
    pub address: String,
    /// Who approved the window.
    pub approvers: Vec<String>,
    /// When it will be ended, in microseconds since 1970; `None` where nothing ends it.
    pub closes: Option<i64>,
    /// How and when it ended; `None` while it goes on, as far as the journal says.
    pub end: Option<End>,
}

/// The end of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct End {
    /// How.
    pub how: Ending,
    /// The entry that says so.
    pub seq: u64,
    /// When, in microseconds since 1970.
    pub time: i64,
}

/// What an entry changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// A session began. One with this id that is known already stands as it is: what runs inside a session opens and
    /// closes under its id, by another service.
    Opened(Box<Session>),
    /// Its end is another one now: an extension, or a narrowing.
    Extended {
        /// Its id.
        id: String,
        /// Until then.
        closes: i64,
    },
    /// It is over, if this service opened it; by force, whoever did.
    Over {
        /// Its id.
        id: String,
        /// Which service says so.
        service: String,
        /// How it ended.
        end: End,
    },
    /// The agent began: what it does not follow any more is over.
    Begun {
        /// In which boot of the host.
        boot: String,
        /// The entry.
        seq: u64,
        /// When.
        time: i64,
    },
}

impl Change {
    /// What the entry of `record` changes. Hosts alone have sessions.
    pub(super) fn of(record: &Record, entry: &Value) -> Option<Self> {
        let Owner::Host(_) = record.log.owner() else {
            return None;
        };
        let text = |pointer: &str| reading::text(entry, pointer).to_owned();
        let (id, service) = (record.session.clone(), text("/resource/service"));
        let over = |how| Self::Over {
            id: record.session.clone(),
            service: text("/resource/service"),
            end: End {
                how,
                seq: record.seq,
                time: record.time,
            },
        };
        match record.action.parse().ok()? {
            Action::AgentStart => Some(Self::Begun {
                boot: text("/boot"),
                seq: record.seq,
                time: record.time,
            }),
            _ if id.is_empty() => None,
            Action::SessionOpen if BACKGROUND.contains(&&*service) => None,
            Action::SessionOpen => Some(Self::Opened(Box::new(Session {
                log: record.log.clone(),
                id,
                seq: record.seq,
                opened: record.time,
                boot: text("/boot"),
                service,
                person: record.person.clone(),
                account: account(record),
                window: record.window.clone(),
                serial: record.serial.clone(),
                address: text("/origin/address"),
                approvers: approvers(entry),
                closes: instant(entry, "/detail/closes"),
                end: None,
            }))),
            Action::SessionExtended | Action::SessionNarrowed => Some(Self::Extended {
                id,
                closes: instant(entry, "/detail/closes")?,
            }),
            Action::SessionClose => Some(over(Ending::Closed)),
            Action::SessionEnd => Some(over(Ending::Ended)),
            _ => None,
        }
    }
}

/// Where they are: the account that was opened, not that of who opened it.
fn account(record: &Record) -> String {
    match record.target.is_empty() {
        true => record.account.clone(),
        false => record.target.clone(),
    }
}

fn approvers(entry: &Value) -> Vec<String> {
    let listed = entry
        .pointer("/detail/approved_by")
        .and_then(Value::as_array);
    let names = listed.into_iter().flatten().filter_map(Value::as_str);
    names.take(APPROVERS).map(str::to_owned).collect()
}

fn instant(entry: &Value, pointer: &str) -> Option<i64> {
    let time = micros(reading::text(entry, pointer));
    (time != 0).then_some(time)
}

/// Which sessions.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Wanted {
    /// With this id, over or not; those that go on where it is `None`.
    pub id: Option<String>,
    /// Of a person, or in an account.
    pub users: Vec<String>,
    /// On a host.
    pub hosts: Vec<String>,
    /// On one of these hosts; `None` where that does not matter.
    pub members: Option<BTreeSet<String>>,
    /// Behind this one.
    pub after: Option<Place>,
    /// How many.
    pub limit: usize,
}

impl Wanted {
    /// Whether a session is asked for: what every index must agree with.
    pub fn admits(&self, session: &Session) -> bool {
        let host = session.log.owner().as_str();
        let is_one_of = |values: &[String], value: &str| {
            values.is_empty() || values.iter().any(|one| one == value)
        };
        let is_meant = match &self.id {
            Some(id) => session.id == *id,
            None => session.end.is_none(),
        };
        is_meant
            && (self.users.is_empty()
                || self
                    .users
                    .iter()
                    .any(|user| [&session.person, &session.account].contains(&user)))
            && is_one_of(&self.hosts, host)
            && self
                .members
                .as_ref()
                .is_none_or(|members| members.contains(host))
            && self
                .after
                .as_ref()
                .is_none_or(|after| Place::of(session) > *after)
    }
}

/// The order of sessions: by the time of their beginning, journal and id. `s.MICROSECONDS.ID.ORIGIN`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// When it was opened.
    pub opened: i64,
    /// The journal, as text.
    pub log: String,
    /// The id.
    pub id: String,
}

impl Place {
    /// Of a session.
    pub fn of(session: &Session) -> Self {
        Self {
            opened: session.opened,
            log: session.log.to_string(),
            id: session.id.clone(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Ids come from hosts: whatever they hold, their length tells where they end.
        let Self { opened, log, id } = self;
        write!(f, "s.{opened}.{}.{log}.{id}", log.len())
    }
}

impl FromStr for Place {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let parsed = || {
            let mut parts = text.strip_prefix("s.")?.splitn(3, '.');
            let opened = parts.next()?.parse().ok()?;
            let length: usize = parts.next()?.parse().ok()?;
            let rest = parts.next()?;
            let (log, id) = (rest.get(..length)?, rest.get(length..)?.strip_prefix('.')?);
            Some(Self {
                opened,
                log: log.to_owned(),
                id: id.to_owned(),
            })
        };
        parsed().ok_or(InvalidCursor)
    }
}
