//! The policy against a slow, obvious model of it.
//!
//! The model reads the policy's JSON as `docs/formats/documents.md` explains it, knows each host by name, and counts.

use crate::company::{Company, PEOPLE, name, now};
use daypass_protocol::place::Place;
use daypass_protocol::roster::Policy;
use daypass_protocol::statement::Verb;
use daypass_protocol::window::{FrozenWindow, Window};
use proptest::prelude::*;
use serde_json::{Value, json};

const HOSTS: [(&str, &[&str]); 3] = [("db1", &["db"]), ("db2", &["db", "old"]), ("web", &[])];
const ACCOUNTS: [&str; 2] = ["deploy", "root"];
const SUDO: [&str; 3] = ["/usr/bin/id", "/bin/bash", "ALL"];

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().map_or_else(Vec::new, |list| {
        list.iter().map(|text| text.as_str().unwrap()).collect()
    })
}

fn applies(rule: &Value, window: &Value, asked: &[&str]) -> bool {
    let (hosts, groups) = (texts(&rule["hosts"]), texts(&rule["groups"]));
    let in_a_group = |host: &&str| {
        let (_, its) = HOSTS.iter().find(|(name, _)| name == host).unwrap();
        its.iter().any(|group| groups.contains(group))
    };
    let here = hosts.is_empty() && groups.is_empty()
        || asked
            .iter()
            .any(|host| hosts.contains(host) || in_a_group(host));
    let accounts = texts(&rule["accounts"]);
    let as_whom = accounts.is_empty()
        || texts(&window["accounts"])
            .iter()
            .any(|account| accounts.contains(account));
    let sudo = texts(&window["sudo"]);
    let with = match rule["sudo"].as_str() {
        None => true,
        Some("any") => !sudo.is_empty(),
        Some("root") => sudo.iter().any(|item| *item != "/usr/bin/id"),
        Some(other) => panic!("{other}"),
    };
    here && as_whom && with
}

/// Ann, Bob and Dora approve; who of them has said so counts if the rule wants them.
fn counting(require: &Value, approvers: &[&str]) -> u64 {
    let (roles, people) = (
        texts(&require["from_roles"]),
        texts(&require["from_people"]),
    );
    let wanted = |person: &&&str| {
        let (_, theirs) = PEOPLE.iter().find(|(name, _)| name == *person).unwrap();
        roles.is_empty() && people.is_empty()
            || people.contains(*person)
            || theirs.iter().any(|role| roles.contains(&role.as_str()))
    };
    approvers.iter().filter(wanted).count() as u64
}

fn model(policy: &Value, window: &Value, asked: &[&str], approvers: &[&str]) -> bool {
    if (approvers.len() as u64) < policy["approvals"].as_u64().unwrap_or(1) {
        return false;
    }
    let rules = policy["rules"].as_array().cloned().unwrap_or_default();
    rules
        .iter()
        .filter(|rule| applies(rule, window, asked))
        .all(|rule| {
            let require = &rule["require"];
            let about_approvals = ["approvals", "from_roles", "from_people"]
                .iter()
                .any(|key| !require[key].is_null());
            let needed = require["approvals"].as_u64().unwrap_or(1);
            let allowed = require["contractors"].is_null()
                || texts(&require["contractors"]).contains(&"carl");
            let longest = require["max_window"].as_u64().unwrap_or(u64::MAX);
            allowed
                && longest >= 3600
                && (!about_approvals || counting(require, approvers) >= needed)
        })
}

fn some<T: Clone + std::fmt::Debug + 'static>(of: &[T]) -> impl Strategy<Value = Vec<T>> + use<T> {
    proptest::sample::subsequence(of.to_vec(), 0..=of.len())
}

fn insert(object: &mut Value, key: &str, list: &[&str]) {
    if !list.is_empty() {
        object[key] = json!(list);
    }
}

fn rule() -> impl Strategy<Value = Value> {
    let scope = (
        some(&["db1", "web"]),
        some(&["db", "old"]),
        some(&ACCOUNTS),
        proptest::option::of(proptest::sample::select(vec!["any", "root"])),
    );
    let require = (
        proptest::option::of(1u8..=3),
        some(&["admin", "contractor"]),
        some(&["ann", "bob", "dora"]),
        proptest::option::weighted(0.2, some(&["carl", "dora"])),
        proptest::option::weighted(0.2, proptest::sample::select(vec![3599u64, 3600, 7200])),
    );
    (scope, require).prop_map(
        |((hosts, groups, accounts, sudo), (approvals, roles, people, contractors, longest))| {
            let mut rule = json!({"require": {}});
            insert(&mut rule, "hosts", &hosts);
            insert(&mut rule, "groups", &groups);
            insert(&mut rule, "accounts", &accounts);
            if let Some(sudo) = sudo {
                rule["sudo"] = sudo.into();
            }
            let mut require = json!({});
            if let Some(approvals) = approvals {
                require["approvals"] = approvals.into();
            }
            insert(&mut require, "from_roles", &roles);
            insert(&mut require, "from_people", &people);
            if let Some(contractors) = contractors {
                require["contractors"] = json!(contractors);
            }
            if let Some(longest) = longest {
                require["max_window"] = longest.into();
            }
            if require == json!({}) {
                require["approvals"] = 1.into();
            }
            rule["require"] = require;
            rule
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_window_is_approved_exactly_when_the_policys_model_says_so(
        mut rules in proptest::collection::vec(rule(), 0..3),
        approvals in 1u8..=2,
        approvers in some(&["ann", "bob", "dora"]),
        asked in proptest::sample::subsequence(HOSTS.to_vec(), 1..=3),
        accounts in proptest::sample::subsequence(ACCOUNTS.to_vec(), 1..=2),
        sudo in some(&SUDO),
    ) {
        for (at, rule) in rules.iter_mut().enumerate() {
            rule["name"] = format!("rule-{at}").into();
        }
        let mut json = json!({"approvals": approvals});
        if !rules.is_empty() {
            json["rules"] = rules.into();
        }
        let policy: Policy = serde_json::from_value(json.clone()).unwrap();
        let company = Company::under(policy);
        let draft = Window {
            hosts: HOSTS.iter().map(|(host, _)| host.parse().unwrap()).collect(),
            accounts: accounts.iter().map(|text| text.parse().unwrap()).collect(),
            sudo: sudo.iter().map(|text| text.parse().unwrap()).collect(),
            ..company.draft()
        };
        let window = FrozenWindow::freeze(&draft).unwrap();
        let mut said = vec![(Verb::Request, "carl")];
        said.extend(approvers.iter().map(|signer| (Verb::Approve, *signer)));
        let places: Vec<Place> = asked
            .iter()
            .map(|(host, groups)| Place::new(host.parse().unwrap(), [], groups.iter().map(|group| name(group))))
            .collect();
        let names: Vec<&str> = asked.iter().map(|(host, _)| *host).collect();
        let verdict = company.grant(&window, &said).check(company.roster(), &places, now());
        let expected = model(&json, &serde_json::to_value(&draft).unwrap(), &names, &approvers);
        prop_assert_eq!(verdict.is_ok(), expected, "{} {:?}", json, verdict.err().map(|refusal| refusal.code()));

    }
}
