//! Where alerts arrive: an HTTP receiver that checks signatures with openssl, and a mail server of a few words.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime};

use rustls::{ServerConnection, StreamOwned};
use serde_json::Value;

use crate::site::Ca;

/// Nothing here takes longer, even on a machine that does much else.
const DEADLINE: Duration = Duration::from_secs(120);

/// What came: each request, or each mail, as it was.
pub(crate) struct Receiver {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    inner: Mutex<Inner>,
    more: Condvar,
}

#[derive(Default)]
struct Inner {
    came: Vec<Came>,
    /// What every request is answered with, but for 200.
    status: Option<u16>,
    refused: usize,
}

/// One request that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) at: Instant,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Came {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether openssl signs this body likewise.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let header = self.header("daypass-signature");
        let (time, theirs) = header
            .strip_prefix("t=")
            .unwrap()
            .split_once(",v1=")
            .unwrap();
        let mut child = Command::new("openssl")
            .args(["dgst", "-sha256", "-hmac", secret])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(format!("{time}.").as_bytes()).unwrap();
        input.write_all(&self.body).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .ends_with(theirs)
            && theirs.len() == 64
    }
}

impl Receiver {
    /// Takes HTTP requests.
    pub(crate) fn http() -> Self {
        Self::serve(http)
    }

    /// Takes HTTP requests over TLS, under a certificate of this CA.
    pub(crate) fn https(ca: &Ca) -> Self {
        let names = ["localhost".to_owned()];
        let leaf = ca.root.issue_server(&names, SystemTime::now()).unwrap();
        let root = ca.root.certificate();
        let config = daypass_transport::server::config(&leaf.chain, &leaf.key, root).unwrap();
        Self::serve(move |stream, state| {
            let session = ServerConnection::new(Arc::clone(&config)).ok()?;
            http(StreamOwned::new(session, stream), state)
        })
    }

    /// Takes mail.
    pub(crate) fn mail() -> Self {
        Self::serve(mail)
    }

    fn serve(talk: impl Fn(TcpStream, &State) -> Option<()> + Send + Sync + 'static) -> Self {
        let talk = Arc::new(talk);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        // Ends with the process: tests have nothing to wait for there.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, talk) = (Arc::clone(&shared), Arc::clone(&talk));
                std::thread::spawn(move || talk(stream, &shared));
            }
        });
        Self { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on every request gets this answer; `None` takes them again.
    pub(crate) fn answer(&self, status: Option<u16>) {
        self.state.inner.lock().unwrap().status = status;
    }

    /// Waits until what came fits.
    pub(crate) fn wait(&self, fits: impl Fn(&[Came]) -> bool) -> Vec<Came> {
        let inner = self.state.inner.lock().unwrap();
        let (inner, _) = self
            .state
            .more
            .wait_timeout_while(inner, DEADLINE, |inner| !fits(&inner.came))
            .unwrap();
        assert!(fits(&inner.came), "{} came", inner.came.len());
        inner.came.clone()
    }

    /// Waits until so many were refused.
    pub(crate) fn wait_refused(&self, count: usize) {
        let inner = self.state.inner.lock().unwrap();
        let (inner, _) = self
            .state
            .more
            .wait_timeout_while(inner, DEADLINE, |inner| inner.refused < count)
            .unwrap();
        assert!(inner.refused >= count);
    }
}

impl State {
    fn take(&self, came: Came) -> u16 {
        let mut inner = self.inner.lock().unwrap();
        let status = inner.status.unwrap_or(200);
        if status == 200 {
            inner.came.push(came);
        } else {
            inner.refused += 1;
        }
        self.more.notify_all();
        status
    }
}

/// One connection; it may bring several requests.
fn http(stream: impl Read + Write, state: &State) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length?.1.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        let at = Instant::now();
        let status = state.take(Came { at, headers, body });
        let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
        reader.get_mut().write_all(answer.as_bytes()).ok()?;
        reader.get_mut().flush().ok()?;
    }
}

/// As much of SMTP as a client needs to get rid of a mail.
fn mail(stream: TcpStream, state: &State) -> Option<()> {
    let mut answers = stream.try_clone().ok()?;
    let mut lines = BufReader::new(stream).split(b'\n');
    answers.write_all(b"220 test ESMTP\r\n").ok()?;
    while let Some(Ok(line)) = lines.next() {
        let word = String::from_utf8_lossy(&line).to_ascii_uppercase();
        if word.starts_with("DATA") {
            answers.write_all(b"354 go on\r\n").ok()?;
            let mut body = Vec::new();
            for line in lines.by_ref() {
                let line = line.ok()?;
                if line.strip_suffix(b"\r").unwrap_or(&line) == b"." {
                    break;
                }
                body.extend(line);
                body.push(b'\n');
            }
            let (at, headers) = (Instant::now(), Vec::new());
            state.take(Came { at, headers, body });
        }
        answers.write_all(b"250 test\r\n").ok()?;
        if word.starts_with("QUIT") {
            break;
        }
    }
    Some(())
}
