//! Who may approve what.

use crate::company::{Company, fingerprint, key, name, now, person, places};
use daypass_protocol::digest::Pin;
use daypass_protocol::grant::Refusal;
use daypass_protocol::roster::{Policy, Role};
use daypass_protocol::statement::Verb;
use daypass_protocol::window::{FrozenWindow, Window};

/// The code of the refusal for what was said of Carl's window, or `ok`.
fn verdict(company: &Company, said: &[(Verb, &str)]) -> &'static str {
    verdict_on(company, &company.window(), said)
}

fn verdict_on(company: &Company, window: &FrozenWindow, said: &[(Verb, &str)]) -> &'static str {
    let grant = company.grant(window, said);
    grant
        .check(company.roster(), &places(), now())
        .map_or_else(|refusal| refusal.code(), |_| "ok")
}

fn two_approvals() -> Company {
    Company::under(Policy {
        approvals: 2,
        ..Policy::default()
    })
}

#[test]
fn a_request_and_an_approval_open_a_window() {
    let company = Company::new();
    let window = company.window();
    let approved = company.approved(&window);
    assert_eq!(approved.window(), &window);
    assert_eq!(approved.opener(), &name("carl"));
    assert_eq!(
        approved.approvers().iter().collect::<Vec<_>>(),
        [&name("ann")]
    );
    assert_eq!(approved.keys(), [fingerprint("carl")]);
    assert_eq!(approved.certificate_ttl(), 600);
}

#[test]
fn a_grant_serves_as_request_and_approval() {
    assert_eq!(verdict(&Company::new(), &[(Verb::Grant, "ann")]), "ok");
}

#[test]
fn an_approver_may_ask_for_a_contractor_and_another_must_approve() {
    let company = Company::new();
    assert_eq!(
        verdict(&company, &[(Verb::Request, "ann"), (Verb::Approve, "bob")]),
        "ok"
    );
    assert_eq!(
        verdict(&company, &[(Verb::Request, "ann"), (Verb::Approve, "ann")]),
        "own-request"
    );
}

#[test]
fn nothing_less_than_the_rules_opens_a_window() {
    let company = Company::new();
    assert_eq!(verdict(&company, &[]), "not-requested");
    assert_eq!(
        verdict(&company, &[(Verb::Request, "carl")]),
        "not-approved"
    );
    assert_eq!(
        verdict(&company, &[(Verb::Approve, "ann")]),
        "not-requested"
    );
    assert_eq!(
        verdict(&company, &[(Verb::Approve, "ann"), (Verb::Approve, "bob")]),
        "not-requested"
    );
    assert_eq!(
        verdict(&company, &[(Verb::Request, "ada"), (Verb::Approve, "ann")]),
        "may-not-ask"
    );
}

#[test]
fn nobody_approves_what_is_theirs() {
    let company = Company::new();
    let dora = FrozenWindow::freeze(&Window {
        contractor: name("dora"),
        keys: vec![fingerprint("dora")],
        ..company.draft()
    })
    .unwrap();
    assert_eq!(
        verdict_on(
            &company,
            &dora,
            &[(Verb::Request, "dora"), (Verb::Approve, "ann")]
        ),
        "ok"
    );
    assert_eq!(
        verdict_on(
            &company,
            &dora,
            &[(Verb::Request, "dora"), (Verb::Approve, "dora")]
        ),
        "own-request"
    );
    assert_eq!(
        verdict_on(
            &company,
            &dora,
            &[(Verb::Request, "ann"), (Verb::Approve, "dora")]
        ),
        "own-window"
    );
    assert_eq!(
        verdict_on(&company, &dora, &[(Verb::Grant, "dora")]),
        "own-window"
    );
}

#[test]
fn only_approvers_approve_and_grant() {
    let company = Company::new();
    for other in ["ada", "carl"] {
        let said = [(Verb::Request, "ann"), (Verb::Approve, other)];
        assert_ne!(verdict(&company, &said), "ok");
        assert_ne!(verdict(&company, &[(Verb::Grant, other)]), "ok");
    }
}

#[test]
fn one_person_counts_once() {
    let company = two_approvals();
    let request = (Verb::Request, "carl");
    assert_eq!(
        verdict(&company, &[request, (Verb::Approve, "ann")]),
        "not-approved"
    );
    assert_eq!(
        verdict(
            &company,
            &[request, (Verb::Approve, "ann"), (Verb::Approve, "ann")]
        ),
        "approved-twice"
    );
    assert_eq!(
        verdict(
            &company,
            &[request, (Verb::Approve, "ann"), (Verb::Approve, "bob")]
        ),
        "ok"
    );
    assert_eq!(verdict(&company, &[(Verb::Grant, "ann")]), "not-approved");
    assert_eq!(
        verdict(&company, &[(Verb::Grant, "ann"), (Verb::Approve, "ann")]),
        "approved-twice"
    );
    assert_eq!(
        verdict(&company, &[(Verb::Grant, "ann"), (Verb::Approve, "bob")]),
        "ok"
    );
}

