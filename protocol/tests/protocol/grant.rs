//! Who may approve what.

use crate::company::{Company, NOW, fingerprint, key, name, now, person, private_key, time};
use daypass_protocol::digest::Pin;
use daypass_protocol::grant::{Admission, Grant, Refusal, Turned, Visit};
use daypass_protocol::name::HostName;
use daypass_protocol::roster::{Policy, Role};
use daypass_protocol::sshsig;
use daypass_protocol::statement::{self, Statement, Verb};
use daypass_protocol::window::{FrozenWindow, Window};

/// The code of the refusal for what was said of Carl's window, or `ok`.
fn verdict(company: &Company, said: &[(Verb, &str)]) -> &'static str {
    verdict_on(company, &company.window(), said)
}

fn verdict_on(company: &Company, window: &FrozenWindow, said: &[(Verb, &str)]) -> &'static str {
    let grant = company.grant(window, said);
    grant
        .check(company.roster(), now())
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
fn each_false_statement_refuses_the_whole() {
    let company = Company::new();
    let window = company.window();
    let other = FrozenWindow::freeze(&Window {
        max_certificate_ttl: 601,
        ..company.draft()
    })
    .unwrap();
    let honest = || company.statement(Verb::Approve, "ann", &window);
    let by = |statement: Statement, signer: &str| {
        statement
            .sign(sshsig::with_key(&private_key(signer)))
            .unwrap()
    };
    let cases = [
        (by(honest(), "bob"), "signature-foreign-key"),
        (by(honest(), "stranger"), "signature-foreign-key"),
        (
            by(
                Statement {
                    window: other.hash(),
                    ..honest()
                },
                "ann",
            ),
            "statement-other-window",
        ),
        (
            by(
                Statement {
                    ca: Pin::from_bytes([1; 32]),
                    ..honest()
                },
                "ann",
            ),
            "wrong-ca",
        ),
        (
            by(
                Statement {
                    signer: name("zoe"),
                    ..honest()
                },
                "zoe",
            ),
            "signer-unknown",
        ),
        (
            by(
                Statement {
                    time: now().plus(61),
                    ..honest()
                },
                "ann",
            ),
            "statement-not-yet",
        ),
        (
            by(
                Statement {
                    expires: now(),
                    ..honest()
                },
                "ann",
            ),
            "statement-expired",
        ),
    ];
    for (statement, code) in cases {
        let request = company.says(Verb::Request, "carl", &window);
        let approval = company.says(Verb::Approve, "bob", &window);
        // Enough without it: that it is there is what refuses.
        let grant = Grant::new(&window, vec![request, approval, statement]);
        assert_eq!(
            grant.check(company.roster(), now()).unwrap_err().code(),
            code
        );
    }
}

#[test]
fn no_signature_serves_under_another_verb() {
    let company = Company::new();
    let window = company.window();
    for signed_as in Verb::ALL {
        for claimed in Verb::ALL
            .into_iter()
            .filter(|claimed| *claimed != signed_as)
        {
            let text = company.statement(claimed, "ann", &window);
            let forged = text.sign(|_, bytes| {
                sshsig::with_key(&private_key("ann"))(signed_as.namespace(), bytes)
            });
            let refused = forged.unwrap().check(company.roster()).unwrap_err();
            assert!(
                matches!(refused, statement::Error::Signature { .. }),
                "{refused:?}"
            );
        }
    }
}

#[test]
fn a_statement_counts_from_a_minute_before_its_date_until_just_before_it_expires() {
    let company = Company::new();
    let statement = company.statement(Verb::Approve, "ann", &company.window());
    assert!(statement.is_timely(now().minus(61)).is_err());
    assert!(statement.is_timely(now().minus(60)).is_ok());
    assert!(statement.is_timely(statement.expires.minus(1)).is_ok());
    assert!(statement.is_timely(statement.expires).is_err());
}

#[test]
fn the_newest_roster_judges() {
    let mut company = Company::new();
    let window = company.window();
    let grant = company.grant(&window, &[(Verb::Request, "carl"), (Verb::Approve, "ann")]);
    let code = |company: &Company| grant.check(company.roster(), now()).unwrap_err().code();
    assert!(grant.check(company.roster(), now()).is_ok());

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
        grant.check(company.roster(), now()).unwrap().keys(),
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
        grant.check(company.roster(), now()).unwrap().keys(),
        [fingerprint("carl-2")]
    );
    rekey(&mut company, &["carl-3"]);
    assert_eq!(
        grant.check(company.roster(), now()).unwrap_err().code(),
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
    let refused = over.check(company.roster(), now().plus(3600)).unwrap_err();
    assert!(matches!(refused, Refusal::Ended { .. }));
}

#[test]
fn more_statements_than_32_are_not_looked_at() {
    let company = Company::new();
    let window = company.window();
    let many = company.grant(&window, &[(Verb::Grant, "ann"); 33]);
    assert_eq!(
        many.check(company.roster(), now()).unwrap_err().code(),
        "too-many-statements"
    );
}

