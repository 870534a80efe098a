//! Who may sign what: the rosters from the pin up, and the file for `ssh-keygen -Y verify` that follows from them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use daypass_protocol::digest::Pin;
use daypass_protocol::roster::{Role, Roster, SignedRoster, VerifiedRoster};
use daypass_protocol::sshsig::ROSTER;
use daypass_protocol::statement::Verb;
use daypass_protocol::time::{SKEW, Time};

use super::bundle::Bundle;
use super::fault::{Damage, Fault};
use super::part::Part;

/// Puts the rosters and what follows from them into a bundle.
pub(super) fn put(bundle: &mut Bundle, chain: &[SignedRoster], rosters: &[Roster]) {
    for (number, signed) in (1_u64..).zip(chain) {
        bundle.put(Part::Roster { number }, signed.roster.as_bytes());
        for (signature, text) in (1_u32..).zip(&signed.signatures) {
            bundle.put(
                Part::RosterSignature { number, signature },
                text.to_string(),
            );
        }
    }
    bundle.put(Part::AllowedSigners, allowed_signers(rosters.iter()));
}

/// The rosters of a bundle, each put in force by the one before and the first by the pin.
pub(super) fn check(bundle: &Bundle, pin: Pin) -> Result<Vec<VerifiedRoster>, Fault> {
    let mut rosters: Vec<VerifiedRoster> = Vec::new();
    for number in 1_u64.. {
        let part = Part::Roster { number };
        let Some(bytes) = bundle.bytes(&part) else {
            break;
        };
        let text = std::str::from_utf8(bytes).map_err(|_| Fault::new(&part, Damage::NotText))?;
        let mut signed = SignedRoster::unsigned(text);
        for signature in 1_u32.. {
            let part = Part::RosterSignature { number, signature };
            let Some(text) = bundle.bytes(&part) else {
                break;
            };
            let text = std::str::from_utf8(text).map_err(|_| Fault::new(&part, Damage::NotText))?;
            signed.signatures.push(
                text.parse()
                    .map_err(|error: daypass_protocol::sshsig::Error| Fault::new(&part, error))?,
            );
        }
        let verified = match rosters.last() {
            None => VerifiedRoster::genesis(pin, &signed),
            Some(before) => before.successor(&signed),
        };
        rosters.push(verified.map_err(|error| Fault::new(&part, error))?);
    }
    if rosters.is_empty() {
        let part = Part::Roster { number: 1 }.to_string();
        return Err(Fault::of_bundle(Damage::Missing { part }));
    }
    let expected = allowed_signers(rosters.iter().map(|roster| &**roster));
    match bundle.bytes(&Part::AllowedSigners) {
        Some(found) if found == expected.as_bytes() => Ok(rosters),
        Some(_) => Err(Fault::new(&Part::AllowedSigners, Damage::NotDerived)),
        None => Err(Fault::of_bundle(Damage::Missing {
            part: Part::AllowedSigners.to_string(),
        })),
    }
}

/// The rosters by which something said at this time may be judged: the one in force at that second, and one that came
/// within a minute after it, by clocks a little apart.
pub(super) fn in_force(
    rosters: &[VerifiedRoster],
    time: Time,
) -> impl Iterator<Item = &VerifiedRoster> {
    let dated = move |time: Time| {
        let dated = rosters.iter().rev().find(|roster| roster.time <= time);
        dated.or(rosters.first())
    };
    let (then, soon) = (dated(time), dated(time.plus(SKEW)));
    then.into_iter().chain(soon)
}

/// Which parts of the people's a bundle has beyond those that [`check`] read.
pub(super) fn is_used(part: &Part, rosters: &[VerifiedRoster]) -> bool {
    match part {
        Part::AllowedSigners => true,
        Part::Roster { number } | Part::RosterSignature { number, .. } => {
            (1..=rosters.len() as u64).contains(number)
        }
        _ => false,
    }
}

/// The lines of an `allowed_signers` file: every key that ever stood in a roster, for what its holder's roles allow.
fn allowed_signers<'a>(rosters: impl Iterator<Item = &'a Roster>) -> String {
    let mut lines: BTreeMap<(String, String), (BTreeSet<&'static str>, u64, u64)> = BTreeMap::new();
    for roster in rosters {
        let mut add = |name: &str, key: String, namespaces: Vec<&'static str>| {
            let line =
                lines
                    .entry((name.to_owned(), key))
                    .or_insert((BTreeSet::new(), roster.number, 0));
            line.0.extend(namespaces);
            line.2 = roster.number;
        };
        for person in &roster.people {
            let namespaces: Vec<&str> = person
                .roles
                .iter()
                .flat_map(|role| namespaces_of(*role))
                .collect();
            for key in &person.keys {
                add(person.name.as_str(), key.to_string(), namespaces.clone());
            }
        }
        add(RECOVERY, roster.recovery.to_string(), vec![ROSTER]);
    }
    lines.into_iter().fold(
        String::new(),
        |mut text, ((name, key), (namespaces, first, last))| {
            let namespaces: Vec<&str> = namespaces.into_iter().collect();
            let namespaces = namespaces.join(",");
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{name} namespaces=\"{namespaces}\" {key} rosters-{first}-to-{last}"
            );
            text
        },
    )
}

/// The principal of recovery keys; no person's name has a colon.
const RECOVERY: &str = "recovery:key";

fn namespaces_of(role: Role) -> Vec<&'static str> {
    let verbs: &[Verb] = match role {
        Role::Contractor => &[Verb::Request, Verb::End],
        Role::Approver => &Verb::ALL,
        Role::Admin => &[Verb::End, Verb::Revoke],
        Role::Auditor => &[],
    };
    let mut namespaces: Vec<&str> = verbs.iter().map(|verb| verb.namespace()).collect();
    if role == Role::Admin {
        namespaces.push(ROSTER);
    }
    namespaces
}
