//! The newest roster that this machine has seen, so that a CA cannot show an older one later.

use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::roster::Chain;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Failure;
use crate::durable;
use crate::paths::Places;

/// The longest file that is read, bytes.
const LONGEST: u64 = 4096;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    ca: Pin,
    number: u64,
    hash: Digest,
}

/// Checks that `chain` holds the roster that was seen last, and remembers its newest.
pub(crate) fn check(places: &Places, chain: &Chain) -> Result<(), Failure> {
    let path = places.roster_memory();
    let newest = chain.newest();
    let remembered = durable::read(&path, LONGEST)?
        .map(|text| toml::from_str::<Memory>(&text))
        .transpose()
        .map_err(|source| Failure::BadConfig {
            path: path.clone(),
            source: Box::new(source),
        })?
        .filter(|memory| memory.ca == newest.pin());
    if let Some(memory) = remembered {
        let still_there = chain
            .rosters()
            .any(|roster| roster.number == memory.number && roster.hash() == memory.hash);
        if !still_there {
            return Err(Failure::OlderRoster {
                seen: memory.number,
                offered: newest.number,
            });
        }
        if memory.number == newest.number {
            return Ok(());
        }
    }
    let memory = Memory {
        ca: newest.pin(),
        number: newest.number,
        hash: newest.hash(),
    };
    let text = toml::to_string(&memory).map_err(|_| Failure::Unwritable { path: path.clone() })?;
    durable::write(&path, text.as_bytes(), 0o600)
}
