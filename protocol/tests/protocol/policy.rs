//! What a roster's policy asks of windows, and what it approves in advance.

use crate::company::{Company, first_roster, key, name, now, places, signed, time};
use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::place::Place;
use daypass_protocol::roster::{Chain, ChainError, Error, Policy, Role, Roster};
use daypass_protocol::statement::Verb;
use daypass_protocol::window::{FrozenWindow, Window};

/// A policy as people write it.
fn policy(json: serde_json::Value) -> Policy {
    serde_json::from_value(json).unwrap()
}

fn verdict(company: &Company, window: &Window, said: &[(Verb, &str)]) -> &'static str {
    on(company, window, said, &places())
}

/// The verdict where these hosts are asked.
fn on(company: &Company, window: &Window, said: &[(Verb, &str)], places: &[Place]) -> &'static str {
    let window = FrozenWindow::freeze(window).unwrap();
    let grant = company.grant(&window, said);
    grant
        .check(company.roster(), places, now())
        .map_or_else(|refusal| refusal.code(), |_| "ok")
}

const ONE: [(Verb, &str); 2] = [(Verb::Request, "carl"), (Verb::Approve, "ann")];
const TWO: [(Verb, &str); 3] = [
    (Verb::Request, "carl"),
    (Verb::Approve, "ann"),
    (Verb::Approve, "bob"),
];

#[test]
fn a_rule_for_a_group_of_hosts_binds_its_hosts_and_no_other() {
    let company = Company::under(policy(serde_json::json!({
        "rules": [{"name": "prod", "groups": ["db"], "require": {"approvals": 2}}]
    })));
    let window = company.draft();
    let [db1, db2] = places().try_into().unwrap();
    assert_eq!(
        on(&company, &window, &ONE, std::slice::from_ref(&db1)),
        "not-approved"
    );
    assert_eq!(on(&company, &window, &TWO, &[db1]), "ok");
    // Outside the group the same papers do; the CA, which is asked about both, hands none out.
    assert_eq!(on(&company, &window, &ONE, &[db2]), "ok");
    assert_eq!(verdict(&company, &window, &ONE), "not-approved");
}

#[test]
fn where_nothing_is_known_of_the_hosts_every_rule_applies() {
    let company = Company::under(policy(serde_json::json!({
        "rules": [{"name": "prod", "groups": ["db"], "require": {"approvals": 2}}]
    })));
    assert_eq!(on(&company, &company.draft(), &ONE, &[]), "not-approved");
}

#[test]
fn a_rule_applies_by_host_account_and_kind_of_sudo() {
    for (rule, window_sudo, applies) in [
        (serde_json::json!({"hosts": ["db2"]}), "ALL", true),
        (serde_json::json!({"hosts": ["db3"]}), "ALL", false),
        (serde_json::json!({"accounts": ["deploy"]}), "ALL", true),
        (serde_json::json!({"accounts": ["root"]}), "ALL", false),
        (serde_json::json!({"sudo": "any"}), "/usr/bin/id", true),
        (serde_json::json!({"sudo": "root"}), "/usr/bin/id", false),
        (serde_json::json!({"sudo": "root"}), "/bin/bash", true),
        (
            serde_json::json!({"hosts": ["db1"], "accounts": ["root"]}),
            "ALL",
            false,
        ),
    ] {
        let mut rule = rule;
        rule["name"] = "it".into();
        rule["require"] = serde_json::json!({"approvals": 2});
        let company = Company::under(policy(serde_json::json!({"rules": [rule.clone()]})));
        let window = Window {
            sudo: vec![window_sudo.parse().unwrap()],
            ..company.draft()
        };
        let expected = if applies { "not-approved" } else { "ok" };
        assert_eq!(verdict(&company, &window, &ONE), expected, "{rule}");
        assert_eq!(verdict(&company, &window, &TWO), "ok", "{rule}");
    }
}

#[test]
fn approvals_can_be_asked_of_roles_and_of_named_people() {
    let company = Company::under(policy(serde_json::json!({
        "rules": [{"name": "bobs", "require": {"from_people": ["bob"]}}]
    })));
    let window = company.draft();
    assert_eq!(verdict(&company, &window, &ONE), "not-approved");
    assert_eq!(verdict(&company, &window, &TWO), "ok");
    assert_eq!(verdict(&company, &window, &[(Verb::Grant, "bob")]), "ok");

    let mut company = Company::under(policy(serde_json::json!({
        "rules": [{"name": "admins", "require": {"from_roles": ["admin"]}}]
    })));
    assert_eq!(
        verdict(&company, &window_of(&company), &TWO),
        "not-approved"
    );
    company.change(|roster| {
        let bob = roster.people.iter_mut().find(|it| it.name == name("bob"));
        bob.unwrap().roles = vec![Role::Approver, Role::Admin];
    });
    assert_eq!(verdict(&company, &window_of(&company), &TWO), "ok");
}

