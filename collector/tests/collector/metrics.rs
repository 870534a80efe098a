//! What monitoring learns.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::site::{Site, refused};

/// Head and body of the answer to a bare GET.
fn asked(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn monitoring_learns_what_was_answered_and_how_things_stand() {
    let mut site = Site::new();
    let address = site.show_metrics();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    refused(host.send(&site, held + 5, b"nothing\n"));
    site.host("db2");

    let (head, body) = asked(address, "/ready");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body, "ready\n");
    let (head, body) = asked(address, "/metrics");
    assert!(head.contains("application/openmetrics-text"), "{head}");
    let route = "method=\"POST\",route=\"/v1/logs/{origin}/lines\"";
    for line in [
        format!("daypass_collector_requests_total{{{route},status=\"200\"}} 1"),
        format!("daypass_collector_requests_total{{{route},status=\"400\"}} 1"),
        format!("daypass_collector_request_seconds_count{{{route}}} 2"),
        // The collector's own is heard, too.
        "daypass_collector_journals{state=\"live\"} 2".to_owned(),
        "daypass_collector_journals{state=\"new\"} 1".to_owned(),
        "daypass_collector_journals{state=\"silent\"} 0".to_owned(),
        "daypass_collector_state_number 1".to_owned(),
    ] {
        assert!(body.contains(&line), "{line} is missing from\n{body}");
    }
    assert!(!body.contains("db1"), "hosts are not named: {body}");

    // The index is up to date at some time.
    let begun = Instant::now();
    let is_behind = || {
        !asked(address, "/metrics")
            .1
            .contains("index_segments_behind 0")
    };
    while is_behind() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
    // What is told once stays to be seen.
    assert!(asked(address, "/metrics").1.contains("segments_lost 0"));
    std::fs::remove_file(&site.stored()[0]).unwrap();
    site.server().collector().recall().unwrap();
    assert!(asked(address, "/metrics").1.contains("segments_lost 1"));
    let (head, _) = asked(address, "/v1/about");
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    site.stop();
    assert!(
        TcpStream::connect(address).is_err(),
        "it ends with the service"
    );
}
