//! Whatever is refused has a reason, stands in the collector's journal, and leaves nothing behind.

use std::time::{Duration, SystemTime};

use daypass_transport::authority::Authority as Root;
use daypass_transport::client::{Error, Request};
use serde_json::{Value, json};

use crate::site::ca::issue;
use crate::site::{Site, refused, until};

/// The last refusal in the journal has this action and code, and nothing is stored.
fn is_journalled(site: &Site, action: &str, code: &str) {
    let entry = site.journalled(action).pop().expect(code);
    assert_eq!(
        (entry["code"].as_str(), entry["outcome"].as_str()),
        (Some(code), Some("denied"))
    );
    assert_eq!(entry["origin"]["address"], "127.0.0.1");
    assert!(site.stored().is_empty());
}

#[test]
fn an_unknown_host_is_told_to_show_its_record() {
    let site = Site::new();
    let host = site.stranger("db1");
    host.write(&[json!({"action": "x"})]);
    assert_eq!(
        refused(host.send(&site, 0, &host.lines(0))),
        (404, "unknown-log".to_owned())
    );
    is_journalled(&site, "upload.refused", "unknown-log");
}

#[test]
fn a_host_writes_its_own_journal_only() {
    let site = Site::new();
    let (db1, mut db2) = (site.host("db1"), site.host("db2"));
    db1.write(&[json!({"action": "x"})]);
    db2.origin.clone_from(&db1.origin);
    for result in [
        db2.send(&site, 0, &db1.lines(0)),
        db2.register(&site),
        site.client(Some(&db2.identity))
            .call(&Request::get(&db1.path())),
    ] {
        assert_eq!(refused(result), (403, "not-your-journal".to_owned()));
    }
    is_journalled(&site, "upload.refused", "not-your-journal");
}

#[test]
fn a_host_that_asks_too_much_at_once_keeps_no_other_from_being_heard() {
    let site = Site::new();
    let (db1, db2) = (site.host("db1"), site.host("db2"));
    for host in [&db1, &db2] {
        host.write(&[json!({"action": "x"})]);
    }
    let log = db1.origin.parse().unwrap();
    let collector = site.server().collector();
    std::thread::scope(|scope| {
        let uploads = collector.with_log(&log, || {
            // They wait for the log, and each has a thread meanwhile. One may come when the question below is under way.
            let send = || until("it is taken", || db1.send(&site, 0, &db1.lines(0)).is_ok());
            let uploads: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
            let client = site.client(Some(&db1.identity));
            until("the next is refused", || {
                match client.call::<Value>(&Request::get(&db1.path())) {
                    Ok(_) => false,
                    Err(error) => {
                        let refusal = (429, "too-many-at-once".to_owned());
                        assert_eq!(refused(Err::<Value, _>(error)), refusal);
                        true
                    }
                }
            });
            db2.forward(&site, 0);
            uploads
        });
        for upload in uploads {
            upload.join().unwrap();
        }
    });
    db1.forward(&site, 0);
}

#[test]
fn without_a_client_certificate_nothing_is_taken() {
    let site = Site::new();
    let host = site.host("db1");
    let path = format!("{}/lines?from=0", host.path());
    let result: Result<Value, _> = site.client(None).call(&Request::post(&path, b"x\n"));
    assert_eq!(refused(result), (401, "no-certificate".to_owned()));
    is_journalled(&site, "upload.refused", "no-certificate");
}

#[test]
fn an_expired_or_foreign_client_certificate_is_refused_and_journalled() {
    let site = Site::new();
    let host = site.host("db1");
    let year_ago = SystemTime::now() - Duration::from_secs(365 * 86_400);
    let expired = issue(&site.ca.root, "db1", year_ago);
    let foreign = issue(
        &Root::create("other", SystemTime::now()).unwrap(),
        "db1",
        SystemTime::now(),
    );
    for identity in [expired, foreign] {
        let before = site.journalled("request.refused").len();
        let result: Result<Value, Error> = site
            .client(Some(&identity))
            .call(&Request::get(&host.path()));
        result.unwrap_err();
        let begun = std::time::Instant::now();
        while site.journalled("request.refused").len() == before {
            assert!(begun.elapsed() < Duration::from_secs(60), "not journalled");
            std::thread::yield_now();
        }
        let entry = site.await_journalled("request.refused");
        assert_eq!(entry["code"], "certificate-refused");
    }
}

#[test]
fn a_record_that_the_ca_did_not_sign_registers_nobody() {
    let site = Site::new();
    let mut host = site.stranger("db1");
    host.record.record = host.record.record.replace("\"v\":1", "\"v\": 1");
    assert_eq!(
        refused(host.register(&site)),
        (422, "record-refused".to_owned())
    );
    is_journalled(&site, "upload.refused", "record-refused");

    let other = Site::new().stranger("db1");
    host.record = other.record;
    assert_eq!(refused(host.register(&site)).0, 422, "another CA's record");

    let (mut db1, db2) = (site.stranger("db1"), site.stranger("db2"));
    db1.record = db2.record;
    assert_eq!(
        refused(db1.register(&site)),
        (422, "record-of-another-log".to_owned())
    );
}

#[test]
fn a_second_record_for_one_incarnation_is_refused() {
    let site = Site::new();
    site.host("db1");
    let again = site.stranger("db1");
    assert_eq!(
        refused(again.register(&site)),
        (422, "registered-differently".to_owned())
    );
}

#[test]
fn what_is_malformed_oversized_or_cut_off_is_refused() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    let lines = host.lines(0);
    let unsealed = lines.iter().rposition(|byte| *byte == b'{').unwrap();
    for (body, code) in [
        (b"".to_vec(), "malformed-lines"),
        (b"hello\n".to_vec(), "malformed-lines"),
        (lines[..lines.len() - 1].to_vec(), "malformed-lines"),
        (lines[..unsealed].to_vec(), "malformed-lines"),
        (
            [&b"x".repeat(70_000), &b"\n"[..], &lines].concat(),
            "malformed-lines",
        ),
    ] {
        let (status, found) = refused(host.send(&site, 0, &body));
        assert_eq!(found, code);
        assert!([400, 422].contains(&status));
        is_journalled(&site, "upload.refused", code);
    }
    let large = vec![b'\n'; 4 * 1024 * 1024 + 1];
    // The answer comes before the body is read, and may be lost when the connection then closes.
    host.send(&site, 0, &large).unwrap_err();
    is_journalled(&site, "upload.refused", "body-too-large");
}

#[test]
fn one_bit_anywhere_in_an_upload_is_noticed() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    let lines = host.lines(0);
    for place in (0..lines.len()).step_by(61) {
        let mut bent = lines.clone();
        bent[place] ^= 1;
        assert!(host.send(&site, 0, &bent).is_err(), "byte {place}");
    }
    assert!(host.forward(&site, 0)["size"].as_u64().unwrap() > 0);
}

#[test]
fn routes_that_are_not_there_and_methods_that_do_not_fit_say_so() {
    let site = Site::new();
    let client = site.client(None);
    let nowhere: Result<Value, _> = client.call(&Request::get("/v2/logs"));
    assert_eq!(refused(nowhere), (404, "no-such-route".to_owned()));
    let method: Result<Value, _> = client.call(&Request::post("/v1/about", b""));
    assert_eq!(refused(method), (405, "no-such-method".to_owned()));
}
