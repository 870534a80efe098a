//! Client and server of this crate over the loopback interface, on ports that the system chooses.

#[path = "loopback/served.rs"]
mod served;

use daypass_transport::authority::{self, Authority};
use daypass_transport::client::{Client, ClientIdentity, Error, Request, SetupError};
use daypass_transport::fetch;
use daypass_transport::request::SigningRequest;
use serde::Deserialize;
use served::Served;
use std::time::{Duration, SystemTime};

#[derive(Debug, Deserialize, PartialEq)]
struct Seen {
    line: String,
    authorization: Option<String>,
    body: String,
    host: Option<String>,
}

fn authority() -> Authority {
    Authority::create("daypass test root", SystemTime::now()).unwrap()
}

#[test]
fn a_client_that_trusts_the_root_is_answered() {
    let root = authority();
    let server = Served::start(&root, &["localhost", "127.0.0.1"]);
    for base in [
        format!("https://localhost:{}", server.port),
        format!("https://127.0.0.1:{}", server.port),
    ] {
        let client = Client::new(&base, root.certificate(), None).unwrap();
        let seen: Seen = client
            .call(&Request::post("/v1/echo?a=b", b"{\"x\":1}").authorized("Scheme abc"))
            .unwrap();
        assert_eq!(seen.line, "POST /v1/echo?a=b HTTP/1.1");
        assert_eq!(seen.authorization.as_deref(), Some("Scheme abc"));
        assert_eq!(seen.body, "{\"x\":1}");
        assert_eq!(seen.host, None);
    }
}

#[test]
fn a_host_is_known_by_the_name_that_the_root_gave_it() {
    let root = authority();
    let server = Served::start(&root, &["localhost"]);
    let request = SigningRequest::create("a-name-of-its-own-choosing").unwrap();
    let certificate = root
        .issue_host(&request.csr, "db1", SystemTime::now())
        .unwrap();
    let identity = ClientIdentity {
        certificate: &certificate,
        key: &request.key,
    };
    let client = Client::new(&server.base(), root.certificate(), Some(identity)).unwrap();
    let seen: Seen = client.call(&Request::get("/v1/state")).unwrap();
    assert_eq!(seen.host.as_deref(), Some("db1"));
}

#[test]
fn a_client_certificate_of_another_root_is_refused() {
    let root = authority();
    let server = Served::start(&root, &["localhost"]);
    let request = SigningRequest::create("db1").unwrap();
    let certificate = authority()
        .issue_host(&request.csr, "db1", SystemTime::now())
        .unwrap();
    let identity = ClientIdentity {
        certificate: &certificate,
        key: &request.key,
    };
    let client = Client::new(&server.base(), root.certificate(), Some(identity)).unwrap();
    let error = client.fetch(&Request::get("/v1/state")).unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
}

#[test]
fn an_expired_client_certificate_is_refused() {
    let root = authority();
    let server = Served::start(&root, &["localhost"]);
    let request = SigningRequest::create("db1").unwrap();
    let long_ago = SystemTime::now() - 2 * authority::HOST_LIFETIME;
    let certificate = root.issue_host(&request.csr, "db1", long_ago).unwrap();
    let identity = ClientIdentity {
        certificate: &certificate,
        key: &request.key,
    };
    let client = Client::new(&server.base(), root.certificate(), Some(identity)).unwrap();
    assert!(client.fetch(&Request::get("/v1/state")).is_err());
}

#[test]
fn a_server_certificate_is_no_client_certificate() {
    let root = authority();
    let server = Served::start(&root, &["localhost"]);
    let leaf = root
        .issue_server(&["db1".to_owned()], SystemTime::now())
        .unwrap();
    let identity = ClientIdentity {
        certificate: &leaf.chain,
        key: &leaf.key,
    };
    let client = Client::new(&server.base(), root.certificate(), Some(identity)).unwrap();
    assert!(client.fetch(&Request::get("/v1/state")).is_err());
}

#[test]
fn a_server_under_another_root_is_not_believed() {
    let server = Served::start(&authority(), &["localhost"]);
    let client = Client::new(&server.base(), authority().certificate(), None).unwrap();
    let error = client.fetch(&Request::get("/")).unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
}

#[test]
fn a_server_of_another_name_is_not_believed() {
    let root = authority();
    let server = Served::start(&root, &["ca.example.org"]);
    let client = Client::new(&server.base(), root.certificate(), None).unwrap();
    let error = client.fetch(&Request::get("/")).unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
}

