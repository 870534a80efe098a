//! Whether the document that the CA froze says what was wished for.
//!
//! A signature binds its signer to every field, so every field is compared. Nothing that the CA adds by itself is
//! taken on faith but the window's id, and which hosts a group holds today: those are shown.

use std::collections::BTreeSet;

use daypass_protocol::api::{Host, HostOrGroup, Wish};
use daypass_protocol::key::{Fingerprint, Key};
use daypass_protocol::name::HostName;
use daypass_protocol::roster::VerifiedRoster;
use daypass_protocol::window::Window;

use crate::ca::enrolled;
use crate::diagnostic::Failure;

/// Checks `window` against `wish`; the failure names the field that differs.
pub(super) fn check(
    wish: &Wish,
    window: &Window,
    roster: &VerifiedRoster,
    hosts: &[Host],
) -> Result<(), Failure> {
    let policy = &roster.policy;
    let agreed = [
        ("ca", window.ca == roster.pin()),
        (
            "contractor",
            wish.contractor.as_ref() == Some(&window.contractor),
        ),
        ("keys", keys_agree(window, roster)),
        (
            "hosts",
            window.hosts.iter().collect::<BTreeSet<_>>() == expected_hosts(&wish.hosts, hosts),
        ),
        ("accounts", same(&window.accounts, &wish.accounts)),
        ("sudo", same(&window.sudo, &wish.sudo)),
        ("starts", window.starts == wish.starts),
        ("ends", window.ends == wish.ends),
        ("hours", window.hours == wish.hours),
        ("sources", window.sources == wish.sources),
        ("permit", same(&window.permit, &wish.permit)),
        ("force_command", window.force_command == wish.force_command),
        ("max_certificate_ttl", {
            let most = wish
                .max_certificate_ttl
                .unwrap_or(policy.max_certificate_ttl);
            window.max_certificate_ttl <= most
        }),
        ("reason", window.reason == wish.reason),
        ("ticket", window.ticket == wish.ticket),
        ("extends", window.extends == wish.extends),
    ];
    match agreed.into_iter().find(|(_, agrees)| !agrees) {
        Some((field, _)) => Err(Failure::OtherWindow { field }),
        None => Ok(()),
    }
}

/// Whether every key is one that the roster, which the CA cannot forge, lists for the contractor.
fn keys_agree(window: &Window, roster: &VerifiedRoster) -> bool {
    let Some(person) = roster.person(&window.contractor) else {
        return false;
    };
    let theirs: Vec<Fingerprint> = person.keys.iter().map(Key::fingerprint).collect();
    !window.keys.is_empty() && window.keys.iter().all(|key| theirs.contains(key))
}

/// The enrolled names behind names, aliases and groups.
fn expected_hosts<'a>(wished: &'a [HostOrGroup], hosts: &'a [Host]) -> BTreeSet<&'a HostName> {
    let mut expected = BTreeSet::new();
    for wish in wished {
        match wish {
            HostOrGroup::Host(name) => {
                expected.insert(enrolled(hosts, name).map_or(name, |host| &host.name));
            }
            HostOrGroup::Group(group) => {
                expected.extend(
                    hosts
                        .iter()
                        .filter(|host| host.groups.contains(group))
                        .map(|host| &host.name),
                );
            }
        }
    }
    expected
}

fn same<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.len() == other.len() && one.iter().all(|item| other.contains(item))
}

#[cfg(test)]
mod tests;
