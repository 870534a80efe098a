//! People search; what they may, and what is noted of it.

use std::time::{Duration, Instant};

use daypass_transport::client::Request;
use serde_json::{Value, json};

use crate::site::{PEOPLE, Site, refused};

fn sudo(person: &str, line: &str) -> Value {
    json!({
        "action": "sudo.request",
        "identity": {"person": person, "account": "deploy", "window": "w-1"},
        "resource": {"host": "elsewhere", "account": "root"},
        "command": {"line": line},
    })
}

#[test]
fn entries_of_all_hosts_are_found_by_every_filter() {
    let site = Site::new();
    let (db1, db2) = (site.host("db1"), site.host("db2"));
    db1.write(&[
        sudo("carol", "systemctl restart nginx"),
        json!({"action": "login.allowed"}),
    ]);
    db2.write(&[sudo("carol", "\u{1b}[2J rm -rf /srv")]);
    db1.forward(&site, 0);
    db2.forward(&site, 0);
    assert_eq!(site.find("action=sudo", 2).len(), 2);
    let found = site.find("user=carol&host=db2&window=w-1&text=rm+-rf", 1);
    assert_eq!(found[0]["origin"], db2.origin.as_str());
    let line = found[0]["entry"].as_str().unwrap();
    assert!(
        db2.lines(0)
            .windows(line.len())
            .any(|window| window == line.as_bytes()),
        "the exact line"
    );
    assert_eq!(site.find("action=login.allowed", 1).len(), 1);
    let elsewhere = site.ask("dora", "/v1/entries?host=elsewhere").unwrap();
    assert_eq!(
        elsewhere["entries"],
        json!([]),
        "a host speaks for itself only"
    );
}

#[test]
fn pages_join_and_what_arrives_is_behind_the_cursor() {
    let site = Site::new();
    let host = site.host("db1");
    let events: Vec<_> = (0..7)
        .map(|number| sudo("carol", &format!("id {number}")))
        .collect();
    host.write(&events);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    let all = site.find("user=carol&order=arrival", 7);
    let (mut joined, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/entries?user=carol&order=arrival&limit=3{cursor}");
        let page = site.ask("bob", &path).unwrap();
        let entries = page["entries"].as_array().unwrap();
        cursor = format!("&cursor={}", page["next"].as_str().unwrap());
        if entries.is_empty() {
            break;
        }
        joined.extend(entries.clone());
    }
    assert_eq!(joined, all);
    host.write(&[sudo("carol", "id later")]);
    host.forward(&site, held);
    let later = site.find(&format!("user=carol&order=arrival{cursor}"), 1);
    assert!(later[0]["entry"].as_str().unwrap().contains("id later"));
}

#[test]
fn each_route_takes_its_roles_and_no_other() {
    let site = Site::new();
    site.host("db1");
    for (person, _) in PEOPLE {
        for path in ["/v1/entries", "/v1/logs"] {
            let answer = site.ask(person, path);
            match person {
                "carol" => assert_eq!(refused(answer), (403, "role".to_owned())),
                _ => assert!(answer.is_ok(), "{person} {path}"),
            }
        }
    }
    for path in ["/v1/entries", "/v1/logs", "/v1/logs/x/checkpoint"] {
        let unsigned: Result<Value, _> = site.client(None).call(&Request::get(path));
        assert_eq!(refused(unsigned), (401, "not-signed".to_owned()), "{path}");
        let host = site.ca.identity("db1");
        let as_host: Result<Value, _> = site.client(Some(&host)).call(&Request::get(path));
        assert_eq!(refused(as_host).0, 401, "a host reads nothing: {path}");
    }
    let about: Value = site.client(None).call(&Request::get("/v1/about")).unwrap();
    assert_eq!(about["witness"], site.server().collector().witness_key());
}

#[test]
fn a_signature_serves_one_request_once() {
    let site = Site::new();
    let header = site.signature("dora", "/v1/logs");
    let client = site.client(None);
    let ask =
        |path: &str| -> Result<Value, _> { client.call(&Request::get(path).authorized(&header)) };
    assert_eq!(
        refused(ask("/v1/entries")),
        (401, "signature-invalid".to_owned())
    );
    ask("/v1/logs").unwrap();
    assert_eq!(refused(ask("/v1/logs")), (401, "replay".to_owned()));
}

#[test]
fn who_read_what_is_journalled_once_for_all_pages() {
    let site = Site::new();
    for path in [
        "/v1/entries?user=carol",
        "/v1/entries?user=carol&cursor=t.0.0.x",
        "/v1/entries?user=bob",
    ] {
        let _ = site.ask("dora", path);
    }
    let read = site.journalled("log.read");
    let queries: Vec<_> = read
        .iter()
        .map(|entry| entry["detail"]["query"].as_str().unwrap())
        .collect();
    assert_eq!(queries, ["user=carol", "user=bob"]);
    assert_eq!(read[0]["identity"]["person"], "dora");
}

#[test]
fn a_query_that_means_nothing_is_refused_with_its_reason() {
    let site = Site::new();
    assert_eq!(
        refused(site.ask("dora", "/v1/entries?usr=carol")),
        (400, "unknown-query".to_owned())
    );
    assert!(site.journalled("log.read").is_empty());
}

