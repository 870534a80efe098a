//! What an admin is shown before they sign a roster.

use std::sync::{Arc, Mutex};

use daypass_protocol::api::{RosterNumber, Rosters};
use daypass_protocol::roster::{Authority, Person, Role, SignedRoster};

use crate::ca::{Answers, StandIn};
use crate::hosts;
use crate::scene::{Carol, Rolls, json, public, rolls};

/// What was handed in last, and whether somebody said who they are with it.
type Taken = Arc<Mutex<Option<(SignedRoster, bool)>>>;

/// A CA with these rosters, that takes another one.
fn ca_with(rolls: &Rolls) -> (StandIn, Taken) {
    let taken = Taken::default();
    let (keep, chain) = (Arc::clone(&taken), rolls.chain.clone());
    let answers: Answers = Box::new(move |request| {
        if request.method == "POST" {
            let signed = serde_json::from_slice(&request.body).expect("a roster");
            let is_known = !request.authorization.is_empty();
            *keep.lock().expect("whole") = Some((signed, is_known));
            let number = chain.len() as u64 + 1;
            return json(&RosterNumber { number });
        }
        if request.path == "/v1/hosts" {
            return json(&hosts());
        }
        json(&Rosters {
            chain: chain.clone(),
        })
    });
    (StandIn::start(answers), taken)
}

#[test]
fn whoever_signs_a_proposal_sees_all_that_it_changes() {
    let carol = Carol::new();
    let mut rolls = rolls(&carol);
    let third = rolls.next(&carol, "alice", |roster| {
        let carol = roster.people.iter_mut();
        let carol = carol.filter(|person| person.name.as_str() == "carol");
        carol.for_each(|carol| carol.roles.push(Role::Admin));
        roster.policy.policy_signatures = 2;
    });
    rolls.chain.push(third);
    // Alice has somebody take over whatever happens, and says that it is about Dave.
    let (mallory, other) = (carol.make_key("mallory"), carol.make_key("other"));
    let proposal = rolls.next(&carol, "alice", |roster| {
        roster
            .people
            .retain(|person| person.name.as_str() != "dave");
        roster.people.push(Person {
            name: "mallory".parse().expect("a name"),
            roles: vec![Role::Admin],
            keys: vec![public(&mallory)],
        });
        roster.recovery = public(&other);
    });
    let before = rolls.verified().newest().recovery.fingerprint();
    let (ca, taken) = ca_with(&rolls);
    carol.set_up(ca.port, ca.root.certificate(), &rolls);
    let file = carol.home.path().join("proposal");
    std::fs::write(&file, serde_json::to_vec(&proposal).expect("JSON")).expect("written");
    let file = file.to_str().expect("text");

    let (code, said) = carol.daypass(&["roster", "sign", "--yes", file]);
    assert_eq!(code, 0, "{said}");
    for line in [
        "What differs from roster 3".to_owned(),
        "- dave is contractor".to_owned(),
        "+ mallory is admin".to_owned(),
        format!("+ mallory signs with {}", public(&mallory).fingerprint()),
        format!("- the recovery key is {before}"),
        format!("+ the recovery key is {}", public(&other).fingerprint()),
        "** The recovery key is another one".to_owned(),
    ] {
        assert!(said.contains(&line), "{line} is missing in: {said}");
    }
    assert!(!said.contains("- carol"), "{said}");
    let taken = taken.lock().expect("whole").take().expect("a roster");
    let chain = rolls.verified();
    let next = chain.newest().successor(&taken.0).expect("in force");
    assert!(matches!(next.authority(), Authority::Admins(names) if names.len() == 2));
}

#[test]
fn where_no_admin_can_sign_the_recovery_key_names_one_and_a_new_key_after_it() {
    let carol = Carol::new();
    let mut rolls = rolls(&carol);
    // Two admins have to sign, and neither can.
    let third = rolls.next(&carol, "alice", |roster| {
        let dave = roster.people.iter_mut();
        let dave = dave.filter(|person| person.name.as_str() == "dave");
        dave.for_each(|dave| dave.roles.push(Role::Admin));
        roster.policy.roster_signatures = 2;
    });
    rolls.chain.push(third);
    let (ca, taken) = ca_with(&rolls);
    carol.set_up(ca.port, ca.root.certificate(), &rolls);
    let path = |name: &str| carol.home.path().join(name).display().to_string();

    let (code, said) = carol.daypass(&["roster", "recover", "--yes", &path("dave")]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("names the recovery key"), "{said}");
    assert!(taken.lock().expect("whole").is_none());

    let (code, said) = carol.daypass(&["roster", "recover", "--yes", &path("recovery")]);
    assert_eq!(code, 0, "{said}");
    let (signed, is_known) = taken.lock().expect("whole").take().expect("a roster");
    assert!(!is_known, "the recovery key has no name to send it under");
    let chain = rolls.verified();
    let next = chain.newest().successor(&signed).expect("in force");
    assert_eq!(*next.authority(), Authority::Recovery);
    let roles = |name: &str| {
        let name = name.parse().expect("a name");
        next.person(&name).map(|person| person.roles.clone())
    };
    assert_eq!(roles("alice"), None);
    assert_eq!(roles("dave"), Some(vec![Role::Contractor]));
    let all = vec![Role::Admin, Role::Contractor, Role::Approver];
    assert_eq!(roles("carol"), Some(all));
    assert_eq!(next.policy.roster_signatures, 1);
    // What was printed is what the roster names, and not what was used.
    let (_, printed) = said.split_once("-----BEGIN ").expect("a key");
    let (printed, _) = printed.split_once("-----END ").expect("a key");
    let printed = format!("-----BEGIN {printed}-----END OPENSSH PRIVATE KEY-----\n");
    let printed = ssh_key::PrivateKey::from_openssh(printed).expect("a key");
    assert_eq!(public(&printed), next.recovery);
    assert_ne!(next.recovery, chain.newest().recovery);
    assert!(said.contains("- alice is admin"), "{said}");
}