#[test]
fn two_openings_are_one_too_many() {
    let company = Company::new();
    assert_eq!(
        verdict(&company, &[(Verb::Request, "carl"), (Verb::Grant, "ann")]),
        "requested-twice"
    );
    assert_eq!(
        verdict(&company, &[(Verb::Grant, "ann"), (Verb::Grant, "bob")]),
        "requested-twice"
    );
}

#[test]
fn a_statement_that_approves_nothing_refuses_the_whole() {
    let company = Company::new();
    for verb in [Verb::Deny, Verb::End, Verb::Revoke] {
        let said = [
            (Verb::Request, "carl"),
            (Verb::Approve, "ann"),
            (verb, "bob"),
        ];
        assert_eq!(verdict(&company, &said), "statement-unfit");
    }
}

#[test]
fn the_newest_roster_judges() {
    let mut company = Company::new();
    let window = company.window();
    let grant = company.grant(&window, &[(Verb::Request, "carl"), (Verb::Approve, "ann")]);
    let code = |company: &Company| {
        grant
            .check(company.roster(), &places(), now())
            .unwrap_err()
            .code()
    };
    assert!(grant.check(company.roster(), &places(), now()).is_ok());

    company.change(|roster| roster.people.retain(|person| person.name != name("ann")));
    assert_eq!(code(&company), "signer-unknown");
    company.change(|roster| roster.people.push(person("ann", &[Role::Auditor])));
    assert_eq!(code(&company), "not-an-approver");
    company.change(|roster| roster.people.retain(|person| person.name != name("carl")));
    assert_eq!(code(&company), "contractor-unknown");
    company.change(|roster| roster.people.push(person("carl", &[Role::Auditor])));
    assert_eq!(code(&company), "not-a-contractor");
}

#[test]
fn a_key_that_the_roster_dropped_opens_nothing() {
    let mut company = Company::new();
    let draft = Window {
        keys: vec![fingerprint("carl"), fingerprint("carl-2")],
        ..company.draft()
    };
    let window = FrozenWindow::freeze(&draft).unwrap();
    let grant = company.grant(&window, &[(Verb::Grant, "ann")]);
    assert_eq!(
        grant
            .check(company.roster(), &places(), now())
            .unwrap()
            .keys(),
        [fingerprint("carl")]
    );

    let rekey = |company: &mut Company, keys: &[&str]| {
        let keys: Vec<_> = keys.iter().map(|owner| key(owner)).collect();
        company.change(|roster| {
            let carl = roster
                .people
                .iter_mut()
                .find(|person| person.name == name("carl"))
                .unwrap();
            carl.keys = keys;
        });
    };
    rekey(&mut company, &["carl-2", "carl-3"]);
    assert_eq!(
        grant
            .check(company.roster(), &places(), now())
            .unwrap()
            .keys(),
        [fingerprint("carl-2")]
    );
    rekey(&mut company, &["carl-3"]);
    assert_eq!(
        grant
            .check(company.roster(), &places(), now())
            .unwrap_err()
            .code(),
        "keys-revoked"
    );
}

#[test]
fn a_window_is_bound_by_its_ca_and_the_policy() {
    let company = Company::under(Policy {
        max_window: 3600,
        max_certificate_ttl: 300,
        ..Policy::default()
    });
    let granted = [(Verb::Grant, "ann")];
    assert_eq!(company.approved(&company.window()).certificate_ttl(), 300);
    let long = FrozenWindow::freeze(&Window {
        ends: now().plus(3601),
        ..company.draft()
    })
    .unwrap();
    assert_eq!(verdict_on(&company, &long, &granted), "window-too-long");
    let foreign = FrozenWindow::freeze(&Window {
        ca: Pin::from_bytes([1; 32]),
        ..company.draft()
    })
    .unwrap();
    assert_eq!(verdict_on(&company, &foreign, &granted), "wrong-ca");
    let over = company.grant(&company.window(), &granted);
    let refused = over
        .check(company.roster(), &places(), now().plus(3600))
        .unwrap_err();
    assert!(matches!(refused, Refusal::Ended { .. }));
}
