//! The events that the agent itself writes, apart from those of the gates.

use daypass_protocol::event::{Action, Event, Identity, Outcome, Resource};

use crate::invoker::invoker;

/// An account was put under management.
#[must_use]
pub fn managed(uid: u32, names: &[String]) -> Event {
    of_account(Action::AccountManaged, uid, names)
}

/// An account was taken out of management.
#[must_use]
pub fn unmanaged(uid: u32, names: &[String]) -> Event {
    of_account(Action::AccountUnmanaged, uid, names)
}

fn of_account(action: Action, uid: u32, names: &[String]) -> Event {
    let invoker = invoker();
    Event::new(action)
        .outcome(Outcome::Done)
        .by(Identity {
            account: invoker.account,
            uid: Some(invoker.uid),
            ..Identity::default()
        })
        .on(Resource {
            account: names.first().cloned(),
            ..Resource::default()
        })
        .detail("uid", uid)
        .detail("names", names.to_vec())
}
