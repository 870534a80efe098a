//! What is not taken in about windows: documents that cannot be, and statements of those who may not.

use daypass_protocol::api::{CertificateWish, WindowView};
use daypass_protocol::roster::Role;
use daypass_protocol::sshsig;
use daypass_protocol::statement::Verb;
use daypass_protocol::window::WindowId;
use serde_json::{Value, json};

use crate::house::{House, Someone, no};

#[test]
fn nobody_approves_their_own_and_every_attempt_is_journalled() {
    let (cody, bob, eve) = (
        Someone::new("cody"),
        Someone::new("bob"),
        Someone::new("eve"),
    );
    let house = House::with(&[
        (&cody, &[Role::Contractor, Role::Approver]),
        (&bob, &[Role::Approver]),
        (&eve, &[Role::Contractor]),
    ]);
    house.host("db1");
    let say = |who: &Someone, verb, window: &_| house.say(who, verb, window).map(|_| ());
    let own = house.request(&cody, &house.wish("db1"));
    assert_eq!(say(&cody, Verb::Approve, &own), no(403, "own-window"));
    let mut wish = house.wish("db1");
    wish.contractor = Some(eve.name.clone());
    let asked = house.request(&bob, &wish);
    assert_eq!(say(&bob, Verb::Approve, &asked), no(403, "own-request"));
    assert_eq!(say(&eve, Verb::Approve, &asked), no(403, "not-an-approver"));
    assert_eq!(say(&eve, Verb::Revoke, &asked), no(403, "not-concerned"));
    assert_eq!(say(&cody, Verb::Grant, &asked), no(422, "wrong-verb"));
    // Somebody else's signature under one's own name, and one's own sent by somebody else.
    let forged = house.statement_of(Verb::Approve, &asked, &bob.name);
    let forged = forged.sign(sshsig::with_key(&eve.key)).unwrap();
    assert_eq!(
        house.send(&bob, &asked, &forged).map(|_| ()),
        no(403, "signature-foreign-key")
    );
    let cody_says = house.statement(&cody, Verb::Approve, &asked);
    assert_eq!(
        house.send(&eve, &asked, &cody_says).map(|_| ()),
        no(403, "foreign-statement")
    );
    let other = house.statement(&cody, Verb::Approve, &own);
    assert_eq!(
        house.send(&cody, &asked, &other).map(|_| ()),
        no(422, "statement-other-window")
    );
    assert_eq!(house.told("statement.refused").len(), 8);
    // A request's signature is no approval, even over the same words.
    let mut request = house.statement(&cody, Verb::Request, &asked);
    request.statement = request.statement.replace("request", "approve");
    assert_eq!(
        house.send(&cody, &asked, &request).map(|_| ()),
        no(403, "signature-invalid")
    );
    let codes: Vec<_> = house
        .told("statement.refused")
        .iter()
        .map(|entry| entry["code"].clone())
        .collect();
    assert_eq!(codes[0], "own-window");
    assert_eq!(say(&cody, Verb::Approve, &asked), Ok(()));
    assert_eq!(say(&cody, Verb::Approve, &asked), no(409, "said-twice"));
}

#[test]
fn a_grant_is_for_somebody_else_and_by_an_approver() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[
        (&cody, &[Role::Contractor, Role::Approver]),
        (&bob, &[Role::Contractor]),
    ]);
    house.host("db1");
    let own = house.draft(&cody, &house.wish("db1")).unwrap();
    assert_eq!(
        house.submit(&cody, Verb::Grant, &own).map(|_| ()),
        no(403, "own-window")
    );
    let mut wish = house.wish("db1");
    wish.contractor = Some(cody.name.clone());
    let others = house.draft(&bob, &wish).unwrap();
    assert_eq!(
        house.submit(&bob, Verb::Grant, &others).map(|_| ()),
        no(403, "not-an-approver")
    );
    assert_eq!(
        house.submit(&bob, Verb::Request, &others).map(|_| ()),
        no(403, "not-an-approver")
    );
    assert_eq!(
        house.submit(&bob, Verb::Approve, &others).map(|_| ()),
        no(422, "wrong-verb")
    );
}

