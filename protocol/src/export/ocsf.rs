//! OCSF 1.5.0: <https://schema.ocsf.io/1.5.0>. The schema's part that is used here stands in
//! `tests/vectors/export/ocsf-1.5.0.json`, and tests hold every event against it.

mod class;
mod objects;

use serde_json::{Map, Value, json};

use super::Source;
use class::Kind;

/// The version of the schema.
pub const VERSION: &str = "1.5.0";

/// The event that an entry is. What its class demands and the entry does not say makes it a base event.
pub fn event(source: &Source<'_>) -> Value {
    let kind = Kind::of(source.action());
    let specific = objects::specific(&kind, source);
    let kind = match specific {
        Some(_) => kind,
        None => Kind::other(),
    };
    let mut event = common(&kind, source);
    event.extend(specific.unwrap_or_default());
    Value::Object(event)
}

fn common(kind: &Kind, source: &Source<'_>) -> Map<String, Value> {
    let (class, activity) = (kind.class, kind.activity);
    let (severity_id, severity) = severity(source);
    let (status_id, status) = status(source);
    let mut event = object(json!({
        "activity_id": activity.id,
        "activity_name": activity.name,
        "category_uid": class.category().0,
        "category_name": class.category().1,
        "class_uid": class.uid(),
        "class_name": class.name(),
        "type_uid": class.uid() * 100 + activity.id,
        "type_name": format!("{}: {}", class.name(), activity.name),
        "time": source.micros().unwrap_or_default() / 1000,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "message": source.message(),
        "metadata": metadata(source),
        "raw_data": source.line(),
    }));
    put(&mut event, "status_code", source.text("/code"));
    put(&mut event, "status_detail", source.text("/reason"));
    put(&mut event, "device", source.host().map(objects::device));
    put(&mut event, "actor", objects::actor(source));
    put(&mut event, "unmapped", unmapped(source));
    event
}

fn metadata(source: &Source<'_>) -> Value {
    let mut metadata = object(json!({
        "version": VERSION,
        "product": {"name": "daypass", "vendor_name": "daypass"},
        "profiles": ["host"],
        "event_code": source.action(),
    }));
    put(&mut metadata, "uid", source.uid());
    put(&mut metadata, "sequence", source.seq());
    put(&mut metadata, "log_name", source.origin());
    put(&mut metadata, "original_time", source.text("/time"));
    Value::Object(metadata)
}

/// What OCSF has no word for.
fn unmapped(source: &Source<'_>) -> Option<Value> {
    let mut unmapped = Map::new();
    for (key, pointer) in [
        ("window", "/identity/window"),
        ("certificate_serial", "/identity/serial"),
        ("key", "/identity/key"),
        ("session", "/origin/session"),
        ("via", "/origin/via"),
        ("detail", "/detail"),
    ] {
        put(&mut unmapped, key, source.value(pointer).cloned());
    }
    (!unmapped.is_empty()).then_some(Value::Object(unmapped))
}

fn severity(source: &Source<'_>) -> (u64, &'static str) {
    let action = source.action();
    match (action, source.text("/outcome")) {
        ("alarm.over", _) => (1, "Informational"),
        ("alarm.silence" | "gate.absent" | "break-glass", _) => (4, "High"),
        _ if action.starts_with("alarm.") => (5, "Critical"),
        (_, Some("denied")) => (3, "Medium"),
        (_, Some("failed")) => (2, "Low"),
        _ => (1, "Informational"),
    }
}

fn status(source: &Source<'_>) -> (u64, &'static str) {
    match source.text("/outcome") {
        Some("allowed" | "done") => (1, "Success"),
        Some("denied" | "failed") => (2, "Failure"),
        _ => (0, "Unknown"),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

fn put(object: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), value.into());
    }
}