#[test]
fn whoever_the_ca_does_not_know_recovers_by_the_rosters_that_a_host_keeps() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let (ca, taken) = ca_with(&rolls);
    carol.set_up(ca.port, ca.root.certificate(), &rolls);
    let chain = carol.home.path().join("chain.json");
    let kept = Rosters {
        chain: rolls.chain.clone(),
    };
    std::fs::write(&chain, serde_json::to_vec(&kept).expect("JSON")).expect("written");
    let (chain, recovery) = (
        chain.display().to_string(),
        carol.home.path().join("recovery"),
    );
    let recovery = recovery.display().to_string();
    let recover = ["roster", "recover", "--yes", "--chain", &chain, &recovery];
    let (code, said) = carol.daypass(&recover);
    assert_eq!(code, 0, "{said}");
    assert_eq!(ca.seen(), ["POST /v1/roster"]);
    let (signed, is_known) = taken.lock().expect("whole").take().expect("a roster");
    assert!(!is_known);
    assert!(rolls.verified().newest().successor(&signed).is_ok());
}

#[test]
fn what_a_policy_asks_for_that_nobody_can_give_is_told_before_it_is_signed() {
    let carol = Carol::new();
    let mut rolls = rolls(&carol);
    let third = rolls.next(&carol, "alice", |roster| {
        let carol = roster.people.iter_mut();
        let carol = carol.filter(|person| person.name.as_str() == "carol");
        carol.for_each(|carol| carol.roles.push(Role::Admin));
    });
    rolls.chain.push(third);
    let (ca, taken) = ca_with(&rolls);
    carol.set_up(ca.port, ca.root.certificate(), &rolls);
    let file = carol.home.path().join("policy.toml");
    let policy = r#"
        approvals = 2

        [[rules]]
        name = "root"
        sudo = "root"
        [rules.require]
        from_people = ["alice"]

        [[rules]]
        name = "prod"
        hosts = ["db1"]
        [rules.require]
        approval_keys = "verified"
        approvals = 1

        [[rules]]
        name = "whom"
        [rules.require]
        contractors = ["dave"]

        [[standing]]
        name = "care"
        contractors = ["dave"]
        hosts = ["db1"]
        accounts = ["deploy"]
        permit = []
        until = "2099-01-01T00:00:00Z"
        hours = { zone = "Europe/Atlantis", ranges = [{ days = ["mon"], from = "08:00", to = "09:00" }], outside = "deny" }
    "#;
    std::fs::write(&file, policy).expect("written");
    let file = file.display().to_string();
    let (code, said) = carol.daypass(&["policy", "set", "--yes", &file]);
    assert_eq!(code, 0, "{said}");
    for line in [
        "2 approvals are asked for, and there are 1 approvers",
        "the rule root counts alice, who is no approver",
        "the rule root asks for 1 approvals, and there are 0 approvers whose approval counts",
        "the rule prod asks for 1 approvals by security keys, and 0 approvers have one",
        "no time zone Europe/Atlantis",
    ] {
        assert!(said.contains(line), "{line} is missing in: {said}");
    }
    assert!(!said.contains("rule whom"), "{said}");
    assert!(taken.lock().expect("whole").is_some());
}

#[test]
fn somebodys_roles_change_and_nothing_of_theirs_is_revoked() {
    let carol = Carol::new();
    let mut rolls = rolls(&carol);
    let third = rolls.next(&carol, "alice", |roster| {
        let carol = roster.people.iter_mut();
        let carol = carol.filter(|person| person.name.as_str() == "carol");
        carol.for_each(|carol| carol.roles.push(Role::Admin));
    });
    rolls.chain.push(third);
    let (ca, taken) = ca_with(&rolls);
    carol.set_up(ca.port, ca.root.certificate(), &rolls);
    let roles = ["person", "roles", "--yes", "--role", "auditor,contractor"];
    let change = |name: &str| carol.daypass(&[&roles[..], &[name]].concat());
    let (code, said) = change("dave");
    assert_eq!(code, 0, "{said}");
    let told = "dave is auditor, contractor from roster 4 on";
    assert!(said.contains(told), "{said}");
    assert!(said.contains("+ dave is auditor, contractor"), "{said}");
    assert_eq!(ca.seen(), ["GET /v1/roster", "POST /v1/roster"]);
    let (signed, _) = taken.lock().expect("whole").take().expect("a roster");
    let chain = rolls.verified();
    let next = chain.newest().successor(&signed).expect("in force");
    let person = |roster: &daypass_protocol::roster::Roster| {
        let name = "dave".parse().expect("a name");
        roster.person(&name).cloned().expect("listed")
    };
    let (before, after) = (person(chain.newest()), person(&next));
    assert_eq!(after.roles, [Role::Auditor, Role::Contractor]);
    assert_eq!(after.keys, before.keys);
    let (code, said) = change("nobody");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("nobody is not in the roster"), "{said}");
}
