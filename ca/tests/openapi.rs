//! `docs/formats/openapi.json` against the program: the same routes, the same people, and types that read its examples.

use std::collections::BTreeSet;

use daypass_ca::api::routes::{Access, Method, ROUTES, Route};
use daypass_protocol::api;
use daypass_protocol::collector;
use daypass_protocol::comeback::SignedComeback;
use daypass_protocol::invitation::SignedAcceptance;
use daypass_protocol::narrowing::SignedNarrowing;
use daypass_protocol::revocation::SignedRevocation;
use daypass_protocol::roster::SignedRoster;
use daypass_protocol::state::SignedState;
use daypass_protocol::statement::SignedStatement;
use daypass_protocol::strict_json;
use daypass_protocol::witness_key;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Longer than any example.
const BOUND: usize = 64 * 1024;

/// Reads an example as one type, and writes it again.
type Reads = fn(&Value) -> Value;

/// Tells whether one type takes a text.
type Parses = fn(&str) -> bool;

fn document() -> Value {
    serde_json::from_str(include_str!("../../docs/formats/openapi.json")).unwrap()
}

fn word(route: &Route) -> &'static str {
    match route.method {
        Method::Get => "get",
        Method::Post => "post",
    }
}

/// The operation of a route.
fn operation<'a>(document: &'a Value, route: &Route) -> &'a Value {
    &document["paths"][route.path][word(route)]
}

#[test]
fn every_route_stands_in_the_document_and_nothing_else_does() {
    let document = document();
    let written: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(|method| (path.clone(), method.clone()))
        })
        .collect();
    let routes: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|route| (route.path.to_owned(), word(route).to_owned()))
        .collect();
    assert_eq!(written, routes);
    for route in ROUTES {
        let has_body = operation(&document, route).get("requestBody").is_some();
        assert_eq!(has_body, route.method == Method::Post, "{}", route.path);
    }
}

#[test]
fn the_document_says_who_may_use_each_route() {
    let document = document();
    for route in ROUTES {
        let operation = operation(&document, route);
        let who = match route.access {
            Access::Anyone => "anyone".to_owned(),
            Access::Bearer => "bearer".to_owned(),
            Access::Person => "person".to_owned(),
            Access::PersonOrMachine => "person, host or collector".to_owned(),
            Access::Collector => "collector".to_owned(),
            Access::Host => "host".to_owned(),
            Access::Roles(roles) => {
                let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
                roles.join(", ")
            }
        };
        assert_eq!(operation["x-daypass-who"], who, "{}", route.path);
        let schemes: BTreeSet<&str> = operation["security"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|either| either.as_object().unwrap().keys().map(String::as_str))
            .collect();
        let expected: &[&str] = match route.access {
            Access::Anyone | Access::Bearer => &[],
            Access::Person | Access::Roles(_) => &["person"],
            Access::PersonOrMachine => &["person", "host", "collector"],
            Access::Collector => &["collector"],
            Access::Host => &["host"],
        };
        assert_eq!(
            schemes,
            expected.iter().copied().collect(),
            "{}",
            route.path
        );
    }
}

/// Reads an example as the program's type, and finds all of it again in what the type writes.
fn reads<T: DeserializeOwned + Serialize>(example: &Value) -> Value {
    let text = example.to_string();
    let read: T =
        strict_json::parse(&text, BOUND).unwrap_or_else(|error| panic!("{error}: {text}"));
    serde_json::to_value(&read).unwrap()
}

