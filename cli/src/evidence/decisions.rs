//! The CA's own entries about windows must say what the windows and statements beside them say.

use std::collections::BTreeMap;

use daypass_protocol::statement::SignedStatement;
use daypass_protocol::window::WindowId;

use super::fault::{Damage, Fault};
use super::part::Part;
use super::records::Record;
use super::windows::{Gathered, Window};

/// The statement that an entry of a decision carries.
pub(super) fn statement_of(record: &Record) -> Option<SignedStatement> {
    let statement = record.detail("statement")?;
    if statement.is_object() {
        return serde_json::from_value(statement.clone()).ok();
    }
    Some(SignedStatement {
        statement: statement.as_str()?.to_owned(),
        signature: record.detail_text("signature")?.parse().ok()?,
    })
}

/// The window that an entry is about, when it is one of a decision.
pub(super) fn window_of(record: &Record) -> Option<WindowId> {
    let is_decision = record.action().starts_with("window.");
    is_decision.then(|| record.entry.text("/identity/window").parse().ok())?
}

/// Takes window and statement out of an entry.
pub(super) fn gather(record: &Record, windows: &mut BTreeMap<WindowId, Gathered>) {
    let Some(window) = window_of(record) else {
        return;
    };
    let gathered = windows.entry(window).or_default();
    if let Some(text) = record.detail_text("window") {
        gathered.document.get_or_insert_with(|| text.to_owned());
    }
    if let Some(statement) = statement_of(record) {
        gathered.say(statement);
    }
}

/// Compares what entries say with the parts.
pub(super) fn check(
    records: &[Record],
    windows: &BTreeMap<WindowId, Window>,
    faults: &mut Vec<Fault>,
) {
    for record in records {
        let Some((id, window)) = window_of(record).and_then(|id| Some((id, windows.get(&id)?)))
        else {
            continue;
        };
        let document = Part::Window { window: id };
        let differs =
            |field, other: String| Fault::new(&record.part(), Damage::Differs { field, other });
        if record
            .detail_text("window")
            .is_some_and(|text| text != window.frozen.text())
        {
            faults.push(differs("window", document.to_string()));
        }
        if record
            .detail_text("hash")
            .is_some_and(|hash| hash != window.frozen.hash().to_string())
        {
            faults.push(differs("hash", document.to_string()));
        }
        if let Some(statement) = statement_of(record)
            && !window.said.iter().any(|said| said.signed == statement)
        {
            faults.push(differs("statement", format!("windows/{id}/")));
        }
    }
}
