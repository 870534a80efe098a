//! The service as systemd and monitoring see it.

mod house;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use daypass_protocol::api::{About, Ready};
use daypass_protocol::state::SignedState;
use daypass_transport::client::Request;
use house::{House, no, refused};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// An address that nobody listens on, nor will anybody but us: in the loopback network there is one for each process.
fn unused() -> SocketAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let ours = Ipv4Addr::new(127, 64 | high, middle, low);
    let listener = TcpListener::bind((ours, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// What a plain HTTP request is answered with: head and body.
fn asked(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn the_program_takes_systemds_socket_tells_that_it_is_ready_and_stops_in_order() {
    let mut house = House::with(&[]);
    let program = house.program(&[], None);
    // The socket answers by then, and before: what connects early waits.
    let about: About = house
        .client_to(&program)
        .call(&Request::get("/v1/about"))
        .unwrap();
    assert!(about.active);
    program.tells("READY=1");
    let status = program.stop();
    assert!(status.success(), "{status}");
    house.start();
    assert_eq!(house.told("ca.stop").len(), 1);
    assert!(house.told("journal.recovered").is_empty());
}

/// By the program's own clock: nothing but the minute brings the next one about.
#[test]
fn the_state_is_signed_every_minute_though_it_says_nothing_new() {
    let mut house = House::with(&[]);
    let program = house.program(&[], None);
    program.tells("READY=1");
    let state = |path: &str| {
        let signed: SignedState = house.get_from(&program, &house.admin, path).unwrap();
        signed.read_unverified().unwrap()
    };
    let (first, begun) = (state("/v1/state"), Instant::now());
    let path = format!("/v1/state?after={}&wait=5", first.number);
    let next = loop {
        // Held back for a while: there is no other number.
        let state = state(&path);
        // At its start the program signs twice, maybe in two seconds.
        if state.time.unix() - first.time.unix() > 30 {
            break state;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "never signed again"
        );
    };
    assert_eq!(next.number, first.number);
    program.end();
}

#[test]
fn monitoring_learns_what_was_answered_and_whether_the_ca_is_ready() {
    let mut house = House::with(&[]);
    let metrics = unused();
    let program = house.program(&[], Some(metrics));
    program.tells("READY=1");
    let ready: Ready = house
        .client_to(&program)
        .call(&Request::get("/v1/ready"))
        .unwrap();
    assert!(ready.ready);
    let (head, body) = asked(metrics, "/ready");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body, "ready\n");
    let (head, body) = asked(metrics, "/metrics");
    assert!(head.contains("application/openmetrics-text"), "{head}");
    for line in [
        "daypass_ca_requests_total{method=\"GET\",route=\"/v1/ready\",status=\"200\"} 1",
        "daypass_ca_request_seconds_count{method=\"GET\",route=\"/v1/ready\"} 1",
        "daypass_ca_roster_number 2",
        "daypass_ca_state_age_seconds",
    ] {
        assert!(body.contains(line), "{line} is missing from\n{body}");
    }
    let (head, _) = asked(metrics, "/v1/about");
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    program.end();
}

#[test]
fn a_ca_that_cannot_do_its_work_says_so() {
    let house = House::unsigned();
    let answer = refused(house.client(None).call::<Ready>(&Request::get("/v1/ready")));
    assert_eq!(answer.map(|_| ()), no(503, "not-ready"));
    let house = House::with(&[]);
    let ready: Ready = house.get_bare("/v1/ready").unwrap();
    assert!(ready.ready);
    // Three minutes without a fresh state: the upkeep hangs.
    house.pass(200);
    let answer: Result<Ready, _> = house.get_bare("/v1/ready");
    assert_eq!(answer.map(|_| ()), no(503, "not-ready"));
}

/// A connection over TLS on which this was sent.
fn connected(house: &House, sent: &[u8]) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(house.root().as_bytes()) {
        roots.add(root.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let address = house.url().replace("https://localhost", "127.0.0.1");
    let socket = TcpStream::connect(address).unwrap();
    // Long after the CA should have had enough.
    socket
        .set_read_timeout(Some(Duration::from_secs(120)))
        .unwrap();
    let mut stream = StreamOwned::new(tls, socket);
    stream.write_all(sent).unwrap();
    stream.flush().unwrap();
    stream
}

#[test]
fn whoever_holds_a_connection_and_asks_nothing_is_cut_off() {
    let house = House::with(&[]);
    let request = b"GET /v1/about HTTP/1.1\r\nHost: localhost\r\n";
    let answered = [request.as_slice(), b"\r\n"].concat();
    let held = [
        ("nothing is sent", connected(&house, b"")),
        ("half a request is sent", connected(&house, request)),
        ("nothing is sent any more", connected(&house, &answered)),
    ];
    for (what, mut stream) in held {
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert!(
                !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                "{what}: {error}"
            ),
        }
        let is_answered = answer.starts_with(b"HTTP/1.1 200");
        assert_eq!(is_answered, what.ends_with("any more"), "{what}");
    }
    // Others are served as before.
    assert!(house.get_bare::<About>("/v1/about").unwrap().active);
}
