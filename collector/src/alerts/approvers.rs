//! Who let somebody in: what entries about the window say.

use serde_json::Value;

use super::subject::Subject;
use crate::collector::Collector;
use crate::index::query::{Order, Query};

/// Entries about one window that are looked at.
const LOOK: usize = 20;

/// The people who approved the window that an entry names; none when it names none, or nobody knows.
pub(super) fn approvers(collector: &Collector, subject: &Subject<'_>) -> Vec<String> {
    let source = subject.source();
    if let Some(named) = source.value("/detail/approved_by") {
        return names(named);
    }
    let Some(window) = source.text("/identity/window") else {
        return Vec::new();
    };
    let query = Query {
        windows: vec![window.to_owned()],
        actions: ["session.open", "window.approved", "window.granted"]
            .map(str::to_owned)
            .to_vec(),
        limit: LOOK,
        ..Query::all(Order::Newest)
    };
    let page = match collector.index().search(&query) {
        Ok(page) => page,
        Err(error) => {
            // An alert without its approver is better than none.
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "an alert does not say who approved the window");
            return Vec::new();
        }
    };
    let mut people = Vec::new();
    for found in page.entries {
        let entry: Value = serde_json::from_str(&found.entry).unwrap_or(Value::Null);
        let said = match entry["action"].as_str() {
            Some("session.open") => names(&entry["detail"]["approved_by"]),
            _ => entry["identity"]["person"]
                .as_str()
                .map(shown)
                .into_iter()
                .collect(),
        };
        for person in said {
            if !people.contains(&person) {
                people.push(person);
            }
        }
    }
    people
}

fn names(value: &Value) -> Vec<String> {
    let listed = value.as_array().into_iter().flatten();
    listed
        .filter_map(Value::as_str)
        .take(LOOK)
        .map(shown)
        .collect()
}

fn shown(name: &str) -> String {
    daypass_protocol::inert::inert(name)
        .chars()
        .take(100)
        .collect()
}