fn window_of(company: &Company) -> Window {
    company.draft()
}

#[test]
fn somebody_who_is_named_and_is_no_approver_approves_nothing() {
    let company = Company::under(policy(serde_json::json!({
        "rules": [{"name": "adas", "require": {"from_people": ["ada"]}}]
    })));
    let said = [(Verb::Request, "carl"), (Verb::Approve, "ada")];
    assert_eq!(
        verdict(&company, &company.draft(), &said),
        "not-an-approver"
    );
}

#[test]
fn who_may_have_a_window_how_long_it_lasts_and_whence_are_asked_of_the_document() {
    let company = Company::under(policy(serde_json::json!({
        "rules": [
            {"name": "who", "accounts": ["root"], "require": {"contractors": ["dora"]}},
            {"name": "nobody", "accounts": ["oracle"], "require": {"contractors": []}},
            {"name": "short", "accounts": ["pg"], "require": {"max_window": 600, "max_certificate_ttl": 60}},
            {"name": "whence", "accounts": ["www"], "require": {"sources": ["192.0.2.0/24", "2001:db8::/32"]}}
        ]
    })));
    let with = |account: &str, change: &dyn Fn(&mut Window)| {
        let mut window = company.draft();
        window.accounts = vec![account.parse().unwrap()];
        change(&mut window);
        verdict(&company, &window, &TWO)
    };
    assert_eq!(with("root", &|_| {}), "contractor-not-allowed");
    assert_eq!(with("oracle", &|_| {}), "contractor-not-allowed");
    assert_eq!(with("pg", &|_| {}), "window-too-long");
    assert_eq!(with("pg", &|window| window.ends = now().plus(600)), "ok");
    assert_eq!(with("www", &|_| {}), "sources-required");
    let from = |sources: &[&str]| {
        let sources: Vec<_> = sources.iter().map(|text| text.parse().unwrap()).collect();
        with("www", &|window| window.sources = Some(sources.clone()))
    };
    assert_eq!(from(&["192.0.2.0/24"]), "ok");
    assert_eq!(from(&["192.0.2.128/25", "2001:db8:1::/48"]), "ok");
    assert_eq!(from(&["192.0.2.0/23"]), "sources-required");
    assert_eq!(
        from(&["192.0.2.0/25", "198.51.100.0/24"]),
        "sources-required"
    );
    assert_eq!(from(&["::/0"]), "sources-required");

    let window = Window {
        accounts: vec!["pg".parse().unwrap()],
        ends: now().plus(600),
        ..company.draft()
    };
    let frozen = FrozenWindow::freeze(&window).unwrap();
    assert_eq!(company.approved(&frozen).certificate_ttl(), 60);
}

/// Carl, on db1 as deploy, every Monday from 09:00 to 12:00 in UTC until the end of the year.
fn mondays() -> serde_json::Value {
    serde_json::json!({"standing": [{
        "name": "mondays",
        "contractors": ["carl"],
        "groups": ["db"],
        "accounts": ["deploy"],
        "sudo": ["/usr/bin/systemctl restart nginx"],
        "hours": {"zone": "UTC", "ranges": [{"days": ["mon"], "from": "09:00", "to": "12:00"}], "outside": "deny"},
        "until": "2027-01-01T00:00:00Z",
        "permit": ["pty"]
    }]})
}

/// What becomes of Carl's bare request on db1, which is Monday, 10:00 to 11:00.
fn bare(company: &Company, change: impl FnOnce(&mut Window)) -> &'static str {
    let mut window = Window {
        hosts: vec!["db1".parse().unwrap()],
        ..company.draft()
    };
    change(&mut window);
    on(company, &window, &[(Verb::Request, "carl")], &places()[..1])
}

