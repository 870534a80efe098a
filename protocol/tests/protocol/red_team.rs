//! What somebody can open who holds the CA's machine: its signing keys, its database, its tokens. And what with one
//! approver's key besides, where the policy asks for two. Judged as a host judges: certificate, then grant.

use crate::company::{Company, first_roster, key, name, now, person, places, private_key, signed};
use daypass_protocol::certificate::{Profile, STATE_EXTENSION, WINDOW_EXTENSION};
use daypass_protocol::grant::Grant;
use daypass_protocol::roster::{Policy, Role, Roster, SignedRoster};
use daypass_protocol::sshsig;
use daypass_protocol::statement::{SignedStatement, Statement, Verb};
use daypass_protocol::window::{FrozenWindow, Window, WindowId};
use ssh_key::Certificate;
use ssh_key::certificate::{Builder, CertType};

/// A certificate by the CA's own key that carries this window with these statements, in perfect form.
fn certificate(window: &FrozenWindow, statements: &[SignedStatement]) -> Certificate {
    let document = window.document();
    let (after, before) = (document.starts, document.starts.plus(600));
    let subject = key("carl");
    let mut builder = Builder::new(
        [1; 32],
        subject.data().clone(),
        after.unix_unsigned(),
        before.unix_unsigned(),
    )
    .unwrap();
    let grant = Grant::new(window, statements.to_vec());
    builder
        .serial(1)
        .and_then(|builder| builder.cert_type(CertType::User))
        .and_then(|builder| builder.key_id(format!("daypass/{}/carl", document.id)))
        .and_then(|builder| builder.valid_principal(document.id.to_string()))
        .and_then(|builder| builder.extension(WINDOW_EXTENSION, grant.to_text().unwrap()))
        .and_then(|builder| builder.extension(STATE_EXTENSION, "1"))
        .unwrap();
    builder.sign(&private_key("user-ca")).unwrap()
}

/// What a host of the company says to it: `ok`, or the code of its refusal.
fn at_the_host(
    company: &Company,
    window: &FrozenWindow,
    statements: &[SignedStatement],
) -> &'static str {
    let certificate = certificate(window, statements);
    let profile = match Profile::check(&certificate, &[key("user-ca")], now()) {
        Ok(profile) => profile,
        Err(refusal) => return refusal.code(),
    };
    profile
        .approve(company.roster(), &places()[..1], now())
        .map_or_else(|refusal| refusal.code(), |_| "ok")
}

fn two_approvals() -> Company {
    let rules =
        serde_json::json!([{"name": "prod", "groups": ["db"], "require": {"approvals": 2}}]);
    Company::under(serde_json::from_value::<Policy>(serde_json::json!({"rules": rules})).unwrap())
}

/// The window that the thief would like: everything, everywhere.
fn wanted(company: &Company) -> FrozenWindow {
    FrozenWindow::freeze(&Window {
        id: WindowId::new(now(), [9; 10]),
        sudo: vec!["ALL".parse().unwrap()],
        permit: Vec::new(),
        ..company.draft()
    })
    .unwrap()
}

fn by(signer: &str, with: &str, statement: &Statement) -> SignedStatement {
    let statement = Statement {
        signer: name(signer),
        ..statement.clone()
    };
    statement
        .sign(sshsig::with_key(&private_key(with)))
        .unwrap()
}

#[test]
fn the_honest_papers_open_so_that_the_refusals_below_mean_something() {
    let company = Company::new();
    let window = wanted(&company);
    let said = [
        company.says(Verb::Request, "carl", &window),
        company.says(Verb::Approve, "ann", &window),
    ];
    assert_eq!(at_the_host(&company, &window, &said), "ok");
}

