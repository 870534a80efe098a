//! `daypass-agent doctor`: what stands in the way, or leads around the gates.

mod doors;
mod modes;
pub(crate) mod setuid;
mod sshd;
mod sudo_rules;
mod sudo_sources;

use std::mem;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use daypass_protocol::api::About;
use daypass_protocol::state::ALARM_AGE;
use daypass_protocol::time::Time;
use daypass_transport::client::{self, Request};

use crate::accounts::{self, Directory, Listed};
use crate::break_glass::Glass;
use crate::command;
use crate::config::{self, Allow, Config};
use crate::durable;
use crate::enrolment::Enrolment;
use crate::layout::Layout;
use crate::managed::Managed;
use crate::presence::Absent;
use crate::sshd::{self as daemon, Sshd};
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
    /// systemd does not say whether the agent runs.
    RunUnknown(command::Error),
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
    /// A door that the administrator leaves open to a managed account.
    Allowed(Allow),
    /// Likewise, and no managed account has that name.
    AllowedToNobody(Allow),
    /// The settings cannot be read: the agent does not start with them.
    Settings(config::Error),
    /// Accounts are let go for a while.
    Glass(Glass),
    /// What is noted of accounts that are let go is damaged: nothing takes them back.
    GlassDamaged(durable::Error),
    /// Somebody else may change or read a file of ours.
    Loose(Loose),
    /// sudo-rs is installed, which takes no rules for a session's group.
    SudoRs,
    /// sudo asks a directory for rules and settings, and nobody here sees what it is told.
    SudoDirectory {
        /// What `/etc/nsswitch.conf` calls it.
        sources: Vec<&'static str>,
    },
    /// Whether it does is not known.
    SudoSourcesUnread(durable::Error),
    /// sudo-rs reads rules of its own, and ours are not among them.
    SudoRsElsewhere,
    /// A setting of sshd's that is worth knowing.
    Setting(Setting),
    /// Nothing is known of sshd's settings.
    SettingsUnknown(daemon::Error),
    /// A program of which it is not known whether it is sudo-rs.
    SudoSilent {
        /// The program.
        path: PathBuf,
        /// What kept it from saying so.
        why: String,
    },
    /// Whether sudo-rs reads our rules is not known.
    SudoRsUnread(durable::Error),
    /// A managed account cannot be looked up.
    Unlooked {
        /// The name under which it is managed.
        name: String,
        /// Why not.
        error: accounts::Error,
    },
    /// The accounts could not be listed.
    Unlisted(command::Error),
}

impl Finding {
    /// Must it be mended, or is it only worth knowing?
    #[must_use]
    pub fn is_fault(&self) -> bool {
        match self {
            Self::Door { door, .. } => {
                // What is not known may be a fault.
                matches!(
                    door,
                    Door::SudoRules { .. }
                        | Door::SudoUnknown { .. }
                        | Door::Setuid { .. }
                        | Door::Unread { .. }
                        | Door::Unlooked { .. }
                )
            }
            Self::Glass(_)
            | Self::Setting(_)
            | Self::SudoRs
            | Self::SudoDirectory { .. }
            | Self::Allowed(_) => false,
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
    match mem::replace(&mut status.running, Ok(true)) {
        Ok(true) => {}
        Ok(false) => findings.push(Finding::NotRunning),
        Err(error) => findings.push(Finding::RunUnknown(error)),
    }
    findings.extend(match mem::replace(&mut status.glass, Ok(None)) {
        Ok(glass) => glass.map(Finding::Glass),
        Err(damaged) => Some(Finding::GlassDamaged(damaged)),
    });
    findings.extend(about_the_ca(layout, &status)?);
    findings.extend(about_names(&status.managed));
    findings.extend(about_doors(layout, &status.managed));
    findings.extend(about_open_doors(layout, &status.managed));
    findings.extend(modes::loose(layout, 0).into_iter().map(Finding::Loose));
    // Gates matter where somebody is managed; before that nobody is refused.
    if !status.managed.is_empty() {
        let is_read = |gate: &Absent| !matches!(gate, Absent::Unreadable { .. });
        if status.absent.iter().all(is_read) {
            findings.extend(about_sshd(layout));
        }
        findings.extend(status.absent.into_iter().map(Finding::Absent));
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

fn about_names(managed: &Managed) -> Vec<Finding> {
    if managed.is_empty() {
        return Vec::new();
    }
    let mut directory = Directory::default();
    let mut findings = Vec::new();
    let listed = Listed::all().map_err(|error| findings.push(Finding::Unlisted(error)));
    for (uid, names) in managed.iter() {
        let Some(first) = names.first() else {
            continue;
        };
        match directory.look_up(first) {
            Ok(user) if user.as_ref().is_none_or(|user| user.uid.as_raw() != uid) => {
                let name = first.clone();
                findings.push(Finding::Gone { name });
            }
            Ok(_) => {
                let others = listed.iter().flat_map(|listed| listed.names(uid));
                let new = others.filter(|other| !names.iter().any(|name| name == other));
                findings.extend(new.map(|name| Finding::NewName {
                    uid,
                    name: name.to_owned(),
                }));
            }
            Err(error) => findings.push(Finding::Unlooked {
                name: first.clone(),
                error,
            }),
        }
    }
    findings
}

/// For root, as for anybody who is not managed. Where sshd cannot be asked about others that is told already.
fn about_sshd(layout: &Layout) -> Vec<Finding> {
    match Sshd::new(layout).effective("root") {
        Ok(effective) => {
            let settings = sshd::settings(&effective).into_iter();
            settings.map(Finding::Setting).collect()
        }
        Err(error) => vec![Finding::SettingsUnknown(error)],
    }
}

fn about_sudo(layout: &Layout) -> Vec<Finding> {
    let programs = Programs::default();
    let rust = programs.rust();
    let silent = programs.silent().into_iter();
    let mut findings: Vec<_> = silent
        .map(|(path, why)| Finding::SudoSilent { path, why })
        .collect();
    findings.extend(sudo_sources::look(layout));
    if !rust.is_empty() {
        findings.push(Finding::SudoRs);
        findings.extend(about_rules_of_rust(layout));
    }
    findings
}

fn about_rules_of_rust(layout: &Layout) -> Option<Finding> {
    let own = match durable::read(&layout.sudoers_of_rust(), MAX_SUDOERS) {
        Ok(own) => own?,
        Err(error) => return Some(Finding::SudoRsUnread(error)),
    };
    let text = String::from_utf8_lossy(&own);
    let includes = |line: &str| {
        let line = line.trim_start_matches(['@', '#']);
        line.starts_with("include")
            && (line.contains("/etc/sudoers.d") || line.contains("/run/daypass/sudoers.d"))
    };
    (!text.lines().any(includes)).then_some(Finding::SudoRsElsewhere)
}

fn about_doors(layout: &Layout, managed: &Managed) -> Vec<Finding> {
    let mut doors = Doors::new(layout);
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

fn about_open_doors(layout: &Layout, managed: &Managed) -> Vec<Finding> {
    let allowed = match Config::load(&layout.config()) {
        Ok(config) => config.allow,
        Err(error) => return vec![Finding::Settings(error)],
    };
    let is_managed = |allow: &Allow| managed.uid(&allow.account).is_some();
    let allowed = allowed.into_iter();
    allowed
        .map(|allow| match is_managed(&allow) {
            true => Finding::Allowed(allow),
            false => Finding::AllowedToNobody(allow),
        })
        .collect()
}
