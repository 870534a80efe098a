//! `docs/formats/collector-openapi.json` against the program: the same routes, the same people, and answers that fit.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use daypass_collector::api::routes::{Access, Method, ROUTES, Route};
use daypass_transport::client::Request;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::site::Site;

fn document() -> Value {
    let text = include_str!("../../../docs/formats/collector-openapi.json");
    serde_json::from_str(text).unwrap()
}

fn word(route: &Route) -> &'static str {
    match route.method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Put => "put",
    }
}

fn operation<'a>(document: &'a Value, route: &Route) -> &'a Value {
    &document["paths"][route.path][word(route)]
}

#[test]
fn every_route_stands_in_the_document_and_nothing_else_does() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let written: BTreeSet<(&str, &str)> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| (path.as_str(), method.as_str()))
        })
        .collect();
    let routes = ROUTES.iter().map(|route| (route.path, word(route)));
    assert_eq!(written, routes.collect());
    for route in ROUTES {
        let operation = operation(&document, route);
        let has_body = operation.get("requestBody").is_some();
        assert_eq!(has_body, route.method != Method::Get, "{}", route.path);
        let named: BTreeSet<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let in_path: BTreeSet<&str> = route
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(named, in_path, "{}", route.path);
    }
}

#[test]
fn the_document_says_who_may_use_each_route() {
    let document = document();
    for route in ROUTES {
        let operation = operation(&document, route);
        let (who, scheme) = match route.access {
            Access::Anyone => ("anyone".to_owned(), None),
            Access::Owner => ("owner".to_owned(), Some("machine")),
            Access::Machine => ("machine".to_owned(), Some("machine")),
            Access::People([]) => ("person".to_owned(), Some("person")),
            Access::People(roles) => {
                let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
                (roles.join(", "), Some("person"))
            }
        };
        assert_eq!(operation["x-daypass-who"], who, "{}", route.path);
        let schemes = operation["security"].as_array().unwrap();
        let schemes: Vec<&String> = schemes
            .iter()
            .flat_map(|either| either.as_object().unwrap().keys())
            .collect();
        assert_eq!(
            schemes,
            scheme.into_iter().collect::<Vec<_>>(),
            "{}",
            route.path
        );
    }
}

#[test]
fn every_reference_leads_to_a_schema() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let named = schemas
        .keys()
        .map(|name| format!("#/components/schemas/{name}"));
    assert_eq!(found, named.collect());
}

/// As much of JSON Schema as the document uses. Every key that is seen is noted: what no answer has nothing keeps true.
fn fits(document: &Value, at: &str, schema: &Value, value: &Value, seen: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        let schema = &document["components"]["schemas"][name];
        return fits(document, name, schema, value, seen);
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at}: {value}");
    }
    match schema["type"].as_str() {
        Some("object") => {
            assert_eq!(schema["additionalProperties"], false, "{at}");
            let value = value.as_object().unwrap_or_else(|| panic!("{at}"));
            for key in schema["required"].as_array().unwrap() {
                assert!(
                    value.contains_key(key.as_str().unwrap()),
                    "{at} lacks {key}"
                );
            }
            for (key, value) in value {
                let inner = schema["properties"].get(key);
                let inner = inner.unwrap_or_else(|| panic!("{at} does not have {key}"));
                let at = format!("{at}/{key}");
                seen.insert(at.clone());
                fits(document, &at, inner, value, seen);
            }
        }
        Some("array") => {
            for item in value.as_array().unwrap_or_else(|| panic!("{at}")) {
                fits(document, at, &schema["items"], item, seen);
            }
        }
        Some("string") => assert!(value.is_string(), "{at}"),
        Some("integer") => assert!(value.is_u64(), "{at}"),
        Some("boolean") => assert!(value.is_boolean(), "{at}"),
        // A number, or none.
        None => assert!(value.is_u64() || value.is_null(), "{at}"),
        Some(other) => panic!("{at}: {other}"),
    }
}

/// Answers, and which routes gave them.
struct Answers {
    document: Value,
    routes: BTreeSet<(String, String)>,
    seen: BTreeSet<String>,
}

impl Answers {
    fn take(&mut self, method: &str, path: &str, answer: &Value) {
        let operation = &self.document["paths"][path][method];
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path}");
        fits(&self.document, path, schema, answer, &mut self.seen);
        self.routes.insert((method.to_owned(), path.to_owned()));
    }

    fn ask(&mut self, site: &Site, path: &str, query: &str) -> Value {
        let answer = site.ask("alice", &format!("{path}{query}")).unwrap();
        self.take("get", path, &answer);
        answer
    }
}

