//! Groups of hosts, as the CA enrolled them: what a search by group means.

use std::collections::{BTreeMap, BTreeSet};

use daypass_protocol::enrolment::{self, Record};
use daypass_protocol::strict_json;

use crate::checkpoints::{CheckpointError, CheckpointStore};
use crate::origin::Owner;

/// Groups named in a message, at most.
const NAMED: usize = 20;

/// Why groups have no hosts.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// No host was enrolled into it.
    #[error(
        "no host that this collector knows is in the group {group:?}; {}",
        hint(known)
    )]
    Unknown {
        /// The group.
        group: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The store.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

fn hint(known: &[String]) -> String {
    match known {
        [] => "no host is in any group: `daypass host token --group` makes one".to_owned(),
        [..] if known.len() > NAMED => format!(
            "there are {} groups, such as {}",
            known.len(),
            known[..NAMED].join(", ")
        ),
        [..] => format!("groups are {}", known.join(", ")),
    }
}

/// The hosts that are in any of these groups, by the newest record of each.
///
/// # Errors
/// When a group has no host, or the store cannot say.
pub fn members(
    checkpoints: &dyn CheckpointStore,
    groups: &[String],
) -> Result<BTreeSet<String>, GroupError> {
    let mut newest: BTreeMap<String, (i64, Vec<String>)> = BTreeMap::new();
    for (registration, _) in checkpoints.logs()? {
        let Owner::Host(host) = registration.log.owner() else {
            continue;
        };
        let of_host = newest
            .entry(host.to_string())
            .or_insert((i64::MIN, Vec::new()));
        if registration.registered < of_host.0 {
            continue;
        }
        // Every record was checked when it was shown.
        let record: Result<Record, _> =
            strict_json::parse_document(&registration.record, enrolment::MAX_DOCUMENT);
        let groups = record.map_or(Vec::new(), |record| record.groups);
        *of_host = (
            registration.registered,
            groups.iter().map(ToString::to_string).collect(),
        );
    }
    let mut found = BTreeSet::new();
    for group in groups {
        let hosts = newest
            .iter()
            .filter(|(_, (_, groups))| groups.contains(group));
        let hosts: Vec<String> = hosts.map(|(host, _)| host.clone()).collect();
        if hosts.is_empty() {
            let known: BTreeSet<&String> = newest.values().flat_map(|(_, groups)| groups).collect();
            return Err(GroupError::Unknown {
                group: group.clone(),
                known: known.into_iter().cloned().collect(),
            });
        }
        found.extend(hosts);
    }
    Ok(found)
}
