//! Who may depend on whom: what stands lower knows nothing of what stands above.

use serde_json::Value;

use crate::chores::error::{Error, Result};
use crate::chores::{say, workspace};

/// One member of the workspace and the members that it may depend on.
struct Member {
    name: &'static str,
    on: &'static [&'static str],
}

const ALLOWED: &[Member] = &[
    // The ground.
    Member {
        name: "daypass-gate",
        on: &[],
    },
    Member {
        name: "daypass-protocol",
        on: &[],
    },
    Member {
        name: "daypass-journal",
        on: &[],
    },
    Member {
        name: "daypass-transport",
        on: &[],
    },
    // Between: what several programs do with the ground floor.
    Member {
        name: "daypass-forward",
        on: &["daypass-protocol", "daypass-journal", "daypass-transport"],
    },
    // The programs, never on one another.
    Member {
        name: "daypass-pam",
        on: &["daypass-gate"],
    },
    Member {
        name: "daypass-agent",
        on: &[
            "daypass-gate",
            "daypass-protocol",
            "daypass-journal",
            "daypass-transport",
            "daypass-forward",
        ],
    },
    Member {
        name: "daypass-ca",
        on: FORWARDING,
    },
    // Its tests have journals forwarded to it.
    Member {
        name: "daypass-collector",
        on: FORWARDING,
    },
    Member {
        name: "daypass",
        on: PROGRAM,
    },
    // These run programs and link with none of them.
    Member {
        name: "daypass-server",
        on: &[],
    },
    Member {
        name: "daypass-tests",
        on: &[],
    },
    Member {
        name: "xtask",
        on: &["daypass-tests"],
    },
];

const PROGRAM: &[&str] = &["daypass-protocol", "daypass-journal", "daypass-transport"];
const FORWARDING: &[&str] = &[
    "daypass-protocol",
    "daypass-journal",
    "daypass-transport",
    "daypass-forward",
];

pub(super) fn check() -> Result<()> {
    let wrong = wrong_directions(&workspace::metadata()?);
    if wrong.is_empty() {
        return Ok(());
    }
    for line in &wrong {
        say::note(line);
    }
    Err(Error::Directions { wrong })
}

/// One line for each dependency, of any kind, that is not in the list.
fn wrong_directions(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    packages.iter().flat_map(of_package).collect()
}

fn of_package(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let Some(member) = ALLOWED.iter().find(|member| member.name == name) else {
        return vec![format!(
            "{name} is not in the list of members and what they may depend on"
        )];
    };
    let dependencies = package["dependencies"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let ours = dependencies
        .iter()
        .filter(|dependency| dependency["path"].is_string());
    ours.filter_map(|dependency| dependency["name"].as_str())
        .filter(|dependency| !member.on.contains(dependency))
        .map(|dependency| format!("{name} may not depend on {dependency}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, on: &[&str]) -> Value {
        let dependencies: Vec<Value> = on
            .iter()
            .map(|name| json!({"name": name, "path": "/x"}))
            .collect();
        json!({"packages": [{"name": name, "dependencies": dependencies}]})
    }

    #[test]
    fn a_program_that_depends_on_another_is_named() {
        let wrong = wrong_directions(&package(
            "daypass-ca",
            &["daypass-journal", "daypass-agent"],
        ));
        assert_eq!(wrong, ["daypass-ca may not depend on daypass-agent"]);
    }

    #[test]
    fn a_member_that_nobody_listed_is_named() {
        assert_eq!(wrong_directions(&package("daypass-common", &[])).len(), 1);
    }

    #[test]
    fn other_peoples_crates_are_no_concern_of_the_list() {
        let metadata = json!({"packages": [{"name": "daypass-gate", "dependencies": [{"name": "serde", "path": null}]}]});
        assert!(wrong_directions(&metadata).is_empty());
    }
}
