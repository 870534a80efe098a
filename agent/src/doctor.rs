//! `daypass-agent doctor`: what stands in the way, or leads around the gates.

mod doors;
mod modes;
pub(crate) mod setuid;
mod sshd;

use std::mem;
use std::time::{Duration, SystemTime};

use daypass_protocol::api::About;
use daypass_protocol::state::ALARM_AGE;
use daypass_protocol::time::Time;
use daypass_transport::client::{self, Request};

use crate::accounts;
use crate::break_glass::Glass;
use crate::command;
use crate::durable;
use crate::enrolment::Enrolment;
use crate::layout::Layout;
use crate::managed::Managed;
use crate::presence::Absent;
use crate::sshd::Sshd;
use crate::status::{self, Status};
use crate::sudoers::Programs;

pub use doors::{Door, Doors};
pub use modes::Loose;
pub use setuid::SEARCH;
pub use sshd::Setting;

/// Off by more than this is told, long before contractors are refused.
const CLOCK_TOLERANCE: u64 = 60;

/// No sudoers file is larger.
const MAX_SUDOERS: u64 = 1024 * 1024;

/// Something that an administrator should know.
#[derive(Debug)]
pub enum Finding {
    /// Contractors are refused.
    NotRunning,
    /// A gate is not in place: contractors are refused.
    Absent(Absent),
    /// Nothing new from the CA for a while.
    StateOld {
        /// Since the newest state was signed.
        age: Duration,
    },
    /// The CA does not answer.
    Unreachable(client::Error),
    /// The clocks differ.
    Clock {
        /// Ours minus the CA's, in seconds.
        seconds: i64,
    },
    /// A managed uid has a name that sshd's block does not know.
    NewName {
        /// The uid.
        uid: u32,
        /// The name.
        name: String,
    },
    /// A managed uid has no account any more.
    Gone {
        /// The name under which it was managed.
        name: String,
    },
    /// A way into a managed account beside ours.
    Door {
        /// The account.
        account: String,
        /// The way.
        door: Door,
    },
    /// Accounts are let go for a while.
    Glass(Glass),
    /// What is noted of accounts that are let go is damaged: nothing takes them back.
    GlassDamaged(durable::Error),
    /// Somebody else may change or read a file of ours.
    Loose(Loose),
    /// sudo-rs is installed, which takes no rules for a session's group.
    SudoRs,
    /// It reads rules of its own, and ours are not among them.
    SudoRsElsewhere,
    /// A setting of sshd's that is worth knowing.
    Setting(Setting),
    /// The accounts could not be listed.
    Unlisted(command::Error),
}

impl Finding {
    /// Must it be mended, or is it only worth knowing?
    #[must_use]
    pub fn is_fault(&self) -> bool {
        match self {
            Self::Door { door, .. } => {
                matches!(door, Door::SudoRules { .. } | Door::Setuid { .. })
            }
            Self::Glass(_) | Self::Setting(_) | Self::SudoRs => false,
            _ => true,
        }
    }
}

/// Looks at everything.
///
/// # Errors
/// The host is not enrolled, or its own files cannot be read.
pub fn doctor(layout: &Layout) -> Result<Vec<Finding>, status::Error> {
    let mut status = status::status(layout)?;
    let mut findings = Vec::new();
    if !status.running {
        findings.push(Finding::NotRunning);
    }
    findings.extend(match mem::replace(&mut status.glass, Ok(None)) {
        Ok(glass) => glass.map(Finding::Glass),
        Err(damaged) => Some(Finding::GlassDamaged(damaged)),
    });
    findings.extend(about_the_ca(layout, &status)?);
    for (uid, names) in status.managed.iter() {
        findings.extend(about_names(uid, names));
    }
    findings.extend(about_doors(layout, &status.managed));
    findings.extend(modes::loose(layout, 0).into_iter().map(Finding::Loose));
    // Gates matter where somebody is managed; before that nobody is refused.
    if !status.managed.is_empty() {
        findings.extend(status.absent.into_iter().map(Finding::Absent));
        findings.extend(about_sshd(layout));
        findings.extend(about_sudo(layout));
    }
    Ok(findings)
}

fn about_the_ca(layout: &Layout, status: &Status) -> Result<Option<Finding>, status::Error> {
    let client = match Enrolment::load(layout)?.client() {
        Ok(client) => client,
        // The daemon could not run with it either, which is told already.
        Err(_) => return Ok(None),
    };
    let about: About = match client.call(&Request::get("/v1/about")) {
        Ok(about) => about,
        Err(error) => return Ok(Some(Finding::Unreachable(error))),
    };
    let seconds = Time::from(SystemTime::now()).since(about.time);
    if seconds.unsigned_abs() > CLOCK_TOLERANCE {
        return Ok(Some(Finding::Clock { seconds }));
    }
    let is_old = status.age.as_secs() > ALARM_AGE;
    Ok(is_old.then_some(Finding::StateOld { age: status.age }))
}

fn about_names(uid: u32, names: &[String]) -> Vec<Finding> {
    let Some(first) = names.first() else {
        return Vec::new();
    };
    match accounts::find(first) {
        Ok(account) if account.uid == uid => account
            .names
            .into_iter()
            .filter(|name| !names.contains(name))
            .map(|name| Finding::NewName { uid, name })
            .collect(),
        Ok(_) | Err(accounts::Error::Unknown { .. } | accounts::Error::Lookup { .. }) => {
            vec![Finding::Gone {
                name: first.clone(),
            }]
        }
        Err(accounts::Error::List(error)) => vec![Finding::Unlisted(error)],
    }
}

/// For root, as for anybody who is not managed. An sshd that cannot be asked is an absent gate already.
fn about_sshd(layout: &Layout) -> Vec<Finding> {
    let effective = Sshd::new(layout).effective("root");
    let settings = effective.map(|effective| sshd::settings(&effective));
    let settings = settings.unwrap_or_default().into_iter();
    settings.map(Finding::Setting).collect()
}

fn about_sudo(layout: &Layout) -> Vec<Finding> {
    if Programs::default().rust().is_empty() {
        return Vec::new();
    }
    let own = durable::read(&layout.sudoers_of_rust(), MAX_SUDOERS);
    let own = own.ok().flatten();
    let lacks_ours = |bytes: Vec<u8>| {
        let text = String::from_utf8_lossy(&bytes);
        let includes = |line: &str| {
            let line = line.trim_start_matches(['@', '#']);
            line.starts_with("include")
                && (line.contains("/etc/sudoers.d") || line.contains("/run/daypass/sudoers.d"))
        };
        !text.lines().any(includes)
    };
    let elsewhere = own.is_some_and(lacks_ours);
    let also = elsewhere.then_some(Finding::SudoRsElsewhere);
    [Finding::SudoRs].into_iter().chain(also).collect()
}

fn about_doors(layout: &Layout, managed: &Managed) -> Vec<Finding> {
    let doors = Doors::new(layout);
    let names = managed.iter().flat_map(|(_, names)| names);
    names
        .flat_map(|name| {
            let found = doors.of(name);
            found.into_iter().map(|door| Finding::Door {
                account: name.clone(),
                door,
            })
        })
        .collect()
}
