//! `/v1/roster`

use daypass_protocol::api::{RosterNumber, Rosters};
use daypass_protocol::event::{Action, Identity, Outcome};
use daypass_protocol::key::Key;
use daypass_protocol::roster::{self, SignedRoster};
use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::authority::Authority;
use crate::store::StoredRoster;

/// The chain.
pub(super) fn show(authority: &Authority, _: &Call) -> Result<Reply, Refusal> {
    Reply::of(&Rosters {
        chain: authority.roll().signed().to_vec(),
    })
}

/// Takes the next roster over. Who sends it does not matter: it carries the signatures that put it in force, and a
/// recovery key has no name to send it under.
pub(super) fn take(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let next: SignedRoster = call.read()?;
    let number = {
        let _alone = authority.deciding();
        let roll = authority.roll().with(next.clone())?;
        refuse_revoked(authority, call, &next)?;
        let number = roll.number();
        // A roster is too long for an entry: it stands beside, for evidence.
        let text = serde_json::to_vec(&next).map_err(|error| Refusal::failure(&error))?;
        let document = json!({"length": text.len(), "sha256": authority.ledger().keep(&text)?});
        let stored = StoredRoster {
            number,
            roster: next.roster,
            signatures: next.signatures.iter().map(ToString::to_string).collect(),
        };
        let mut event = call
            .event(Action::RosterSigned, Outcome::Done)
            .detail("number", number)
            .detail("document", document);
        if let Some(roster) = roll.newest() {
            event = event
                .detail("hash", roster.hash().to_string())
                .detail("signers", signers(roster.authority()));
        }
        let now = authority.now().unix();
        authority.decide(move |tx| {
            if stored.number == 1 {
                tx.sign_first_roster(&stored.signatures, now)?;
            } else {
                tx.add_roster(&stored, now)?;
            }
            Ok::<_, Refusal>(((), event))
        })?;
        let is_recovery = roll
            .newest()
            .is_some_and(|roster| *roster.authority() == roster::Authority::Recovery);
        authority.replace_roll(roll);
        if is_recovery {
            alarm(authority, call, number)?;
        }
        number
    };
    authority.announce()?;
    Reply::of(&RosterNumber { number })
}

fn signers(authority: &roster::Authority) -> Value {
    match authority {
        roster::Authority::Admins(names) => json!(names),
        roster::Authority::Recovery => json!("recovery"),
    }
}

/// Whoever has a key that was revoked signs no roster with it, whatever the roster says of it.
fn refuse_revoked(authority: &Authority, call: &Call, next: &SignedRoster) -> Result<(), Refusal> {
    let keys = next.signed_with().map_err(|error| {
        // The chain has verified them already.
        Refusal::failure(&error)
    })?;
    let revoked = authority.revoked();
    let Some(key) = keys
        .iter()
        .map(Key::fingerprint)
        .find(|key| revoked.names_key(*key))
    else {
        return Ok(());
    };
    let refusal = Refusal::forbidden(
        "key-revoked",
        format!("the roster is signed with {key}, which was revoked; sign it with another key"),
    );
    let identity = Identity {
        key: Some(key),
        ..Identity::default()
    };
    let event = call
        .event_about(Action::StatementRefused, Outcome::Denied, identity)
        .because(refusal.code, &refusal.message);
    authority.note(&event)?;
    Err(refusal)
}

/// No admin signed this roster: whoever holds the recovery key has the roster now, and everybody is to hear of it.
fn alarm(authority: &Authority, call: &Call, number: u64) -> Result<(), Refusal> {
    tracing::error!(
        number,
        "ALARM: a roster was signed by the recovery key, by no admin"
    );
    let event = call
        .event(Action::AlarmRecovery, Outcome::Done)
        .because(
            "recovery-key-used",
            format!("roster {number} was signed by the recovery key, by no admin"),
        )
        .detail("roster", number);
    Ok(authority.note(&event)?)
}
