//! Alerts by mail, to a real mail server under TLS: with STARTTLS, and from the first byte.

use std::io::{BufRead as _, BufReader, Lines};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::port::port_of_ones_own;
use crate::site::{Ca, Site};

/// Debian's own, whose modules come with packages.
const PYTHON: &str = "/usr/bin/python3";

/// The server; killed when it is dropped.
struct Server {
    dir: tempfile::TempDir,
    port: u16,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Under a certificate of `ca` for localhost.
    fn start(ca: &Ca, kind: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let names = ["localhost".to_owned()];
        let leaf = ca.root.issue_server(&names, SystemTime::now()).unwrap();
        let file = |name: &str| dir.path().join(name);
        std::fs::write(file("cert.pem"), leaf.chain).unwrap();
        std::fs::write(file("key.pem"), leaf.key).unwrap();
        std::fs::write(file("ca.pem"), ca.root.certificate()).unwrap();
        std::fs::write(file("password"), "a word that is secret\n").unwrap();
        let secret = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(file("password"), secret).unwrap();
        let port = port_of_ones_own();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/collector/smtp.py");
        let mut child = Command::new(PYTHON)
            .arg(script)
            .args([kind, &port.to_string()])
            .args([file("cert.pem"), file("key.pem")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.next().map(Result::unwrap);
        assert_eq!(
            ready.as_deref(),
            Some("ready"),
            "is python3-aiosmtpd there?"
        );
        Self {
            dir,
            port,
            child,
            lines,
        }
    }

    /// A site whose alerts go there, with this root.
    fn site(&self, kind: &str, root: &Path) -> Site {
        let password = self.dir.path().join("password");
        let config = format!(
            "rules = '/nowhere'\n[[mail]]\nname = 'ops'\nfrom = 'daypass@example.org'\nto = ['Ops <ops@example.org>', 'b@example.org']\n\
             server = 'localhost'\nport = {}\ntls = '{kind}'\nuser = 'daypass'\npassword_file = {password:?}\nca_file = {root:?}\n",
            self.port
        );
        let mut site = Site::new();
        site.stop();
        site.alerts = toml::from_str(&config).unwrap();
        site.start();
        site
    }

    fn mail(&mut self) -> Value {
        let line = self.lines.next().unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Something that is alerted on.
fn alarm(site: &Site) {
    let host = site.host("db1");
    host.write(&[json!({
        "action": "sudo.request", "identity": {"person": "carol", "account": "deploy"},
        "command": {"line": "sudo rm -r /srv"},
    })]);
    host.forward(site, 0);
}

fn arrives(kind: &str) {
    let ca = Ca::new();
    let mut server = Server::start(&ca, kind);
    let site = server.site(kind, &server.dir.path().join("ca.pem"));
    alarm(&site);
    let mail = server.mail();
    assert_eq!(
        (&mail["tls"], &mail["user"]),
        (&json!(true), &json!("daypass"))
    );
    assert_eq!(mail["from"], "daypass@example.org");
    assert_eq!(mail["to"], json!(["ops@example.org", "b@example.org"]));
    let text = mail["text"].as_str().unwrap();
    for part in [
        "Subject: [daypass] high: ",
        "Message-ID: <a-",
        "carol as deploy",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn a_mail_goes_out_by_starttls() {
    arrives("starttls");
}

#[test]
fn a_mail_goes_out_over_tls_from_the_first_byte() {
    arrives("always");
}

#[test]
fn a_server_whose_certificate_is_somebody_elses_gets_neither_mail_nor_password() {
    let ca = Ca::new();
    for kind in ["starttls", "always"] {
        let server = Server::start(&ca, kind);
        let other = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(other.path(), Ca::new().root.certificate()).unwrap();
        let site = server.site(kind, other.path());
        alarm(&site);
        let begun = Instant::now();
        loop {
            let seen = site.ask("dora", "/v1/alerts/destinations").unwrap();
            let ops = &seen["destinations"][0];
            if let Some(error) = ops["error"].as_str() {
                assert_eq!((&ops["waiting"], &ops["delivered"]), (&json!(1), &json!(0)));
                assert!(error.contains("certificate"), "{error}");
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{ops}");
            std::thread::yield_now();
        }
    }
}