#[test]
fn what_is_approved_in_advance_needs_no_approval_within_its_bounds_and_no_wider() {
    let company = Company::under(policy(mondays()));
    assert_eq!(bare(&company, |_| {}), "ok");
    assert_eq!(
        bare(&company, |window| window.ends = now().plus(7200)),
        "ok"
    );
    assert_eq!(bare(&company, |window| window.sudo.clear()), "ok");
    for wider in [
        |window: &mut Window| window.ends = now().plus(7201),
        |window: &mut Window| window.starts = now().minus(3601),
        |window: &mut Window| window.sudo.push("ALL".parse().unwrap()),
        |window: &mut Window| window.accounts.push("root".parse().unwrap()),
        |window: &mut Window| window.permit = vec!["port-forwarding".parse().unwrap()],
    ] {
        assert_eq!(bare(&company, wider), "not-approved");
    }
    let window = company.draft();
    let request = [(Verb::Request, "carl")];
    assert_eq!(on(&company, &window, &request, &places()), "not-approved");
    assert_eq!(
        on(&company, &window, &request, &places()[1..]),
        "not-approved"
    );
    assert_eq!(on(&company, &window, &request, &[]), "not-approved");
    assert_eq!(on(&company, &window, &[], &places()[..1]), "not-requested");
}

#[test]
fn a_window_with_the_same_hours_recurs_as_they_do_until_the_end_that_was_approved() {
    let company = Company::under(policy(mondays()));
    let recurring = |window: &mut Window| {
        window.hours = Some(company.roster().policy.standing[0].hours.clone());
        window.ends = now().plus(14 * 86_400);
    };
    assert_eq!(bare(&company, recurring), "ok");
    assert_eq!(
        bare(&company, |window| {
            recurring(window);
            window.hours = None;
        }),
        "not-approved"
    );
    // The policy's own bounds still hold.
    assert_eq!(
        bare(&company, |window| {
            recurring(window);
            window.ends = now().plus(31 * 86_400);
        }),
        "window-too-long"
    );
    let until_soon = {
        let mut json = mondays();
        json["standing"][0]["until"] = "2026-11-24T00:00:00Z".into();
        Company::under(policy(json))
    };
    assert_eq!(bare(&until_soon, recurring), "not-approved");
}

#[test]
fn what_is_approved_in_advance_still_keeps_every_rule() {
    let mut json = mondays();
    json["rules"] = serde_json::json!([{"name": "whence", "require": {"sources": ["192.0.2.0/24"], "approvals": 5}}]);
    let company = Company::under(policy(json));
    assert_eq!(bare(&company, |_| {}), "sources-required");
    assert_eq!(
        bare(&company, |window| window.sources =
            Some(vec!["192.0.2.1/32".parse().unwrap()])),
        "ok"
    );
}

#[test]
fn where_the_zone_is_unknown_nothing_is_approved_in_advance() {
    let mut json = mondays();
    json["standing"][0]["hours"]["zone"] = "Europe/Atlantis".into();
    let company = Company::under(policy(json));
    assert_eq!(bare(&company, |_| {}), "not-approved");
    let hours = company.roster().policy.standing[0].hours.clone();
    assert_eq!(
        bare(&company, |window| window.hours = Some(hours)),
        "not-approved"
    );
}

#[test]
fn a_policy_that_contradicts_itself_is_refused() {
    let parse = |json: serde_json::Value| {
        let roster = first_roster(Policy::default());
        let mut text = serde_json::to_value(&roster).unwrap();
        text["policy"] = json;
        Roster::parse(&text.to_string())
    };
    let rule = serde_json::json!({"name": "it", "require": {"approvals": 2}});
    assert!(parse(serde_json::json!({"rules": [rule.clone()]})).is_ok());
    let refused = [
        serde_json::json!({"rules": [rule.clone(), rule.clone()]}),
        serde_json::json!({"rules": [{"name": "it", "require": {}}]}),
        serde_json::json!({"rules": vec![rule.clone(); 65]}),
        serde_json::json!({"rules": [{"name": "it", "require": {"sources": vec!["192.0.2.0/24"; 65]}}]}),
    ];
    for json in refused {
        assert!(
            matches!(parse(json.clone()), Err(Error::Policy(_))),
            "{json}"
        );
    }
    let refused = [
        serde_json::json!({"rules": []}),
        serde_json::json!({"rules": [{"name": "it"}]}),
        serde_json::json!({"rules": [{"name": "it", "groups": [], "require": {"approvals": 2}}]}),
        serde_json::json!({"rules": [{"name": "it", "require": {"approvals": 0}}]}),
        serde_json::json!({"rules": [{"name": "it", "require": {"approvals": 2, "x": 1}}]}),
        serde_json::json!({"rules": [{"name": "it", "sudo": "none", "require": {"approvals": 2}}]}),
        serde_json::json!({"approval_keys": "strong"}),
        serde_json::json!({"policy_signatures": 0}),
    ];
    for json in refused {
        assert!(matches!(parse(json.clone()), Err(Error::Json(_))), "{json}");
    }
    let standing = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut json = mondays();
        change(&mut json["standing"][0]);
        parse(json)
    };
    assert!(standing(&|_| {}).is_ok());
    let changes: [&dyn Fn(&mut serde_json::Value); 4] = [
        &|entry| entry["hours"]["outside"] = "alert".into(),
        &|entry| entry["starts"] = "2027-01-01T00:00:00Z".into(),
        &|entry| entry["accounts"] = serde_json::json!([]),
        &|entry| {
            entry.as_object_mut().unwrap().remove("groups");
        },
    ];
    for change in changes {
        assert!(matches!(standing(change), Err(Error::Policy(_))));
    }
}

