//! The include file, judged by the real `ssh -G`.

use std::process::Command;

use super::*;

fn include<'a>(hosts: &'a [String], identity: &'a str) -> Include<'a> {
    Include {
        hosts,
        program: Path::new("/usr/bin/daypass"),
        certificates: Path::new("/home/a b/c"),
        identity: Path::new(identity),
        agent: None,
        own_known_hosts: Path::new("/home/a b/.ssh/known_hosts"),
        known_hosts: Path::new("/home/a b/known_hosts"),
        revoked_hosts: Path::new("/home/a b/revoked_hosts"),
    }
}

#[test]
fn paths_with_spaces_and_percent_signs_are_told_to_ssh() {
    let hosts = ["db1".to_owned()];
    let text = include(&hosts, "/k/100%").text().expect("a text");
    assert!(
        text.contains("CertificateFile \"/home/a b/c/%r@%h-cert.pub\""),
        "{text}"
    );
    assert!(text.contains("IdentityFile \"/k/100%%\""), "{text}");
}

#[test]
fn what_ssh_cannot_be_told_is_refused() {
    let hosts = ["db1".to_owned()];
    for path in ["/k/a\"b", "/k/a\nb", "relative", "/k/${HOME}"] {
        assert!(include(&hosts, path).text().is_none(), "{path}");
    }
}

#[test]
fn the_include_line_is_put_at_the_top_once() {
    let path = Path::new("/home/a/.config/daypass/ssh_config");
    let once = with_include("Host *\n  User x\n", path)
        .expect("sayable")
        .expect("a change");
    assert!(once.ends_with("\nHost *\n  User x\n"));
    assert_eq!(with_include(&once, path).expect("sayable"), None);
}

#[test]
fn an_include_inside_a_block_does_not_count() {
    let path = Path::new("/p/ssh_config");
    let text = "HOST = db9\n  Include \"/p/ssh_config\"\n";
    assert!(with_include(text, path).expect("sayable").is_some());
}

/// A home with our include at the top of an `ssh_config`, and a stand-in for `daypass` that notes what it is asked.
struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    fn new(own: &str, exit: u8) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let home = directory.path();
        let program = home.join("daypass");
        let script = format!(
            "#!/bin/sh\necho \"$@\" >> {}/asked\nexit {exit}\n",
            home.display()
        );
        crate::durable::write(&program, script.as_bytes(), 0o755).expect("written");
        let hosts = ["db1".to_owned(), "db2.example".to_owned()];
        let include = Include {
            hosts: &hosts,
            program: &program,
            certificates: &home.join("certificates"),
            identity: &home.join("id"),
            agent: Some(&home.join("agent socket")),
            own_known_hosts: &home.join("known_hosts"),
            known_hosts: &home.join("ca_known_hosts"),
            revoked_hosts: &home.join("revoked hosts"),
        };
        let text = include.text().expect("sayable");
        crate::durable::write(&home.join("include"), text.as_bytes(), 0o600).expect("written");
        let config = with_include(own, &home.join("include"))
            .expect("sayable")
            .expect("a change");
        crate::durable::write(&home.join("config"), config.as_bytes(), 0o600).expect("written");
        Self { directory }
    }

    /// What `ssh` makes of a destination: its settings, one a line, and what it ran.
    fn ssh(&self, destination: &str) -> (String, String) {
        let home = self.directory.path();
        let output = Command::new("ssh")
            .arg("-G")
            .arg("-F")
            .arg(home.join("config"))
            .arg(destination)
            .output();
        let output = output.expect("ssh runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let asked = std::fs::read_to_string(home.join("asked")).unwrap_or_default();
        (String::from_utf8(output.stdout).expect("text"), asked)
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
}

#[test]
fn ssh_asks_for_the_account_and_host_that_it_is_going_to() {
    let own = "Host db1\n  User deploy\nHost short\n  HostName db2.example\n  User root\nHost db2.example\n  HostName 192.0.2.7\n";
    for (destination, asked) in [
        ("db1", "login --quiet --host db1 --user deploy\n"),
        ("other@db1", "login --quiet --host db1 --user other\n"),
        ("short", "login --quiet --host db2.example --user root\n"),
        (
            "deploy@db2.example",
            "login --quiet --host db2.example --user deploy\n",
        ),
    ] {
        let home = Home::new(own, 0);
        let (settings, ran) = home.ssh(destination);
        assert_eq!(ran, asked, "{destination}");
        let has = |line: &str| settings.lines().any(|found| found == line);
        assert!(
            has(&format!("identityfile {}", home.path("id"))),
            "{settings}"
        );
        assert!(has("identitiesonly yes"), "{settings}");
        assert!(
            has(&format!("identityagent {}", home.path("agent socket"))),
            "{settings}"
        );
        assert!(
            settings.contains(&format!(
                "certificatefile {}/%r@%",
                home.path("certificates")
            )),
            "{settings}"
        );
        let known = format!(
            "userknownhostsfile {} {}",
            home.path("known_hosts"),
            home.path("ca_known_hosts")
        );
        assert!(has(&known), "{settings}");
        let revoked = format!("revokedhostkeys {}", home.path("revoked hosts"));
        assert!(has(&revoked), "{settings}");
    }
}

#[test]
fn without_a_certificate_ssh_goes_on_as_if_daypass_were_not_there() {
    let home = Home::new("", 1);
    let (settings, ran) = home.ssh("deploy@db1");
    assert_eq!(ran, "login --quiet --host db1 --user deploy\n");
    assert!(!settings.contains("certificatefile"), "{settings}");
    assert!(settings.contains("identitiesonly no"), "{settings}");
}

#[test]
fn nothing_is_run_for_other_hosts() {
    let home = Home::new("Host other\n  Port 2222\n", 0);
    let (settings, ran) = home.ssh("deploy@other");
    assert_eq!(ran, "");
    assert!(!settings.contains("certificatefile"), "{settings}");
    assert!(settings.contains("port 2222"), "{settings}");
    assert!(!settings.contains("revokedhostkeys"), "{settings}");
}