#[test]
fn a_grant_comes_back_from_its_text_unchanged() {
    let company = Company::new();
    let grant = company.grant(
        &company.window(),
        &[(Verb::Request, "carl"), (Verb::Approve, "ann")],
    );
    let text = grant.to_text().unwrap();
    let again = Grant::parse(&text).unwrap();
    assert_eq!(again.to_text().unwrap(), text);
    assert!(again.check(company.roster(), now()).is_ok());
}

#[test]
fn what_would_not_fit_a_certificate_is_known_before_anybody_signs() {
    let company = Company::new();
    assert!(Grant::will_fit(&company.window(), 10).is_ok());
    let word = "x".repeat(60);
    let sudo = (0..220)
        .map(|number| format!("/bin/{number} {word}").parse().unwrap())
        .collect();
    let large = FrozenWindow::freeze(&Window {
        sudo,
        ..company.draft()
    })
    .unwrap();
    assert!(Grant::will_fit(&large, 1).is_ok());
    assert!(Grant::will_fit(&large, 10).is_err());
}

fn visit<'a>(
    host: &'a [HostName],
    account: &'a daypass_protocol::name::Account,
    source: &str,
) -> Visit<'a> {
    Visit {
        host,
        account,
        source: source.parse().ok(),
        now: now(),
    }
}

#[test]
fn a_visit_must_match_host_account_source_and_time() {
    let company = Company::new();
    let sources = Some(vec![
        "192.0.2.0/24".parse().unwrap(),
        "2001:db8::/32".parse().unwrap(),
    ]);
    let window = FrozenWindow::freeze(&Window {
        sources,
        ..company.draft()
    })
    .unwrap();
    let approved = company.approved(&window);
    let (db1, web): (Vec<HostName>, Vec<HostName>) = (
        vec!["alias".parse().unwrap(), "db1".parse().unwrap()],
        vec!["web".parse().unwrap()],
    );
    let (deploy, root) = ("deploy".parse().unwrap(), "root".parse().unwrap());
    let code = |visit: Visit<'_>| {
        approved
            .admits(&visit)
            .map_or_else(|turned| turned.code(), |_| "ok")
    };
    assert_eq!(code(visit(&db1, &deploy, "192.0.2.9")), "ok");
    assert_eq!(code(visit(&db1, &deploy, "::ffff:192.0.2.9")), "ok");
    assert_eq!(code(visit(&db1, &deploy, "2001:db8::1")), "ok");
    assert_eq!(code(visit(&web, &deploy, "192.0.2.9")), "wrong-host");
    assert_eq!(code(visit(&[], &deploy, "192.0.2.9")), "wrong-host");
    assert_eq!(code(visit(&db1, &root, "192.0.2.9")), "wrong-account");
    assert_eq!(code(visit(&db1, &deploy, "192.0.3.9")), "wrong-source");
    assert_eq!(code(visit(&db1, &deploy, "unknown")), "unknown-source");
    let at = |now| {
        code(Visit {
            now,
            ..visit(&db1, &deploy, "192.0.2.9")
        })
    };
    assert_eq!(at(time(NOW).minus(1)), "window-not-open-yet");
    assert_eq!(at(time(NOW).plus(3599)), "ok");
    assert_eq!(at(time(NOW).plus(3600)), "window-ended");
}

#[test]
fn hours_deny_or_alert_and_close_sessions_only_where_they_deny() {
    let company = Company::new();
    // NOW is a Monday, 11:00 in Amsterdam.
    let with = |ranges: &str, outside: &str| {
        let hours =
            format!(r#"{{"zone":"Europe/Amsterdam","ranges":[{ranges}],"outside":"{outside}"}}"#);
        let hours = Some(serde_json::from_str(&hours).unwrap());
        company.approved(
            &FrozenWindow::freeze(&Window {
                hours,
                ..company.draft()
            })
            .unwrap(),
        )
    };
    let (open, closed) = (
        r#"{"days":["mon"],"from":"11:00","to":"11:30"}"#,
        r#"{"days":["tue"],"from":"11:00","to":"11:30"}"#,
    );
    assert_eq!(with(open, "deny").admits_at(now()), Ok(Admission::Expected));
    assert_eq!(with(open, "deny").closes(now()), Ok(now().plus(1800)));
    assert_eq!(with(open, "alert").closes(now()), Ok(now().plus(3600)));
    assert!(matches!(
        with(closed, "deny").admits_at(now()),
        Err(Turned::OutsideHours { .. })
    ));
    assert_eq!(with(closed, "deny").closes(now()), Ok(now()));
    assert_eq!(
        with(closed, "alert").admits_at(now()),
        Ok(Admission::OutsideHours)
    );
}

#[test]
fn an_unknown_zone_lets_nobody_in() {
    let company = Company::new();
    let hours = r#"{"zone":"Europe/Atlantis","ranges":[{"days":["mon"],"from":"00:00","to":"24:00"}],"outside":"alert"}"#;
    let hours = Some(serde_json::from_str(hours).unwrap());
    let approved = company.approved(
        &FrozenWindow::freeze(&Window {
            hours,
            ..company.draft()
        })
        .unwrap(),
    );
    assert_eq!(
        approved.admits_at(now()).unwrap_err().code(),
        "unknown-zone"
    );
}