#[test]
fn the_cas_keys_and_database_open_nothing() {
    let company = Company::new();
    let window = wanted(&company);
    let old = company.window();
    // What the database holds: a window of last week, asked for and approved.
    let (asked, approved) = (
        company.says(Verb::Request, "carl", &old),
        company.says(Verb::Approve, "ann", &old),
    );
    let request = company.statement(Verb::Request, "carl", &window);
    let approve = company.statement(Verb::Approve, "ann", &window);
    let mut pasted = approved.clone();
    pasted.statement = serde_json::to_string(&approve).unwrap();
    let mut renamed = company.says(Verb::Request, "ann", &window);
    renamed.statement = renamed.statement.replace("request", "approve");
    for (what, said, code) in [
        ("nothing", vec![], "not-requested"),
        (
            "statements of another window",
            vec![asked.clone(), approved.clone()],
            "statement-other-window",
        ),
        (
            "the CA's own key under people's names",
            vec![
                by("carl", "user-ca", &request),
                by("ann", "user-ca", &approve),
            ],
            "signature-foreign-key",
        ),
        (
            "a name that the roster does not have",
            vec![by("mallory", "user-ca", &approve)],
            "signer-unknown",
        ),
        (
            "a signature under another text",
            vec![by("carl", "carl", &request), pasted],
            "signature-invalid",
        ),
        (
            "a request's signature as an approval",
            vec![by("carl", "carl", &request), renamed],
            "signature-invalid",
        ),
        (
            "what the contractor signs, in league with the thief",
            vec![by("carl", "carl", &request), by("carl", "carl", &approve)],
            "own-request",
        ),
    ] {
        assert_eq!(at_the_host(&company, &window, &said), code, "{what}");
    }
}

#[test]
fn an_approved_document_cannot_be_changed_by_a_byte() {
    let company = Company::new();
    let window = company.window();
    let said = [
        company.says(Verb::Request, "carl", &window),
        company.says(Verb::Approve, "ann", &window),
    ];
    let changes: [fn(&mut Window); 5] = [
        |window| window.ends = window.ends.plus(86_400),
        |window| window.sudo = vec!["ALL".parse().unwrap()],
        |window| window.accounts.push("root".parse().unwrap()),
        |window| window.hosts.push("web1".parse().unwrap()),
        |window| window.max_certificate_ttl = 3600,
    ];
    for change in changes {
        let mut document = window.document().clone();
        document.permit = Vec::new();
        change(&mut document);
        let changed = FrozenWindow::freeze(&document).unwrap();
        assert_eq!(
            at_the_host(&company, &changed, &said),
            "statement-other-window"
        );
    }
}

#[test]
fn a_roster_of_the_thiefs_own_is_none() {
    let company = Company::new();
    let mallory = |roster: &mut Roster| {
        roster
            .people
            .push(person("mallory", &[Role::Admin, Role::Approver]));
    };
    let mut next = Roster::clone(company.roster());
    next.number += 1;
    next.previous = Some(company.roster().hash());
    mallory(&mut next);
    for signers in [&["mallory"][..], &["user-ca"], &["ann", "bob"], &[]] {
        let forged: SignedRoster = signed(&next, signers);
        assert!(
            company.chain.clone().extend(&forged).is_err(),
            "{signers:?}"
        );
    }
    let mut first = first_roster(Policy::default());
    mallory(&mut first);
    let other = signed(&first, &["mallory"]);
    let pin = company.roster().pin();
    assert!(daypass_protocol::roster::Chain::verify(pin, &[other]).is_err());
}

#[test]
fn one_approvers_key_is_not_two_approvals() {
    let company = two_approvals();
    let window = wanted(&company);
    let says = |verb, signer| company.says(verb, signer, &window);
    for (what, said, code) in [
        ("a grant", vec![says(Verb::Grant, "ann")], "not-approved"),
        (
            "a grant, approved again",
            vec![says(Verb::Grant, "ann"), says(Verb::Approve, "ann")],
            "approved-twice",
        ),
        (
            "a request for somebody else, approved",
            vec![says(Verb::Request, "ann"), says(Verb::Approve, "ann")],
            "own-request",
        ),
        (
            "two approvals of one person",
            vec![
                says(Verb::Request, "carl"),
                says(Verb::Approve, "ann"),
                says(Verb::Approve, "ann"),
            ],
            "approved-twice",
        ),
        (
            "the other approver's name over the stolen key",
            vec![
                says(Verb::Request, "carl"),
                says(Verb::Approve, "ann"),
                by(
                    "bob",
                    "ann",
                    &company.statement(Verb::Approve, "bob", &window),
                ),
            ],
            "signature-foreign-key",
        ),
        (
            "an admin in place of the second approver",
            vec![
                says(Verb::Request, "carl"),
                says(Verb::Approve, "ann"),
                says(Verb::Approve, "ada"),
            ],
            "not-an-approver",
        ),
    ] {
        assert_eq!(at_the_host(&company, &window, &said), code, "{what}");
    }
    let both = [
        says(Verb::Request, "carl"),
        says(Verb::Approve, "ann"),
        says(Verb::Approve, "bob"),
    ];
    assert_eq!(at_the_host(&company, &window, &both), "ok");
}