#[test]
fn every_example_is_read_by_the_programs_own_types() {
    let document = document();
    let types: [(&str, Reads); 41] = [
        ("About", reads::<api::About>),
        ("AcceptInvitation", reads::<api::AcceptInvitation>),
        ("Accepted", reads::<api::Accepted>),
        ("CertificateWish", reads::<api::CertificateWish>),
        ("CollectorRenewal", reads::<collector::Renewal>),
        ("CollectorRenewed", reads::<collector::Renewed>),
        ("Draft", reads::<api::Draft>),
        ("Enrolled", reads::<api::Enrolled>),
        ("Enrolment", reads::<api::Enrolment>),
        ("Failure", reads::<api::Failure>),
        ("Hosts", reads::<api::Hosts>),
        ("Invitations", reads::<api::Invitations>),
        ("Invite", reads::<api::Invite>),
        ("Invited", reads::<api::Invited>),
        ("Issued", reads::<api::Issued>),
        ("Journal", reads::<api::Journal>),
        ("Ready", reads::<api::Ready>),
        ("Renewal", reads::<api::Renewal>),
        ("Renewed", reads::<api::Renewed>),
        ("Retired", reads::<api::Retired>),
        ("Retirement", reads::<api::Retirement>),
        ("Revoked", reads::<api::Revoked>),
        ("RosterNumber", reads::<api::RosterNumber>),
        ("Rosters", reads::<api::Rosters>),
        ("SignedAcceptance", reads::<SignedAcceptance>),
        ("SignedComeback", reads::<SignedComeback>),
        ("SignedNarrowing", reads::<SignedNarrowing>),
        ("SignedRevocation", reads::<SignedRevocation>),
        ("SignedRoster", reads::<SignedRoster>),
        ("SignedState", reads::<SignedState>),
        ("SignedStatement", reads::<SignedStatement>),
        (
            "SignedWitnessSuccession",
            reads::<witness_key::SignedWitnessSuccession>,
        ),
        ("Submission", reads::<api::Submission>),
        ("Token", reads::<api::Token>),
        ("TokenWish", reads::<api::TokenWish>),
        ("WindowView", reads::<api::WindowView>),
        ("Windows", reads::<api::Windows>),
        ("Wish", reads::<api::Wish>),
        ("WithdrawInvitation", reads::<api::WithdrawInvitation>),
        ("Withdrawn", reads::<api::Withdrawn>),
        ("WitnessKeys", reads::<witness_key::WitnessKeys>),
    ];
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let known: Vec<&str> = types.iter().map(|(name, _)| *name).collect();
    let mut written: Vec<&str> = schemas.keys().map(String::as_str).collect();
    written.sort_unstable();
    assert_eq!(written, known);
    for (name, read) in types {
        let schema = &schemas[name];
        let example = &schema["example"];
        // The example has every key that the type writes, and the schema names exactly those.
        assert_eq!(read(example), *example, "{name}");
        fits(name, schema, example);
        for key in schema["properties"].as_object().unwrap().keys() {
            assert!(
                example.get(key).is_some(),
                "{name}: the example lacks {key}"
            );
        }
    }
}

#[test]
fn what_a_schema_calls_required_is_required_and_the_rest_is_not() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let parses: [(&str, Parses); 3] = [
        ("Wish", |text| {
            serde_json::from_str::<api::Wish>(text).is_ok()
        }),
        ("CertificateWish", |text| {
            serde_json::from_str::<api::CertificateWish>(text).is_ok()
        }),
        ("TokenWish", |text| {
            serde_json::from_str::<api::TokenWish>(text).is_ok()
        }),
    ];
    for (name, parses) in parses {
        let schema = &schemas[name];
        let required = schema["required"].as_array().unwrap();
        for key in schema["properties"].as_object().unwrap().keys() {
            let mut without: Map<String, Value> = schema["example"].as_object().unwrap().clone();
            without.remove(key);
            let needed = required.iter().any(|word| word == key);
            let text = Value::from(without).to_string();
            assert_eq!(parses(&text), !needed, "{name} without {key}");
        }
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
    let expected: BTreeSet<String> = schemas
        .keys()
        .map(|name| format!("#/components/schemas/{name}"))
        .collect();
    assert_eq!(found, expected);
}

/// As much of JSON Schema as the document uses.
fn fits(at: &str, schema: &Value, value: &Value) {
    match schema["type"].as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object().unwrap();
            assert_eq!(schema["additionalProperties"], false, "{at}");
            for (key, value) in value.as_object().unwrap_or_else(|| panic!("{at}")) {
                let inner = properties.get(key).unwrap_or_else(|| panic!("{at}/{key}"));
                fits(&format!("{at}/{key}"), inner, value);
            }
        }
        Some("array") => {
            for item in value.as_array().unwrap_or_else(|| panic!("{at}")) {
                fits(at, &schema["items"], item);
            }
        }
        Some("string") => assert!(value.is_string(), "{at}"),
        Some("integer") => assert!(value.is_u64(), "{at}"),
        Some("boolean") => assert!(value.is_boolean(), "{at}"),
        // The items of a list that the example leaves empty.
        None => {}
        Some(other) => panic!("{at}: {other}"),
    }
}