/// A site with a pager that refuses everything, and an export that goes nowhere.
fn site(dir: &std::path::Path, receiver: &Receiver) -> Site {
    let secret = dir.join("secret");
    std::fs::write(&secret, "a secret of more than sixteen bytes").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut site = Site::new();
    site.stop();
    let alerts = format!(
        "rules = '/nowhere'\ngive_up_after = '1s'\n[[webhook]]\nname = 'pager'\nurl = 'http://127.0.0.1:{}/'\nsecret_file = {secret:?}\n",
        receiver.port()
    );
    site.alerts = toml::from_str(&alerts).unwrap();
    let socket = dir.join("no-such-socket");
    let export = format!("[[syslog]]\nname = 'siem'\nsocket = {socket:?}\nfrom = 'beginning'\n");
    site.export = toml::from_str(&export).unwrap();
    site.start();
    site
}

#[test]
fn what_the_program_answers_fits_the_document() {
    let (dir, receiver) = (tempfile::tempdir().unwrap(), Receiver::http());
    receiver.answer(Some(400));
    let site = site(dir.path(), &receiver);
    let mut answers = Answers {
        document: document(),
        routes: BTreeSet::new(),
        seen: BTreeSet::new(),
    };
    let about = site.client(None).call(&Request::get("/v1/about")).unwrap();
    answers.take("get", "/v1/about", &about);

    let host = site.stranger("db1");
    let machine = site.client(Some(&host.identity));
    for path in ["/v1/state", "/v1/roster"] {
        let answer = machine.call(&Request::get(path)).unwrap();
        answers.take("get", path, &answer);
    }
    let registered = host.register(&site).unwrap();
    answers.take("put", "/v1/logs/{origin}", &registered);
    let window = "w-01hzzzzzzzzzzzzzzzzzzzzzzz";
    let opened = json!({
        "action": "session.open", "outcome": "allowed",
        "identity": {"person": "carol", "account": "deploy", "window": window},
        "resource": {"service": "sshd"},
        "origin": {"address": "192.0.2.7", "session": "s-0123456789abcdef"},
        "detail": {"closes": "2099-01-01T00:00:00Z", "approved_by": ["bob"]},
    });
    let typed = json!({
        "action": "sudo.request", "outcome": "allowed", "reason": "as granted",
        "identity": {"person": "carol", "account": "deploy", "window": window, "serial": "7", "key": "SHA256:x"},
        "resource": {"service": "daypass-sudo", "account": "root"},
        "origin": {"address": "192.0.2.7", "tty": "pts/1", "session": "s-0123456789abcdef"},
        "command": {"line": "sudo rm -rf /srv"},
    });
    let ca = site.host("ca");
    ca.write(&[
        json!({"action": "window.approved", "identity": {"person": "bob", "window": window}}),
    ]);
    ca.forward(&site, 0);
    host.write(&[opened, typed]);
    answers.take("post", "/v1/logs/{origin}/lines", &host.forward(&site, 0));
    let held = machine.call(&Request::get(&host.path())).unwrap();
    answers.take("get", "/v1/logs/{origin}", &held);
    site.find("action=sudo.request", 1);

    answers.ask(&site, "/v1/logs", "");
    answers.ask(&site, "/v1/entries", "?limit=1");
    answers.ask(&site, "/v1/sessions", "?limit=1");
    let path = "/v1/sessions/s-0123456789abcdef";
    let story = site.ask("alice", &format!("{path}?limit=1")).unwrap();
    answers.take("get", "/v1/sessions/{session}", &story);

    let begun = Instant::now();
    while answers.ask(&site, "/v1/alerts/dead", "")["letters"] == json!([]) {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "no letter is given up"
        );
        std::thread::yield_now();
    }
    answers.ask(&site, "/v1/alerts", "?limit=1");
    answers.ask(&site, "/v1/alerts/destinations", "");
    answers.ask(&site, "/v1/exports", "");
    let past = json!({"since": "2020-01-01T00:00:00Z"});
    let replayed = site.post("alice", "/v1/alerts/test", &past).unwrap();
    answers.take("post", "/v1/alerts/test", &replayed);
    let retried = site
        .post("alice", "/v1/alerts/dead/retry", &json!({}))
        .unwrap();
    answers.take("post", "/v1/alerts/dead/retry", &retried);

    // The two others answer plain text.
    let as_text = [
        ("get", "/v1/logs/{origin}/checkpoint"),
        ("post", "/add-checkpoint"),
    ];
    for (method, path) in as_text {
        let content = &answers.document["paths"][path][method]["responses"]["200"]["content"];
        assert!(content.get("text/plain").is_some(), "{path}");
        answers.routes.insert((method.to_owned(), path.to_owned()));
    }
    let routes = ROUTES
        .iter()
        .map(|route| (word(route).to_owned(), route.path.to_owned()));
    assert_eq!(answers.routes, routes.collect(), "every route was played");
    for key in [
        "Alert/who/key",
        "Alert/where/tty",
        "Alert/what/command",
        "Session/approved_by",
        "Session/until",
        "Story/entries",
    ] {
        assert!(answers.seen.contains(key), "{key} in {:?}", answers.seen);
    }
}
