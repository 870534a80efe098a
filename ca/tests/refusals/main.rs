//! What the API refuses: every route to those who may not, and every request that is not what it should be.

#[path = "../house/mod.rs"]
mod house;
mod invitations;
mod kinds;
mod statements;
mod tokens;
mod windows;

use daypass_ca::api::routes::{Access, Before, Method, ROUTES};
use daypass_protocol::api::About;
use daypass_protocol::roster::{Role, Roster, SignedRoster};
use daypass_protocol::sshsig;
use daypass_transport::client::Request;
use house::{House, No, Someone, no, refused};
use serde_json::{Value, json};

/// Who may use which route: written down a second time, on purpose.
const MAY: &[(&str, &str, &str)] = &[
    ("GET", "/v1/about", "anyone"),
    ("GET", "/v1/ready", "anyone"),
    (
        "GET",
        "/v1/roster",
        "contractor approver admin auditor host collector",
    ),
    ("POST", "/v1/roster", "anyone"),
    ("GET", "/v1/hosts", "contractor approver admin auditor"),
    ("POST", "/v1/hosts/tokens", "admin"),
    ("POST", "/v1/hosts/enroll", "anyone"),
    ("POST", "/v1/hosts/renew", "host"),
    ("POST", "/v1/hosts/comeback", "anyone"),
    ("POST", "/v1/hosts/retire", "host"),
    ("GET", "/v1/invitations", "admin"),
    ("POST", "/v1/invitations", "admin"),
    ("POST", "/v1/invitations/accept", "anyone"),
    ("POST", "/v1/invitations/withdraw", "admin"),
    ("POST", "/v1/collectors/renew", "collector"),
    ("POST", "/v1/collectors/witness", "collector"),
    ("POST", "/v1/windows/draft", "contractor approver"),
    ("POST", "/v1/windows", "contractor approver"),
    ("GET", "/v1/windows", "contractor approver admin auditor"),
    (
        "GET",
        "/v1/windows/{id}",
        "contractor approver admin auditor",
    ),
    (
        "POST",
        "/v1/windows/{id}/statements",
        "contractor approver admin",
    ),
    (
        "POST",
        "/v1/windows/{id}/narrowings",
        "contractor approver admin",
    ),
    ("POST", "/v1/certificates", "contractor"),
    (
        "GET",
        "/v1/state",
        "contractor approver admin auditor host collector",
    ),
    ("POST", "/v1/revocations", "contractor approver admin"),
    (
        "GET",
        "/v1/krl",
        "contractor approver admin auditor host collector",
    ),
    ("GET", "/v1/krl/hosts", "anyone"),
    ("GET", "/v1/journal", "approver admin auditor"),
];

/// Refusals that mean "not you", as opposed to "not this".
fn is_turned_away((status, code): &No) -> bool {
    *status == 401 || (*status == 403 && code == "role")
}

fn word(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
    }
}

#[test]
fn every_route_answers_exactly_those_who_may_use_it() {
    let people = [
        ("contractor", Someone::new("cody"), Role::Contractor),
        ("approver", Someone::new("bob"), Role::Approver),
        ("auditor", Someone::new("otto"), Role::Auditor),
    ];
    let roles = people.each_ref().map(|(_, _, role)| [*role]);
    let listed: Vec<(&Someone, &[Role])> = people
        .iter()
        .zip(&roles)
        .map(|((_, someone, _), roles)| (someone, roles.as_slice()))
        .collect();
    let house = House::with(&listed);
    let machine = house.host("db1");
    let collector = house.collector("log");
    let stranger = Someone::new("cody");
    assert_eq!(ROUTES.len(), MAY.len());
    for (route, (method, path, may)) in ROUTES.iter().zip(MAY) {
        assert_eq!((word(route.method), route.path), (*method, *path));
        let path = path.replace("{id}", "w-00000000000000000000000000");
        let outcome = |header: Option<&str>,
                       client: &daypass_transport::client::Client|
         -> Result<Value, No> {
            let request = match route.method {
                Method::Get => Request::get(&path),
                Method::Post => Request::post(&path, b"{}"),
            };
            let answer = client.fetch(
                &header.map_or(request.clone(), |header| request.clone().authorized(header)),
            );
            // Not every route answers with JSON; that it answers is enough here.
            refused(answer.map(|body| serde_json::from_slice(&body).unwrap_or(Value::Null)))
        };
        let body: &[u8] = if route.method == Method::Post {
            b"{}"
        } else {
            b""
        };
        let check = |who: &str, answer: Result<Value, No>| {
            let may = may.split(' ').any(|may| may == who || may == "anyone");
            let turned_away = answer.as_ref().err().is_some_and(is_turned_away);
            assert_eq!(turned_away, !may, "{who} at {method} {path}: {answer:?}");
        };
        let plain = house.client(None);
        for (role, someone, _) in &people {
            check(
                role,
                outcome(Some(&house.header(someone, method, &path, body)), &plain),
            );
        }
        check(
            "admin",
            outcome(
                Some(&house.header(&house.admin, method, &path, body)),
                &plain,
            ),
        );
        check(
            "stranger",
            outcome(Some(&house.header(&stranger, method, &path, body)), &plain),
        );
        check("nobody", outcome(None, &plain));
        check("host", outcome(None, &house.client_of(&machine)));
        check("collector", outcome(None, &house.client_as(&collector)));
    }
}

