//! Statements, one by one and carried together.

use crate::company::{Company, name, now, places, private_key};
use daypass_protocol::digest::Pin;
use daypass_protocol::grant::Grant;
use daypass_protocol::sshsig;
use daypass_protocol::statement::{self, Statement, Verb};
use daypass_protocol::window::{FrozenWindow, Window};

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
            grant
                .check(company.roster(), &places(), now())
                .unwrap_err()
                .code(),
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
fn more_statements_than_32_are_not_looked_at() {
    let company = Company::new();
    let window = company.window();
    let many = company.grant(&window, &[(Verb::Grant, "ann"); 33]);
    assert_eq!(
        many.check(company.roster(), &places(), now())
            .unwrap_err()
            .code(),
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
    assert!(again.check(company.roster(), &places(), now()).is_ok());
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
