//! What the journal is told of states: what each changed, and why one was not taken over.

use std::time::SystemTime;

use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::name::HostName;
use daypass_protocol::time::Time;

use super::Failed;
use crate::event;
use crate::state::{self, Changes, Known};

pub(super) fn taken(host: &HostName, known: &Known, changes: &Changes) -> Event {
    let state = known.state();
    let mut event = event::of_host(Action::StateTaken, host)
        .outcome(Outcome::Done)
        .detail("number", state.number)
        .detail("incarnation", state.incarnation.to_string())
        .detail("roster", state.roster.number);
    if changes.stops > 0 {
        event = event.detail("new_stops", changes.stops);
    }
    if changes.narrowed > 0 {
        event = event.detail("new_narrowings", changes.narrowed);
    }
    if changes.revoked > 0 {
        event = event.detail("new_revocations", changes.revoked);
    }
    if changes.unusable > 0 {
        event = event.detail("unusable_stops", changes.unusable);
    }
    if changes.user_ca {
        let keys: Vec<_> = state
            .user_ca
            .iter()
            .map(|key| key.fingerprint().to_string())
            .collect();
        event = event.detail("user_ca", keys);
    }
    event
}

pub(super) fn memory_full(host: &HostName, count: usize) -> Event {
    let event = event::of_host(Action::AlarmMemory, host).detail("without_place", count);
    if count == 0 {
        return event.outcome(Outcome::Done).because(
            "memory-has-room",
            "everything that was revoked is remembered again",
        );
    }
    event.outcome(Outcome::Failed).because(
        "memory-full",
        format!(
            "there is no room to remember {count} more statements that revoke, end or narrow something: they count only \
             as long as the CA announces them"
        ),
    )
}

pub(super) fn not_taken(host: &HostName, failed: &Failed) -> Event {
    if let Failed::State(state::Error::RosterFork {
        number,
        held,
        offered,
    }) = failed
    {
        return event::of_host(Action::AlarmRosterFork, host)
            .outcome(Outcome::Failed)
            .because(failed.code(), failed.to_string())
            .detail("roster", *number)
            .detail("held", held.to_string())
            .detail("offered", offered.to_string());
    }
    event::of_host(Action::StateTaken, host)
        .outcome(Outcome::Failed)
        .because(failed.code(), failed.to_string())
        .detail("since", Time::from(SystemTime::now()).to_string())
}

/// A roster that no admin signed.
pub(super) fn recovered(host: &HostName, number: u64) -> Event {
    event::of_host(Action::AlarmRecovery, host)
        .outcome(Outcome::Done)
        .because(
            "recovery-key-used",
            format!("roster {number} was signed by the recovery key, by no admin"),
        )
        .detail("roster", number)
}