#[test]
fn a_refusal_of_the_api_is_told_in_its_own_words() {
    let root = authority();
    let server = Served::start(&root, &["localhost"]);
    let client = Client::new(&server.base(), root.certificate(), None).unwrap();
    match client.fetch(&Request::get("/refuse")).unwrap_err() {
        Error::Api {
            status,
            code,
            message,
        } => {
            assert_eq!(
                (status, code.as_str(), message.as_str()),
                (403, "own-window", "Not your own.")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_that_is_not_json_is_told_apart() {
    let root = authority();
    let server = Served::start(&root, &["localhost"]);
    let client = Client::new(&server.base(), root.certificate(), None).unwrap();
    assert!(matches!(
        client.call::<Seen>(&Request::get("/text")).unwrap_err(),
        Error::NotJson { .. }
    ));
    assert!(matches!(
        client.fetch(&Request::get("/bare")).unwrap_err(),
        Error::Status { status: 500, .. }
    ));
}

#[test]
fn nobody_at_the_port_is_unreachable() {
    let root = authority();
    // No test is ever given this one, as it might be one that was merely free a moment ago.
    let port = 1;
    let base = format!("https://127.0.0.1:{port}");
    let client = Client::new(&base, root.certificate(), None).unwrap();
    let error = client.fetch(&Request::get("/")).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(matches!(
        fetch::root("127.0.0.1", port, root.hash()).unwrap_err(),
        fetch::Error::Unreachable { .. }
    ));
}

#[test]
fn the_root_is_fetched_by_its_hash() {
    let root = authority();
    let server = Served::start(&root, &["localhost"]);
    let fetched = fetch::root("localhost", server.port, root.hash()).unwrap();
    assert_eq!(authority::root_hash(&fetched).unwrap(), root.hash());
    let client = Client::new(&server.base(), &fetched, None).unwrap();
    client.call::<Seen>(&Request::get("/")).unwrap();
}

#[test]
fn a_root_of_another_hash_is_not_fetched() {
    let server = Served::start(&authority(), &["localhost"]);
    let error = fetch::root("localhost", server.port, authority().hash()).unwrap_err();
    assert!(matches!(error, fetch::Error::OtherRoot { .. }), "{error:?}");
}

#[test]
fn a_root_shown_beside_a_foreign_leaf_is_not_fetched() {
    let root = authority();
    let impostor = authority();
    let leaf = impostor
        .issue_server(&["localhost".to_owned()], SystemTime::now())
        .unwrap();
    let own = leaf
        .chain
        .split_inclusive("-----END CERTIFICATE-----\n")
        .next()
        .unwrap();
    let server = Served::start_with(
        &(own.to_owned() + root.certificate()),
        &leaf.key,
        root.certificate(),
    );
    let error = fetch::root("localhost", server.port, root.hash()).unwrap_err();
    assert!(matches!(error, fetch::Error::Untrusted { .. }), "{error:?}");
}

#[test]
fn a_root_is_not_fetched_from_a_server_of_another_name() {
    let root = authority();
    let server = Served::start(&root, &["ca.example.org"]);
    let error = fetch::root("localhost", server.port, root.hash()).unwrap_err();
    assert!(matches!(error, fetch::Error::Untrusted { .. }), "{error:?}");
}

#[test]
fn a_stored_root_is_the_same_root() {
    let root = authority();
    let again = Authority::from_pem(root.certificate(), &root.key()).unwrap();
    assert_eq!(again.hash(), root.hash());
    let server = Served::start(&again, &["localhost"]);
    Client::new(&server.base(), root.certificate(), None)
        .unwrap()
        .fetch(&Request::get("/"))
        .unwrap();
}

#[test]
fn the_end_of_a_certificate_can_be_read() {
    let root = authority();
    let now = SystemTime::now();
    let request = SigningRequest::create("db1").unwrap();
    let certificate = root.issue_host(&request.csr, "db1", now).unwrap();
    let left = authority::expires(&certificate)
        .unwrap()
        .duration_since(now)
        .unwrap();
    assert!(left.abs_diff(authority::HOST_LIFETIME) < Duration::from_secs(2));
}

#[test]
fn a_certificate_and_a_key_that_do_not_fit_are_refused_at_once() {
    let root = authority();
    let request = SigningRequest::create("db1").unwrap();
    let other = SigningRequest::create("db1").unwrap();
    let certificate = root
        .issue_host(&request.csr, "db1", SystemTime::now())
        .unwrap();
    let identity = ClientIdentity {
        certificate: &certificate,
        key: &other.key,
    };
    let refused = Client::new("https://localhost:1", root.certificate(), Some(identity));
    assert!(matches!(refused, Err(SetupError::Identity(_))));
}

#[test]
fn a_signing_request_that_was_altered_is_refused() {
    let root = authority();
    let request = SigningRequest::create("db1").unwrap();
    let swapped = SigningRequest::create("db2").unwrap();
    let damaged = request.csr.replacen("MI", "NI", 1);
    for csr in [damaged.as_str(), &swapped.key, "", &"x".repeat(20_000)] {
        assert!(root.issue_host(csr, "db1", SystemTime::now()).is_err());
    }
}
