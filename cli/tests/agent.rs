//! The ssh-agent client, against the real ssh-agent, judged by the real ssh-keygen.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use daypass_cli::diagnostic::KeyError;
use daypass_cli::keys::agent::Agent;
use daypass_cli::keys::file::Asking;
use daypass_cli::keys::{KeyPlace, SigningKey};
use daypass_protocol::key::Fingerprint;
use ssh_key::{LineEnding, PublicKey};
use tempfile::TempDir;

struct RunningAgent {
    child: Child,
    directory: TempDir,
}

impl RunningAgent {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(directory.path().join("socket"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("ssh-agent starts");
        // The agent prints its address once it listens.
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line)
            .expect("a line");
        Self { child, directory }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn agent(&self) -> Agent {
        Agent::at(self.path().join("socket"))
    }

    fn add(&self, kind: &[&str], name: &str) -> PublicKey {
        let file = self.path().join(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-C", name, "-t"])
            .args(kind)
            .arg("-f")
            .arg(&file)
            .status();
        assert!(made.expect("ssh-keygen runs").success());
        let added = Command::new("ssh-add")
            .arg("-q")
            .arg(&file)
            .env("SSH_AUTH_SOCK", self.path().join("socket"))
            .status();
        assert!(added.expect("ssh-add runs").success());
        let public = std::fs::read_to_string(file.with_extension("pub")).expect("a public key");
        PublicKey::from_openssh(public.trim()).expect("a key")
    }
}

impl Drop for RunningAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_kind_of_key_signs_and_ssh_keygen_agrees() {
    let running = RunningAgent::start();
    let kinds: [(&[&str], &str); 4] = [
        (&["ed25519"], "ed"),
        (&["ecdsa", "-b", "256"], "p256"),
        (&["ecdsa", "-b", "384"], "p384"),
        (&["rsa", "-b", "3072"], "rsa"),
    ];
    for (kind, name) in kinds {
        let public = running.add(kind, name);
        let place = KeyPlace {
            fingerprint: Fingerprint::of(public.key_data()),
            file: None,
            agent: Some(running.path().join("socket")),
        };
        let key = place.open(Asking::Never).expect("the agent holds it");
        assert!(matches!(key, SigningKey::Agent { .. }));
        let signature = key.sign("daypass-test@v1", b"the message").expect("signed");
        public
            .verify("daypass-test@v1", b"the message", &signature)
            .expect("our own verifier agrees");
        judged_by_ssh_keygen(
            running.path(),
            &public,
            &signature.to_pem(LineEnding::LF).expect("armored"),
        );
    }
    let names: Vec<String> = running
        .agent()
        .identities()
        .expect("a list")
        .into_iter()
        .map(|key| key.comment)
        .collect();
    assert_eq!(names, ["ed", "p256", "p384", "rsa"]);
}

fn judged_by_ssh_keygen(directory: &Path, key: &PublicKey, signature: &str) {
    let allowed = format!("somebody {}\n", key.to_openssh().expect("a line"));
    std::fs::write(directory.join("allowed"), allowed).expect("written");
    std::fs::write(directory.join("signature"), signature).expect("written");
    let mut judge = Command::new("ssh-keygen")
        .args([
            "-Y",
            "verify",
            "-n",
            "daypass-test@v1",
            "-I",
            "somebody",
            "-f",
        ])
        .arg(directory.join("allowed"))
        .arg("-s")
        .arg(directory.join("signature"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("ssh-keygen runs");
    std::io::Write::write_all(&mut judge.stdin.take().expect("a pipe"), b"the message")
        .expect("written");
    assert!(judge.wait().expect("ends").success());
}

#[test]
fn a_key_that_the_agent_lacks_is_named() {
    let running = RunningAgent::start();
    let public = running.add(&["ed25519"], "held");
    let removed = Command::new("ssh-add")
        .args(["-q", "-D"])
        .env("SSH_AUTH_SOCK", running.path().join("socket"))
        .status();
    assert!(removed.expect("ssh-add runs").success());
    let place = KeyPlace {
        fingerprint: Fingerprint::of(public.key_data()),
        file: None,
        agent: Some(running.path().join("socket")),
    };
    assert!(matches!(
        place.open(Asking::Never),
        Err(KeyError::NotInAgent { .. })
    ));
    let signed = running
        .agent()
        .sign(public.key_data(), "daypass-test@v1", b"m");
    assert!(matches!(signed, Err(KeyError::AgentRefused { .. })));
}

#[test]
fn an_agent_that_is_gone_is_named_and_the_file_serves() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("id");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", "ed25519", "-f"])
        .arg(&file)
        .status();
    assert!(made.expect("ssh-keygen runs").success());
    let public = daypass_cli::keys::file::public_key(&file).expect("a key");
    let mut place = KeyPlace {
        fingerprint: Fingerprint::of(public.key_data()),
        file: None,
        agent: Some(directory.path().join("no-socket")),
    };
    assert!(matches!(
        place.open(Asking::Never),
        Err(KeyError::AgentUnreachable { .. })
    ));
    place.file = Some(file);
    let key = place.open(Asking::Never).expect("the file");
    assert!(matches!(key, SigningKey::File(_)));
}

#[test]
fn an_encrypted_key_is_never_asked_for_behind_ssh() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("id");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-N", "secret", "-t", "ed25519", "-f"])
        .arg(&file)
        .status();
    assert!(made.expect("ssh-keygen runs").success());
    let public = daypass_cli::keys::file::public_key(&file)
        .expect("its public half shows while it is encrypted");
    let place = KeyPlace {
        fingerprint: Fingerprint::of(public.key_data()),
        file: Some(file),
        agent: Some(directory.path().join("no-socket")),
    };
    assert!(matches!(
        place.open(Asking::Never),
        Err(KeyError::Locked { .. })
    ));
}

#[test]
fn an_agent_that_answers_garbage_is_refused() {
    use std::io::{Read as _, Write as _};
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
    let answers: [&[u8]; 4] = [
        &[0, 0, 0, 1, 12],
        &[0xff, 0xff, 0xff, 0xff],
        &[0, 0, 0, 5, 12, 0xff, 0xff, 0xff, 0xff],
        &[0, 0, 0, 9, 12, 0],
    ];
    let server = std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a caller");
            let mut request = [0; 5];
            stream.read_exact(&mut request).expect("a request");
            stream.write_all(answer).expect("answered");
        }
    });
    for _ in answers {
        assert!(matches!(
            Agent::at(&socket).identities(),
            Err(KeyError::AgentGarbled { .. })
        ));
    }
    server.join().expect("served");
}

#[test]
fn an_agent_that_answers_a_byte_now_and_then_is_waited_for_no_longer() {
    use std::io::{Read as _, Write as _};
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        stream.read_exact(&mut [0; 5]).expect("a request");
        stream.write_all(&[0, 0, 2, 0]).expect("a length");
        // Until the caller has had enough; else it would hear all of it.
        for _ in 0..0x200 {
            if stream.write_all(&[12]).is_err() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    let heard = Agent::at(&socket).identities();
    let Err(KeyError::AgentUnreachable { source, .. }) = heard else {
        panic!("{heard:?}");
    };
    assert_eq!(source.kind(), std::io::ErrorKind::TimedOut);
    server.join().expect("served");
}
