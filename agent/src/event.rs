//! The events that the agent itself writes, apart from those of the gates.

use daypass_protocol::event::{Action, Event, Identity, Outcome, Resource};

use daypass_protocol::name::HostName;

use crate::break_glass::Glass;
use crate::invoker::invoker;

/// Something that happened to this host as a whole.
#[must_use]
pub fn of_host(action: Action, host: &HostName) -> Event {
    Event::new(action).on(Resource {
        host: Some(host.clone()),
        ..Resource::default()
    })
}

/// The clock was set by this much, in seconds.
#[must_use]
pub fn clock_step(host: &HostName, seconds: i64) -> Event {
    of_host(Action::ClockStep, host)
        .outcome(Outcome::Done)
        .because(
            "clock-set",
            format!("this host's clock was set by {seconds} seconds"),
        )
        .detail("seconds", seconds)
}

/// An account was put under management.
#[must_use]
pub fn managed(host: Option<HostName>, uid: u32, names: &[String]) -> Event {
    of_account(Action::AccountManaged, host, uid, names)
}

/// An account was taken out of management.
#[must_use]
pub fn unmanaged(host: Option<HostName>, uid: u32, names: &[String]) -> Event {
    of_account(Action::AccountUnmanaged, host, uid, names)
}

/// Local root let accounts go for a while.
#[must_use]
pub fn glass_broken(host: Option<HostName>, glass: &Glass) -> Event {
    of_glass(host, glass).because("glass-broken", format!("accounts let go: {}", glass.reason))
}

/// Local root tried to, and nothing was opened.
#[must_use]
pub fn glass_not_broken(host: Option<HostName>, glass: &Glass, why: &str) -> Event {
    of_glass(host, glass).outcome(Outcome::Failed).because(
        "glass-not-broken",
        format!(
            "no account was let go ({why}), for which somebody said: {}",
            glass.reason
        ),
    )
}

/// Their time is over, or root took them back.
#[must_use]
pub fn glass_whole(host: Option<HostName>, glass: &Glass) -> Event {
    of_glass(host, glass).because(
        "glass-whole",
        format!(
            "accounts taken back, let go at {}: {}",
            glass.since, glass.reason
        ),
    )
}

fn of_glass(host: Option<HostName>, glass: &Glass) -> Event {
    let invoker = invoker();
    let names: Vec<_> = glass.names().map(str::to_owned).collect();
    Event::new(Action::BreakGlass)
        .outcome(Outcome::Done)
        .by(Identity {
            account: invoker.account,
            uid: Some(invoker.uid),
            ..Identity::default()
        })
        .on(Resource {
            host,
            ..Resource::default()
        })
        .detail("names", names)
        .detail("since", glass.since.to_string())
        .detail("until", glass.until.to_string())
}

fn of_account(action: Action, host: Option<HostName>, uid: u32, names: &[String]) -> Event {
    let invoker = invoker();
    Event::new(action)
        .outcome(Outcome::Done)
        .by(Identity {
            account: invoker.account,
            uid: Some(invoker.uid),
            ..Identity::default()
        })
        .on(Resource {
            host,
            account: names.first().cloned(),
            ..Resource::default()
        })
        .detail("uid", uid)
        .detail("names", names.to_vec())
}