#[test]
fn a_window_that_cannot_be_is_refused_at_submission() {
    let cody = Someone::new("cody");
    let house = House::with(&[(&cody, &[Role::Contractor])]);
    house.host("db1");
    let submit = |window: &_| {
        house
            .submit(&cody, Verb::Request, window)
            .map(|_: WindowView| ())
    };
    let drafted = |change: &dyn Fn(&mut daypass_protocol::api::Wish)| {
        let mut wish = house.wish("db1");
        change(&mut wish);
        house.draft(&cody, &wish)
    };
    let long = drafted(&|wish| wish.ends = wish.starts.plus(31 * 86_400)).unwrap();
    assert_eq!(submit(&long), no(422, "window-too-long"));
    let past = drafted(&|wish| {
        wish.starts = wish.starts.minus(600);
        wish.ends = wish.starts.plus(1);
    });
    assert_eq!(submit(&past.unwrap()), no(422, "window-ended"));
    let unknown = drafted(&|wish| wish.hosts = vec!["db7".parse().unwrap()]);
    assert_eq!(unknown.map(|_| ()), no(422, "unknown-host"));
    let empty = drafted(&|wish| wish.hosts = vec!["@nowhere".parse().unwrap()]);
    assert_eq!(empty.map(|_| ()), no(422, "empty-group"));
    let hours = |zone: &str| {
        let range = json!({"days": ["mon"], "from": "09:00", "to": "17:00"});
        serde_json::from_value(json!({"zone": zone, "ranges": [range], "outside": "deny"})).unwrap()
    };
    let nowhere = drafted(&|wish| wish.hours = Some(hours("Europe/Atlantis")));
    assert_eq!(nowhere.map(|_| ()), no(422, "unknown-zone"));
    let somewhere = drafted(&|wish| wish.hours = Some(hours("Europe/Amsterdam"))).unwrap();
    let text = somewhere.text().replace("Amsterdam", "Atlantis");
    let nowhere = daypass_protocol::window::FrozenWindow::parse(&text).unwrap();
    assert_eq!(submit(&nowhere), no(422, "unknown-zone"));
    assert_eq!(submit(&somewhere), Ok(()));
    let right = drafted(&|_| ()).unwrap();
    // By hand: an alias in place of the name, and a life of certificates beyond the policy's.
    let text = right.text().replace("\"db1\"", "\"db1.example.org\"");
    let alias = daypass_protocol::window::FrozenWindow::parse(&text).unwrap();
    assert_eq!(submit(&alias), no(422, "unknown-host"));
    let text = right.text().replace(
        "\"max_certificate_ttl\":3600",
        "\"max_certificate_ttl\":7200",
    );
    let greedy = daypass_protocol::window::FrozenWindow::parse(&text).unwrap();
    assert_eq!(submit(&greedy), no(422, "certificate-ttl"));
    // Dated so that whoever revokes its contractor until then would not mean it.
    let ahead = WindowId::new(house.now().plus(120), [7; 10]);
    let id = right.document().id.to_string();
    let text = right.text().replace(&id, &ahead.to_string());
    let ahead = daypass_protocol::window::FrozenWindow::parse(&text).unwrap();
    assert_eq!(submit(&ahead), no(422, "window-misdated"));
    assert_eq!(submit(&right), Ok(()));
    assert_eq!(submit(&right), no(409, "window-known"));
}

#[test]
fn a_window_that_would_not_fit_its_certificate_is_refused_at_submission() {
    let cody = Someone::new("cody");
    let house = House::with(&[(&cody, &[Role::Contractor])]);
    house.host("db1");
    house.change_roster(|roster| roster.policy.approvals = 8);
    let mut wish = house.wish("db1");
    wish.sudo = (0..120)
        .map(|at| {
            format!("/usr/bin/systemctl restart {at}-{}", "x".repeat(80))
                .parse()
                .unwrap()
        })
        .collect();
    let window = house.draft(&cody, &wish).unwrap();
    assert_eq!(
        house.submit(&cody, Verb::Request, &window).map(|_| ()),
        no(422, "window-too-large")
    );
}

#[test]
fn a_certificate_is_no_key() {
    let cody = Someone::new("cody");
    let house = House::with(&[(&cody, &[Role::Contractor])]);
    let machine = house.host("db1");
    let wish = CertificateWish {
        host: "db1".parse().unwrap(),
        account: "deploy".parse().unwrap(),
        key: cody.public(),
        window: None,
    };
    let mut body = serde_json::to_value(wish).unwrap();
    body["key"] = machine.enrolled.host_certificates[0].clone().into();
    let answer = house.post::<Value>(&cody, "/v1/certificates", &body);
    assert_eq!(answer.map(|_| ()), no(400, "malformed-body"));
}
