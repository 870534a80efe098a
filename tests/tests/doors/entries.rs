//! What the machines wrote in all of the rows before, held against the published schema.

#[path = "../../../protocol/tests/protocol/schema/checker.rs"]
#[allow(dead_code)] // journals in directories are the checker's other use
mod checker;

use std::collections::BTreeSet;
use std::time::Duration;

use daypass_tests::{CAROL, Result, Site, Wish};

use crate::Rows;
use crate::windows::carol_gets;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const ROWS: &Rows = &[(
    "every_entry_of_every_machine_is_as_the_schema_says",
    checked,
)];

fn checked(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    site.person(CAROL).ssh("deploy@db1", &["true"]).ok()?;
    let schema = checker::schema();
    let mut actions = BTreeSet::new();
    let machines = [
        ("db1", site.entries("db1")?),
        ("db2", site.entries("db2")?),
        ("the CA", site.servers_own_entries("ca")?),
        ("the collector", site.servers_own_entries("collector")?),
    ];
    for (machine, entries) in machines {
        assert!(!entries.is_empty(), "{machine} wrote nothing");
        for text in entries {
            let entry: serde_json::Value = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{machine}: {error}: {text}"));
            let faults = checker::faults(&schema, &entry);
            assert!(faults.is_empty(), "{machine}: {faults:?} in {text}");
            actions.insert(entry["action"].as_str().unwrap_or_default().to_owned());
        }
    }
    for action in ["session.open", "window.approved", "log.registered"] {
        assert!(
            actions.contains(action),
            "{action} is not among {actions:?}"
        );
    }
    Ok(())
}
