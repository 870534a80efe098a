//! The objects that events are made of.

use serde_json::{Map, Value, json};

use super::class::{Class, Kind};
use super::{object, put};
use crate::export::Source;

/// What the class demands beside what is common to all; `None` when the entry does not say it.
pub(super) fn specific(kind: &Kind, source: &Source<'_>) -> Option<Map<String, Value>> {
    let mut event = Map::new();
    match kind.class {
        Class::Base => {}
        Class::Authentication => {
            let (service, host) = (source.text("/resource/service"), source.host());
            service.or(host)?;
            event.insert("user".to_owned(), user(source)?);
            put(
                &mut event,
                "service",
                service.map(|name| json!({"name": name})),
            );
            put(
                &mut event,
                "dst_endpoint",
                host.map(|host| json!({"hostname": host})),
            );
            put(&mut event, "src_endpoint", endpoint(source));
            put(&mut event, "session", session(source));
            event.insert("is_remote".to_owned(), (service == Some("sshd")).into());
        }
        Class::AuthorizeSession => {
            let privilege = source
                .command()
                .or_else(|| source.text("/identity/window").map(str::to_owned))?;
            event.insert("user".to_owned(), user(source)?);
            event.insert("privileges".to_owned(), json!([privilege]));
            put(
                &mut event,
                "dst_endpoint",
                source.host().map(|host| json!({"hostname": host})),
            );
            put(&mut event, "src_endpoint", endpoint(source));
            put(&mut event, "session", session(source));
        }
        Class::Process => {
            // Common to all where it is known; here nothing goes without.
            source.host().and(actor(source))?;
            event.insert("process".to_owned(), process(source)?);
        }
        Class::AccountChange => {
            event.insert("user".to_owned(), changed(source)?);
            put(&mut event, "src_endpoint", endpoint(source));
        }
        Class::EntityManagement => {
            event.insert("entity".to_owned(), entity(kind, source)?);
            put(&mut event, "src_endpoint", endpoint(source));
        }
        Class::Application => {
            let name = match source.action().split('.').next() {
                Some("ca") => "daypass-ca",
                Some("collector") => "daypass-collector",
                _ => "daypass-agent",
            };
            event.insert(
                "app".to_owned(),
                json!({"name": name, "vendor_name": "daypass"}),
            );
        }
        Class::Finding => {
            let uid = source
                .uid()
                .or_else(|| source.seq().map(|seq| seq.to_string()))?;
            event.insert(
                "finding_info".to_owned(),
                json!({"uid": uid, "title": source.action(), "desc": source.message()}),
            );
            event.insert(
                "is_alert".to_owned(),
                (source.action() != "alarm.over").into(),
            );
        }
    }
    Some(event)
}

/// Whoever's account it is: the account, the person behind it, the key.
fn user(source: &Source<'_>) -> Option<Value> {
    let mut user = Map::new();
    let (account, person) = (
        source.text("/identity/account"),
        source.text("/identity/person"),
    );
    put(&mut user, "name", account.or(person));
    let uid = source.value("/identity/uid").and_then(Value::as_u64);
    put(&mut user, "uid", uid.map(|uid| uid.to_string()));
    (!user.is_empty()).then_some(())?;
    put(&mut user, "full_name", person);
    put(&mut user, "credential_uid", source.text("/identity/key"));
    Some(Value::Object(user))
}

/// Whom a change of accounts is about: what the entry names, else who it is about.
fn changed(source: &Source<'_>) -> Option<Value> {
    let named = ["/resource/account", "/detail/subject", "/detail/account"];
    match named.iter().find_map(|pointer| source.text(pointer)) {
        Some(name) => Some(json!({"name": name})),
        None => user(source),
    }
}

pub(super) fn actor(source: &Source<'_>) -> Option<Value> {
    let mut actor = Map::new();
    put(&mut actor, "user", user(source));
    put(&mut actor, "session", session(source));
    (!actor.is_empty()).then_some(Value::Object(actor))
}

/// A host; of what type its machine is nobody says.
pub(super) fn device(host: &str) -> Value {
    json!({"hostname": host, "name": host, "type_id": 0, "type": "Unknown"})
}

fn endpoint(source: &Source<'_>) -> Option<Value> {
    let mut endpoint = object(json!({"ip": source.address()?}));
    put(&mut endpoint, "port", source.port());
    Some(Value::Object(endpoint))
}

fn session(source: &Source<'_>) -> Option<Value> {
    let mut session = Map::new();
    put(&mut session, "uid", source.text("/origin/session"));
    put(&mut session, "terminal", source.text("/origin/tty"));
    put(
        &mut session,
        "credential_uid",
        source.text("/identity/serial"),
    );
    (!session.is_empty()).then_some(Value::Object(session))
}

/// A sudo's command. The journal knows no process id that lasts, so its own number names it.
fn process(source: &Source<'_>) -> Option<Value> {
    let uid = source
        .uid()
        .or_else(|| source.seq().map(|seq| seq.to_string()))?;
    let mut process = object(json!({"uid": uid, "cmd_line": source.command()?}));
    put(
        &mut process,
        "user",
        source
            .text("/resource/account")
            .map(|name| json!({"name": name})),
    );
    put(&mut process, "session", session(source));
    Some(Value::Object(process))
}

fn entity(kind: &Kind, source: &Source<'_>) -> Option<Value> {
    let (uid, name) = match kind.entity {
        "Window" => (source.text("/identity/window"), None),
        "Certificate" => (
            source.text("/identity/serial"),
            source.text("/identity/window"),
        ),
        "Roster" => (source.text("/detail/hash"), None),
        "Join token" => (source.text("/detail/token"), source.text("/resource/host")),
        "Host" => (None, source.text("/resource/host")),
        "Collector" => (source.text("/detail/witness"), source.text("/detail/url")),
        _ => (source.text("/detail/log"), None),
    };
    uid.or(name)?;
    let mut entity = object(json!({"type": kind.entity}));
    put(&mut entity, "uid", uid);
    put(&mut entity, "name", name);
    Some(Value::Object(entity))
}