#[test]
fn before_roster_1_is_signed_the_ca_answers_about_ready_and_roster_alone() {
    let house = House::unsigned();
    for route in ROUTES {
        let path = route.path.replace("{id}", "w-00000000000000000000000000");
        let request = match route.method {
            Method::Get => Request::get(&path),
            Method::Post => Request::post(&path, b"{}"),
        };
        let answer: Result<Value, No> = refused(house.client(None).call(&request));
        let waits = answer == no(503, "roster-unsigned");
        assert_eq!(
            waits,
            route.before == Before::Waits,
            "{}: {answer:?}",
            route.path
        );
        let open = matches!(route.path, "/v1/about" | "/v1/ready" | "/v1/roster");
        assert_eq!(open, route.before == Before::Answers, "{}", route.path);
    }
    let about: About = house.get_bare("/v1/about").unwrap();
    assert!(!about.active);
    assert_eq!(about.ca, house.newborn.pin);
}

#[test]
fn no_route_that_changes_anything_is_open_to_anyone() {
    for route in ROUTES {
        assert!(
            route.method == Method::Get || route.access != Access::Anyone,
            "{}",
            route.path
        );
    }
}

#[test]
fn unlisted_routes_and_methods_are_refused() {
    let house = House::with(&[]);
    let get = |path| house.get_bare::<Value>(path);
    assert_eq!(get("/v1/nothing"), no(404, "no-such-route"));
    assert_eq!(get("/"), no(404, "no-such-route"));
    assert_eq!(get("/v1/windows/draft/"), no(404, "no-such-route"));
    assert_eq!(get("/v1/certificates"), no(405, "no-such-method"));
    assert_eq!(
        house.post_bare::<Value>("/v1/about", &json!({})),
        no(405, "no-such-method")
    );
}

#[test]
fn only_the_admins_signature_puts_roster_1_in_force() {
    let house = House::unsigned();
    let text = house.chain().chain[0].roster.clone();
    let mut by_a_stranger = SignedRoster::unsigned(text.clone());
    by_a_stranger
        .sign(sshsig::with_key(&Someone::new("eve").key))
        .unwrap();
    assert_eq!(
        house.post_roster(&by_a_stranger).map(|_| ()),
        no(422, "roster-refused")
    );
    let mut another = SignedRoster::unsigned(text.replace("ada", "eve"));
    another.sign(sshsig::with_key(&house.admin.key)).unwrap();
    assert_eq!(
        house.post_roster(&another).map(|_| ()),
        no(422, "roster-refused")
    );
    let mut right = SignedRoster::unsigned(text);
    right.sign(sshsig::with_key(&house.admin.key)).unwrap();
    assert_eq!(house.post_roster(&right).unwrap().number, 1);
    assert_eq!(
        house.post_roster(&right).map(|_| ()),
        no(409, "roster-not-new")
    );
}

#[test]
fn the_recovery_key_signs_a_roster_when_no_admin_can_and_the_journal_says_so() {
    let house = House::with(&[]);
    let recovery = ssh_key::PrivateKey::from_openssh(house.newborn.recovery.as_bytes()).unwrap();
    let new_admin = Someone::new("eda");
    let new_recovery = Someone::new("r");
    let mut next = house.next_roster(|roster| {
        roster.people = vec![new_admin.entry(&[Role::Admin])];
        roster.recovery = new_recovery.public();
    });
    next.sign(sshsig::with_key(&recovery)).unwrap();
    assert_eq!(house.post_roster(&next).unwrap().number, 3);
    assert_eq!(
        house.told("roster.signed")[2]["detail"]["signers"],
        "recovery"
    );
    let alarms = house.told("alarm.recovery-key");
    assert_eq!(
        (alarms.len(), &alarms[0]["detail"]["roster"]),
        (1, &json!(3))
    );
}