#[test]
fn the_list_of_journals_says_how_each_stands() {
    let site = Site::new();
    let (db1, _db2) = (site.host("db1"), site.host("db2"));
    db1.write(&[json!({"action": "x"})]);
    let size = db1.forward(&site, 0)["size"].clone();
    let logs = site.ask("dora", "/v1/logs").unwrap();
    assert_eq!(logs["logs"][0]["origin"], db1.origin.as_str());
    assert_eq!(
        (&logs["logs"][0]["size"], &logs["logs"][0]["state"]),
        (&size, &json!("live"))
    );
    assert_eq!(
        (&logs["logs"][1]["host"], &logs["logs"][1]["state"]),
        (&json!("db2"), &json!("new"))
    );
}

#[test]
fn a_question_that_waits_is_answered_by_what_comes_in() {
    let site = Site::new();
    let host = site.host("db1");
    let path = "/v1/entries?action=late&order=arrival&wait=20";
    let answer = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| site.ask("dora", path));
        host.write(&[json!({"action": "late"})]);
        host.forward(&site, 0);
        waiting.join().unwrap().unwrap()
    });
    assert_eq!(answer["entries"].as_array().unwrap().len(), 1);

    // Nothing that is there is asked for, and the cursor does not stay behind it.
    let answer = site
        .ask("dora", "/v1/entries?action=never&order=arrival&wait=1")
        .unwrap();
    assert_eq!(answer["entries"].as_array().unwrap().len(), 0);
    assert_ne!(answer["next"], "a.0.0");
    for query in ["wait=5", "order=arrival&wait=21", "order=arrival&wait=x"] {
        let (status, code) = refused(site.ask("dora", &format!("/v1/entries?{query}")));
        assert_eq!((status, code.as_str()), (400, "unknown-query"));
    }
}

#[test]
fn a_group_is_the_hosts_that_were_enrolled_into_it() {
    let site = Site::new();
    let db1 = site.stranger_in("db1", &["db", "prod"]);
    let web1 = site.stranger_in("web1", &["web"]);
    for host in [&db1, &web1] {
        host.register(&site).unwrap();
        host.write(&[sudo("carol", "id")]);
        host.forward(&site, 0);
    }
    assert_eq!(site.find("action=sudo", 2).len(), 2);
    let of_db = site.find("action=sudo&group=db", 1);
    assert_eq!((of_db.len(), &of_db[0]["origin"]), (1, &json!(db1.origin)));
    assert_eq!(site.find("action=sudo&group=db&group=web", 2).len(), 2);
    let both = site.ask("dora", "/v1/entries?group=db&host=web1").unwrap();
    assert_eq!(both["entries"], json!([]), "each filter must fit");
    let unknown = site.ask("dora", "/v1/entries?group=dbs");
    let Err(daypass_transport::client::Error::Api { message, .. }) = &unknown else {
        panic!("{unknown:?}")
    };
    assert!(message.contains("db, prod, web"), "{message}");
    assert_eq!(refused(unknown), (404, "unknown-group".to_owned()));
}

#[test]
fn texts_are_found_letter_for_letter_and_have_no_meaning_of_their_own() {
    let site = Site::new();
    let host = site.host("db1");
    let typed = [
        "psql -c 'DROP TABLE orders'",
        "psql -c 'drop table orders'",
        "cat /etc/daypass/agent.toml --no-pager",
        "echo 'a\" OR texts MATCH \"b*'",
        "echo NEAR(x y) AND NOT z",
        "echo 100%_ \u{202e} \u{1b}[2J ünï",
    ];
    host.write(&typed.map(|line| sudo("carol", line)));
    host.forward(&site, 0);
    assert_eq!(site.find("action=sudo", typed.len()).len(), typed.len());
    for text in [
        "DROP TABLE",
        "/etc/daypass/agent.toml",
        "--no-pager",
        "-c 'd",
        "a\" OR texts MATCH \"b*",
        "NEAR(x y) AND NOT z",
        "0%_ \u{202e}",
        "ünï",
        "DROP OR drop",
        "\"",
        "*",
        "\0",
        "'; DROP TABLE entries; --",
        "text : x",
    ] {
        let pairs = [("text", text), ("action", "sudo")];
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        let found = site.ask("dora", &format!("/v1/entries?{query}")).unwrap();
        let expected = typed.iter().filter(|line| line.contains(text)).count();
        assert_eq!(
            found["entries"].as_array().unwrap().len(),
            expected,
            "{text:?}"
        );
    }
}

#[test]
fn a_live_view_shows_within_half_a_second_what_is_stored() {
    let site = Site::new();
    let host = site.host("db1");
    let mut held = 0;
    let mut cursor = String::new();
    let mut quickest = Duration::MAX;
    // What this machine takes, at the same time, for an answer that nobody has to wait for.
    let mut plain = Duration::ZERO;
    for _ in 0..5 {
        let path = format!("/v1/entries?action=late&order=arrival&wait=20{cursor}");
        let answer = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| (site.ask("dora", &path).unwrap(), Instant::now()));
            host.write(&[json!({"action": "late"})]);
            held = host.forward(&site, held)["size"].as_u64().unwrap();
            let stored = Instant::now();
            let (answer, answered) = waiting.join().unwrap();
            quickest = quickest.min(answered.saturating_duration_since(stored));
            answer
        });
        assert_eq!(answer["entries"].as_array().unwrap().len(), 1);
        let asked = Instant::now();
        site.ask("dora", "/v1/entries?action=late&limit=1").unwrap();
        plain = plain.max(asked.elapsed());
        cursor = format!("&cursor={}", answer["next"].as_str().unwrap());
    }
    // A machine that does much else may be late now and then, but not each time, and not with this alone.
    let half_a_second = Duration::from_millis(500) + 20 * plain;
    assert!(quickest < half_a_second, "{quickest:?}, {plain:?}");
}