#[test]
fn a_change_of_the_policy_can_need_more_admins_than_a_change_of_people() {
    let policy = Policy {
        policy_signatures: 2,
        ..Policy::default()
    };
    let mut roster = first_roster(policy);
    roster.people[1].roles.push(Role::Admin);
    let first = signed(&roster, &["ada"]);
    let pin = Pin::from(Digest::of(&first.roster));
    let chain = Chain::verify(pin, &[first]).unwrap();
    let next = |change: &dyn Fn(&mut Roster), signers: &[&str]| {
        let mut next = Roster::clone(chain.newest());
        next.number = 2;
        next.previous = Some(chain.newest().hash());
        next.time = time("2026-02-01T00:00:00Z");
        change(&mut next);
        chain
            .newest()
            .successor(&signed(&next, signers))
            .map(|_| ())
    };
    let leaves = |roster: &mut Roster| roster.people.truncate(3);
    assert!(next(&leaves, &["ada"]).is_ok());
    for change in [
        |roster: &mut Roster| roster.policy.approvals = 2,
        |roster: &mut Roster| roster.policy.policy_signatures = 1,
    ] {
        assert!(matches!(
            next(&change, &["ada"]),
            Err(ChainError::TooFewSignatures {
                found: 1,
                needed: 2,
                ..
            })
        ));
        assert!(matches!(
            next(&change, &["ada", "ada"]),
            Err(ChainError::TooFewSignatures {
                found: 1,
                needed: 2,
                ..
            })
        ));
        assert!(next(&change, &["ada", "ann"]).is_ok());
        assert!(next(&change, &["recovery"]).is_ok());
    }
}

#[test]
fn whoever_may_not_change_the_policy_alone_makes_no_second_admin_alone_either() {
    let mut roster = first_roster(Policy {
        policy_signatures: 2,
        ..Policy::default()
    });
    roster.people[1].roles.push(Role::Admin);
    roster.people[0].keys.push(key("ada's other"));
    let first = signed(&roster, &["ada"]);
    let chain = Chain::verify(Pin::from(Digest::of(&first.roster)), &[first]).unwrap();
    let needed = |change: &dyn Fn(&mut Roster)| {
        let mut next = Roster::clone(chain.newest());
        change(&mut next);
        chain.newest().signatures_needed(&next)
    };
    // A second admin, another's key, one's own second key under another name, another recovery key.
    assert_eq!(needed(&|next| next.people[2].roles.push(Role::Admin)), 2);
    assert_eq!(needed(&|next| next.people[1].keys = vec![key("puppet")]), 2);
    assert_eq!(
        needed(&|next| {
            let other = next.people[0].keys.pop();
            next.people[2].roles.push(Role::Admin);
            next.people[2].keys.extend(other);
        }),
        2
    );
    assert_eq!(needed(&|next| next.recovery = key("mine")), 2);
    // People without such a say come and go as before, and so do keys that are lost.
    assert_eq!(needed(&|next| next.people.truncate(2)), 1);
    assert_eq!(needed(&|next| next.people[0].keys.truncate(1)), 1);
    assert_eq!(
        needed(&|next| next.people[3].keys = vec![key("carl's next")]),
        1
    );
}

#[test]
fn a_policy_that_more_admins_must_change_than_there_are_is_refused() {
    let policy = Policy {
        policy_signatures: 2,
        ..Policy::default()
    };
    assert!(matches!(
        first_roster(policy).freeze(),
        Err(Error::TooFewAdmins {
            found: 1,
            needed: 2
        })
    ));
}
