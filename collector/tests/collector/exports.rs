//! Entries reach a SIEM over TLS, each at least once, whatever is killed on either side.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::killed::{Process, random_pause, settle_in};
use crate::machine::{Machine, collector};
use crate::proxy::{Proxy, Way};
use crate::rsyslog::{Lets, Rsyslog, body};
use crate::site::{PEOPLE, Site, refused};

const DEADLINE: Duration = Duration::from_secs(120);

fn toml(rsyslog: &Rsyslog, more: &str) -> String {
    format!(
        "name = \"siem\"\naddress = {:?}\nca_file = {:?}\nfrom = \"beginning\"\n{more}\n",
        rsyslog.address(),
        rsyslog.ca_file()
    )
}

fn restart(site: &mut Site, tls: &str) {
    site.stop();
    site.export = toml::from_str(&format!("[[tls]]\n{tls}")).unwrap();
    site.start();
}

fn await_export(site: &Site, fits: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let export = site.ask("dora", "/v1/exports").unwrap()["exports"][0].clone();
        if fits(&export) {
            return export;
        }
        assert!(begun.elapsed() < DEADLINE, "{export}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn rsyslog_gets_every_entry_in_its_grammar_and_the_place_is_confirmed() {
    let mut site = Site::new();
    let rsyslog = Rsyslog::start(&site.ca, Lets::Anybody);
    restart(&mut site, &toml(&rsyslog, "confirm_after = \"1s\""));
    let host = site.host("db1");
    host.write(&[
        json!({"action": "sudo.denied", "outcome": "denied", "identity": {"person": "x\"]\n<0>1 ä"}, "command": {"line": "rm \u{1b}[2J \u{202e}"}}),
        json!({"action": "session.open", "outcome": "allowed"}),
    ]);
    let size = host.forward(&site, 0)["size"].as_u64().unwrap();
    let entries = (0..size).map(|seq| (seq, String::new())).collect();
    let taken = rsyslog.await_all(&host.origin, &entries);
    let denied = taken
        .values()
        .flatten()
        .find(|line| line.contains("|sudo.denied|"))
        .unwrap();
    // authpriv.warning; the time of the entry, the host of the journal.
    assert!(denied.starts_with("84|"), "{denied}");
    assert!(
        denied.contains("|db1|daypass|sudo.denied|[daypass@32473 "),
        "{denied}"
    );
    assert!(denied.contains(r#"person="x\"\]\\n<0>1 ä""#), "{denied}");
    let entry = body(denied);
    assert_eq!(
        entry["command"]["line"], "rm \u{1b}[2J \u{202e}",
        "the very value"
    );
    // Our own journal goes there, too.
    assert!(
        taken
            .keys()
            .any(|(origin, _)| origin.contains("/collector/"))
    );
    await_export(&site, |export| {
        export["confirmed"].as_u64().unwrap() >= size && export["segments_behind"] == 0
    });
    for (person, _) in PEOPLE {
        let answer = site.ask(person, "/v1/exports");
        match person {
            "carol" => assert_eq!(refused(answer), (403, "role".to_owned())),
            _ => assert!(answer.is_ok(), "{person}"),
        }
    }
}

#[test]
fn a_receiver_that_wants_a_certificate_gets_it_and_trouble_is_shown() {
    let mut site = Site::new();
    let rsyslog = Rsyslog::start(&site.ca, Lets::ThoseWithACertificate);
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = site.ca.identity("siem-client");
    let put = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (certificate, key) = (put("cert.pem", &certificate), put("key.pem", &key));
    // Without a certificate nothing is confirmed, and the reason is there.
    restart(
        &mut site,
        &toml(&rsyslog, "confirm_after = \"1s\"\nformat = \"ocsf\""),
    );
    let host = site.host("db1");
    host.write(&[json!({"action": "session.open", "outcome": "allowed"})]);
    let size = host.forward(&site, 0)["size"].as_u64().unwrap();
    let export = await_export(&site, |export| export["error"].is_string());
    assert_eq!(export["confirmed"], 0);
    assert_eq!(
        site.await_journalled("export.down")["detail"]["export"],
        "siem"
    );
    // Another's root is not believed.
    let stranger = put("other.pem", crate::site::Ca::new().root.certificate());
    let wrong = toml(&rsyslog, "confirm_after = \"1s\"").replace(
        &format!("{:?}", rsyslog.ca_file()),
        &format!("{stranger:?}"),
    );
    restart(&mut site, &wrong);
    let export = await_export(&site, |export| export["error"].is_string());
    assert!(
        export["error"].as_str().unwrap().contains("certificate"),
        "{export}"
    );

    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let more = format!(
        "confirm_after = \"1s\"\nformat = \"ocsf\"\ncertificate_file = {certificate:?}\nkey_file = {key:?}"
    );
    restart(&mut site, &toml(&rsyslog, &more));
    let entries = (0..size).map(|seq| (seq, String::new())).collect();
    let taken = rsyslog.await_all(&host.origin, &entries);
    let opened = taken
        .values()
        .flatten()
        .find(|line| line.contains("|session.open|"))
        .unwrap();
    assert_eq!(body(opened)["metadata"]["version"], "1.5.0");
    await_export(&site, |export| {
        export["confirmed"].as_u64().unwrap() >= size
    });
}

#[test]
fn what_is_killed_on_either_side_loses_nothing() {
    let mut site = Site::new();
    let witness = site.server().collector().witness_key();
    site.stop();
    let mut rsyslog = Rsyslog::start(&site.ca, Lets::Anybody);
    settle_in(
        &site,
        &format!(
            "[[export.tls]]\n{}",
            toml(&rsyslog, "confirm_after = \"1s\"")
        ),
    );
    let proxy = Proxy::new(Way::Cut);
    let machine = Machine::boot(
        &site,
        site.stranger("db1"),
        &[collector(proxy.port(), &witness)],
    );
    let (over, is_over) = channel::<()>();
    std::thread::scope(|scope| {
        let machine = &machine;
        scope.spawn(move || {
            while is_over.recv_timeout(Duration::from_millis(2)) == Err(RecvTimeoutError::Timeout) {
                machine.write(1);
            }
        });
        for round in 0..10 {
            let process = Process::start(&site);
            proxy.lead(Way::To(process.address));
            machine.forwarder().again();
            // Not an event to wait for: the kill is to come at any moment.
            std::thread::sleep(random_pause() * 4);
            rsyslog.kill();
            std::thread::sleep(random_pause());
            rsyslog.run();
            std::thread::sleep(random_pause() * 4);
            if round % 2 == 0 {
                rsyslog.kill();
                drop(process);
                rsyslog.run();
            }
        }
        drop(over);
    });
    let process = Process::start(&site);
    proxy.lead(Way::To(process.address));
    machine.forwarder().again();
    machine.settle();
    let entries = machine.entries();
    let taken = rsyslog.await_all(&machine.host.origin, &entries);
    for (seq, entry) in &entries {
        let lines = &taken[&(machine.host.origin.clone(), *seq)];
        let theirs: BTreeSet<String> = lines.iter().map(|line| body(line).to_string()).collect();
        let ours: Value = serde_json::from_str(entry).unwrap();
        assert_eq!(theirs, BTreeSet::from([ours.to_string()]), "entry {seq}");
    }
    drop(process);
    machine.shut_down();
}

#[test]
fn the_local_syslog_gets_entries_and_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("log");
    let mut site = Site::new();
    site.stop();
    site.export = toml::from_str(&format!(
        "[[syslog]]\nname = \"local\"\nsocket = {socket:?}\nfrom = \"beginning\"\nformat = \"ecs\""
    ))
    .unwrap();
    site.start();
    let host = site.host("db1");
    host.write(&[json!({"action": "one"})]);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    // Nobody listens: everything waits.
    await_export(&site, |export| {
        export["error"].is_string() && export["confirmed"] == 0
    });
    let seen = |daemon: &UnixDatagram, wanted: &str| {
        daemon
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut bytes = vec![0; 300_000];
        loop {
            let length = daemon.recv(&mut bytes).unwrap();
            let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
            let json = text.split_once(": ").unwrap().1.to_owned();
            let document: Value = serde_json::from_str(&json).unwrap();
            if document["event"]["action"] == wanted {
                return document;
            }
        }
    };
    let daemon = bind(&socket);
    assert_eq!(seen(&daemon, "one")["host"]["name"], "db1");
    host.write(&[json!({"action": "two"})]);
    host.forward(&site, held);
    seen(&daemon, "two");
    await_export(&site, |export| export["error"].is_null());
    assert_eq!(
        site.await_journalled("export.up")["detail"]["export"],
        "local"
    );
}

fn bind(path: &Path) -> UnixDatagram {
    UnixDatagram::bind(path).unwrap()
}
