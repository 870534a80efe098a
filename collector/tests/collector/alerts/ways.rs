//! The ways by which alerts leave: TLS, syslog, mail.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{OFTEN, SECRET, of_rule, sudo, toml};
use crate::receiver::Receiver;
use crate::site::{Ca, Site};

#[test]
fn over_tls_alerts_go_to_whom_the_root_names_and_nobody_else() {
    let (dir, plain) = (tempfile::tempdir().unwrap(), Receiver::http());
    let mut site = Site::new();
    let receiver = Receiver::https(&site.ca);
    let root = |name: &str, ca: &Ca| {
        let path = dir.path().join(name);
        std::fs::write(&path, ca.root.certificate()).unwrap();
        path
    };
    let (ours, other) = (root("ours.pem", &site.ca), root("other.pem", &Ca::new()));
    let with = |root: &Path| {
        let text = toml(dir.path(), &plain, OFTEN, "");
        let url = format!("https://localhost:{}/hook", receiver.port());
        let text = text.replace(&format!("http://127.0.0.1:{}/hook", plain.port()), &url);
        toml::from_str(&format!("{text}ca_file = {root:?}\n")).unwrap()
    };
    site.stop();
    site.alerts = with(&other);
    site.start();
    let host = site.host("db1");
    host.write(&[sudo("carol", "sudo id")]);
    host.forward(&site, 0);
    let begun = Instant::now();
    let error = loop {
        let seen = site.ask("dora", "/v1/alerts/destinations").unwrap();
        if let Some(error) = seen["destinations"][0]["error"].as_str() {
            break error.to_owned();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{seen}");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(error.contains("certificate"), "{error}");
    site.stop();
    site.alerts = with(&ours);
    site.start();
    let came = receiver.wait(|came| of_rule(came, "often").count() == 1);
    assert!(came.iter().all(|one| one.is_signed_with(SECRET)));
}

#[test]
fn syslog_and_mail_carry_the_same_words() {
    let (dir, receiver, mailbox) = (
        tempfile::tempdir().unwrap(),
        Receiver::http(),
        Receiver::mail(),
    );
    let socket = dir.path().join("log");
    let syslog = UnixDatagram::bind(&socket).unwrap();
    syslog
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let text = toml(dir.path(), &receiver, "", "");
    let text = format!(
        "{text}[[syslog]]\nname = \"local\"\nsocket = {socket:?}\nseverity = \"high\"\n\
         [[mail]]\nname = \"ops\"\nfrom = \"daypass@example.org\"\nto = [\"Ops <ops@example.org>\"]\nport = {}\n",
        mailbox.port()
    );
    let mut site = Site::new();
    site.stop();
    site.alerts = toml::from_str(&text).unwrap();
    site.start();
    let host = site.host("db1");
    host.write(&[sudo("carol", "sudo rm -r '/etc\n/x'")]);
    host.forward(&site, 0);
    let mut datagram = vec![0; 65536];
    let length = syslog.recv(&mut datagram).unwrap();
    let line = String::from_utf8_lossy(&datagram[..length]).into_owned();
    // authpriv.err
    assert!(line.starts_with("<83>"), "{line}");
    assert!(
        line.contains("files-destroyed severity=high") && line.contains("carol as deploy"),
        "{line}"
    );
    assert!(!line.trim_end().contains('\n'), "one line: {line:?}");
    let mails = mailbox.wait(|came| !came.is_empty());
    let mail = String::from_utf8(mails[0].body.clone()).unwrap();
    assert!(
        mail.contains("Subject: [daypass] high: ") && mail.contains("To: "),
        "{mail}"
    );
    assert!(
        mail.contains("Message-ID: <a-") && mail.contains("carol as deploy"),
        "{mail}"
    );
}
