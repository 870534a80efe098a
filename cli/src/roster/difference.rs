//! What a roster changes of people, keys and the recovery key: whoever signs it sees what is new, and not only what is there.

use daypass_protocol::roster::Roster;

use crate::diagnostic::hint;
use crate::output::changes;

/// The comparison with the roster before; the policy's is told by [`crate::policy::difference`].
pub(crate) fn of(before: &Roster, after: &Roster) -> String {
    let mut text = hint::roster_changes(before.number, &changes(&facts(before), &facts(after)));
    if before.recovery != after.recovery {
        text.push('\n');
        text.push_str(hint::OTHER_RECOVERY_KEY);
    }
    text
}

fn facts(roster: &Roster) -> Vec<String> {
    let mut facts = Vec::new();
    for person in &roster.people {
        let mut roles: Vec<_> = person.roles.iter().map(|role| role.as_str()).collect();
        roles.sort_unstable();
        facts.push(format!("{} is {}", person.name, roles.join(", ")));
        let keys = person.keys.iter();
        facts.extend(keys.map(|key| format!("{} signs with {}", person.name, key.fingerprint())));
    }
    facts.push(format!(
        "the recovery key is {}",
        roster.recovery.fingerprint()
    ));
    facts
}