#[test]
fn a_key_never_comes_to_stand_for_somebody_else() {
    let (cody, dana) = (Someone::new("cody"), Someone::new("dana"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&dana, &[Role::Contractor])]);
    let post = |change: &dyn Fn(&mut Roster)| {
        let mut next = house.next_roster(change);
        next.sign(sshsig::with_key(&house.admin.key)).unwrap();
        house.post_roster(&next).map(|_| ())
    };
    let without_cody = |roster: &mut Roster| roster.people.retain(|it| it.name != cody.name);
    let heir = Someone {
        name: "eve".parse().unwrap(),
        key: cody.key.clone(),
    };
    // Not in one step, and not when the one before is forgotten.
    let at_once = post(&|roster| {
        without_cody(roster);
        roster.people.push(heir.entry(&[Role::Contractor]));
    });
    assert_eq!(at_once, no(422, "key-of-another"));
    assert_eq!(post(&without_cody), Ok(()));
    let later = post(&|roster| roster.people.push(heir.entry(&[Role::Contractor])));
    assert_eq!(later, no(422, "key-of-another"));
    let second = post(&|roster| {
        let dana = roster.people.iter_mut().find(|it| it.name == dana.name);
        dana.unwrap().keys.push(cody.public());
    });
    assert_eq!(second, no(422, "key-of-another"));
    // Whose it is may come back with it.
    let back = post(&|roster| roster.people.push(cody.entry(&[Role::Approver])));
    assert_eq!(back, Ok(()));
}

#[test]
fn a_request_is_taken_once_even_across_a_crash() {
    let mut house = House::with(&[]);
    let header = house.header(&house.admin, "GET", "/v1/hosts", b"");
    let send = |house: &House| {
        refused::<Value>(
            house
                .client(None)
                .call(&Request::get("/v1/hosts").authorized(&header)),
        )
        .map(|_| ())
    };
    assert_eq!(send(&house), Ok(()));
    assert_eq!(send(&house), no(401, "replay"));
    house.crash();
    house.start();
    assert_eq!(send(&house), no(401, "replay"));
    assert_eq!(house.told("request.refused").len(), 2);
}

#[test]
fn a_signature_serves_for_its_own_method_path_query_and_body_alone() {
    let house = House::with(&[]);
    let call = |header: &str, request: Request<'_>| {
        refused::<Value>(house.client(None).call(&request.authorized(header))).map(|_| ())
    };
    let other_path = house.header(&house.admin, "GET", "/v1/windows", b"");
    assert_eq!(
        call(&other_path, Request::get("/v1/hosts")),
        no(401, "signature-invalid")
    );
    let other_query = house.header(&house.admin, "GET", "/v1/windows?state=open", b"");
    assert_eq!(
        call(&other_query, Request::get("/v1/windows")),
        no(401, "signature-invalid")
    );
    let other_body = house.header(&house.admin, "POST", "/v1/hosts/tokens", b"{}");
    assert_eq!(
        call(&other_body, Request::post("/v1/hosts/tokens", b"{ }")),
        no(401, "signature-invalid")
    );
    assert_eq!(
        call("Bearer 1234", Request::get("/v1/hosts")),
        no(401, "not-signed")
    );
}

#[test]
fn a_clock_that_is_off_is_told_by_how_much() {
    let house = House::with(&[]);
    let header = house.header_at(
        &house.admin,
        "GET",
        "/v1/hosts",
        b"",
        house.now().minus(100),
    );
    let error = house
        .client(None)
        .call::<Value>(&Request::get("/v1/hosts").authorized(&header))
        .unwrap_err();
    let daypass_transport::client::Error::Api { code, message, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(code, "clock-skew");
    assert!(
        message.contains("-100") || message.contains("-101"),
        "{message}"
    );
}

#[test]
fn oversized_and_malformed_bodies_are_refused() {
    let house = House::with(&[]);
    let post = |path: &str, body: &[u8]| {
        let header = house.header(&house.admin, "POST", path, body);
        refused::<Value>(
            house
                .client(None)
                .call(&Request::post(path, body).authorized(&header)),
        )
        .map(|_| ())
    };
    let large = vec![b' '; 64 * 1024 + 1];
    assert_eq!(post("/v1/hosts/tokens", &large), no(413, "body-too-large"));
    assert_eq!(
        post("/v1/roster", &vec![b' '; 512 * 1024 + 1]),
        no(413, "body-too-large")
    );
    for body in [
        &b"not json"[..],
        b"",
        b"\xff\xfe",
        b"{\"host\":\"db1\",\"host\":\"db1\",\"ttl\":600}",
        b"{\"host\":\"db1\",\"ttl\":600,\"extra\":1}",
        b"{\"host\":\"DB 1\",\"ttl\":600}",
        b"{\"host\":\"db1,root\",\"ttl\":600}",
    ] {
        assert_eq!(post("/v1/hosts/tokens", body), no(400, "malformed-body"));
    }
}

#[test]
fn one_address_is_told_to_wait() {
    let mut house = House::with(&[]);
    house.crash();
    house.limit = 3;
    house.start();
    let about = || house.get_bare::<About>("/v1/about").map(|_| ());
    assert_eq!((about(), about(), about()), (Ok(()), Ok(()), Ok(())));
    assert_eq!(about(), no(429, "too-many-requests"));
}
