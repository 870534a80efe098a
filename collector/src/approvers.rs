//! Who let somebody in: what the CA says about the window. Hosts can write anything about anybody's windows.

use serde_json::Value;

use crate::collector::Collector;
use crate::index::query::{Order, Query};
use crate::origin::{Origin, Owner};

/// Entries about one window that are looked at.
const LOOK: usize = 20;

/// The people who approved this window; none when the CA's journal, as far as it is searchable here, does not say.
pub(crate) fn approvers(collector: &Collector, window: &str) -> Vec<String> {
    if window.is_empty() {
        return Vec::new();
    }
    let query = Query {
        windows: vec![window.to_owned()],
        actions: ["window.approved", "window.granted"]
            .map(str::to_owned)
            .to_vec(),
        // What the CA says of a window is about no host, and of a host's journal every entry is about that host: so none of
        // theirs can crowd these out.
        hosts: vec![String::new()],
        limit: LOOK,
        ..Query::all(Order::Newest)
    };
    let page = match collector.index().search(&query) {
        Ok(page) => page,
        Err(error) => {
            // An answer without the approver is better than none.
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "nobody can say who approved a window");
            return Vec::new();
        }
    };
    let mut people = Vec::new();
    for found in page.entries {
        let log = found.origin.parse::<Origin>();
        if !log.is_ok_and(|log| *log.owner() == Owner::Ca) {
            continue;
        }
        let entry: Value = serde_json::from_str(&found.entry).unwrap_or(Value::Null);
        if let Some(person) = entry["identity"]["person"].as_str().map(shown)
            && !people.contains(&person)
        {
            people.push(person);
        }
    }
    people
}

fn shown(name: &str) -> String {
    daypass_protocol::inert::inert(name)
        .chars()
        .take(100)
        .collect()
}
