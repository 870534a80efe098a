//! The Elastic Common Schema, 9.4: <https://www.elastic.co/docs/reference/ecs>. The fields that are used here stand in
//! `tests/vectors/export/ecs-9.4.0.json`, and tests hold every document against them. What ECS has no field for is under
//! `daypass`.

use serde_json::{Map, Value, json};

use super::Source;

/// The version of the schema.
pub const VERSION: &str = "9.4.0";

/// The document that an entry is.
pub fn document(source: &Source<'_>) -> Value {
    let mut document = Document(Map::new());
    document.put("@timestamp", source.text("/time"));
    document.put("message", Some(source.message()));
    document.put("ecs.version", Some(VERSION));
    document.put("observer.vendor", Some("daypass"));
    document.put("observer.product", Some("daypass"));
    event(&mut document, source);
    document.put("host.name", source.host());
    document.put("service.name", source.text("/resource/service"));
    who(&mut document, source);
    document.put("process.command_line", source.command());
    ours(&mut document, source);
    Value::Object(document.0)
}

fn event(document: &mut Document, source: &Source<'_>) {
    let (category, kinds) = classify(source);
    document.put("event.kind", Some(kind(source)));
    document.put("event.category", category.map(|category| json!([category])));
    document.put("event.type", kinds.map(|kinds| json!(kinds)));
    document.put("event.action", Some(source.action()));
    document.put("event.outcome", Some(outcome(source)));
    document.put("event.code", source.text("/code"));
    document.put("event.reason", source.text("/reason"));
    document.put("event.id", source.uid());
    document.put("event.sequence", source.seq());
    document.put("event.provider", Some("daypass"));
    document.put("event.module", Some("daypass"));
    document.put("event.dataset", Some("daypass.journal"));
    document.put("event.original", Some(source.line()));
}

fn who(document: &mut Document, source: &Source<'_>) {
    let (account, person) = (
        source.text("/identity/account"),
        source.text("/identity/person"),
    );
    let (target, address) = (source.text("/resource/account"), source.address());
    document.put("user.name", account.or(person));
    document.put("user.full_name", person);
    let uid = source.value("/identity/uid").and_then(Value::as_u64);
    document.put("user.id", uid.map(|uid| uid.to_string()));
    if source.action().starts_with("sudo.") {
        document.put("user.effective.name", target);
    }
    document.put("source.ip", address);
    document.put("source.address", address);
    document.put("source.port", source.port());
    let users: Vec<_> = [account, person, target].into_iter().flatten().collect();
    document.put(
        "related.user",
        (!users.is_empty()).then(|| json!(distinct(users))),
    );
    document.put("related.ip", address.map(|address| json!([address])));
    document.put("related.hosts", source.host().map(|host| json!([host])));
}

/// Names as our own documents have them.
fn ours(document: &mut Document, source: &Source<'_>) {
    document.put("daypass.origin", source.origin());
    for (field, pointer) in [
        ("daypass.person", "/identity/person"),
        ("daypass.window", "/identity/window"),
        ("daypass.serial", "/identity/serial"),
        ("daypass.key", "/identity/key"),
        ("daypass.session", "/origin/session"),
        ("daypass.tty", "/origin/tty"),
        ("daypass.via", "/origin/via"),
        ("daypass.boot", "/boot"),
        ("daypass.detail", "/detail"),
    ] {
        document.put(field, source.value(pointer).cloned());
    }
}

fn distinct(values: Vec<&str>) -> Vec<&str> {
    values.into_iter().fold(Vec::new(), |mut distinct, value| {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
        distinct
    })
}

fn kind(source: &Source<'_>) -> &'static str {
    match source.action() {
        "agent.heartbeat" | "state.taken" | "alarm.over" => "state",
        "gate.absent" | "break-glass" => "alert",
        action if action.starts_with("alarm.") => "alert",
        _ => "event",
    }
}

fn outcome(source: &Source<'_>) -> &'static str {
    match source.text("/outcome") {
        Some("allowed" | "done") => "success",
        Some("denied" | "failed") => "failure",
        _ => "unknown",
    }
}

/// A category, and types that ECS expects in it; an entry that fits none has neither.
fn classify(source: &Source<'_>) -> (Option<&'static str>, Option<&'static [&'static str]>) {
    let (category, kinds): (_, &[_]) = match source.action() {
        "session.open" | "login.denied" => ("authentication", &["start"]),
        "session.close" | "session.end" => ("session", &["end"]),
        "session.extended" => ("session", &["info"]),
        "sudo.request" | "sudo.denied" => ("process", &["info"]),
        "sudo.start" => ("process", &["start"]),
        "sudo.end" => ("process", &["end"]),
        "account.managed" | "account.unmanaged" | "access.revoked" => ("iam", &["user", "change"]),
        "window.requested" | "window.granted" | "certificate.issued" | "person.invited" => {
            ("iam", &["creation"])
        }
        "window.ended" | "window.revoked" | "invitation.withdrawn" => ("iam", &["deletion"]),
        "window.approved" | "window.denied" | "roster.signed" | "invitation.accepted" => {
            ("iam", &["change"])
        }
        "certificate.refused" | "statement.refused" => ("iam", &["info"]),
        "host.token" | "host.enrolled" | "collector.added" | "log.registered" => {
            ("configuration", &["creation"])
        }
        "host.retired" | "collector.removed" => ("configuration", &["deletion"]),
        "ca.state-key" | "collector.witness-key" => ("configuration", &["change"]),
        "log.read" => ("api", &["access"]),
        "request.refused" | "upload.refused" | "host.refused" | "collector.refused"
        | "invitation.refused" => ("api", &["denied"]),
        "gate.absent" | "break-glass" => ("intrusion_detection", &["info"]),
        "agent.start" | "ca.start" | "collector.start" => ("host", &["start"]),
        "agent.stop" | "ca.stop" | "collector.stop" => ("host", &["end"]),
        action if action.starts_with("alarm.") => ("intrusion_detection", &["info"]),
        _ => return (None, None),
    };
    (Some(category), Some(kinds))
}

/// Fields by their dotted names, kept as nested objects.
struct Document(Map<String, Value>);

impl Document {
    fn put(&mut self, field: &str, value: Option<impl Into<Value>>) {
        let Some(value) = value else { return };
        let mut at = &mut self.0;
        let mut parts = field.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                at.insert(part.to_owned(), value.into());
                return;
            }
            let inner = at.entry(part).or_insert_with(|| Value::Object(Map::new()));
            match inner {
                Value::Object(inner) => at = inner,
                _ => return,
            }
        }
    }
}
