//! Collectors that answer anything but what they should: the host loses nothing, and nobody waits for them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant, SystemTime};

use daypass_forward::{Awaited, Contact};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::machine::{DEADLINE, Machine, collector};
use crate::site::Site;

type Tls = StreamOwned<ServerConnection, TcpStream>;

/// Has the site's certificate, and says what it is told to say.
struct Liar {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Liar {
    fn new(
        site: &Site,
        say: impl Fn(&str, &mut Tls) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let names = ["localhost".to_owned()];
        let leaf = site
            .ca
            .root
            .issue_server(&names, SystemTime::now())
            .unwrap();
        let root = site.ca.root.certificate();
        let tls = daypass_transport::server::config(&leaf.chain, &leaf.key, root).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let (ends, say) = (Arc::clone(&over), Arc::new(say));
        let accepting = spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let (tls, say) = (Arc::clone(&tls), Arc::clone(&say));
                // A host that had enough breaks off; that is what is to be seen.
                spawn(move || stream.and_then(|stream| lie(stream, tls, &*say)).is_ok());
            }
        });
        Self {
            address,
            over,
            accepting: Some(accepting),
        }
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        self.accepting.take().unwrap().join().unwrap();
    }
}

/// Reads one request after the other, and says something to each.
fn lie(
    stream: TcpStream,
    tls: Arc<ServerConfig>,
    say: &(impl Fn(&str, &mut Tls) -> std::io::Result<()> + ?Sized),
) -> std::io::Result<()> {
    let connection = ServerConnection::new(tls).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.trim().parse().unwrap());
        stream.read_exact(&mut vec![0; length])?;
        say(&head, &mut stream)?;
        stream.flush()?;
    }
}

fn answer(stream: &mut Tls, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// What the forwarder tells of a collector that says this.
fn told_of(
    say: impl Fn(&str, &mut Tls) -> std::io::Result<()> + Send + Sync + 'static,
    code: &str,
) {
    let site = Site::new();
    let witness = site.server().collector().witness_key();
    let liar = Liar::new(&site, say);
    let named = collector(liar.address.port(), &witness);
    let machine = Machine::boot(&site, site.stranger("db1"), &[named]);
    machine.write(3);
    machine.await_told(code);
    assert_eq!(machine.status().cosigned, 0);
    assert_eq!(machine.told()[0], code);
    drop(liar);
    machine.shut_down();
}

#[test]
fn answers_that_are_no_json_are_told_as_such() {
    told_of(|_, stream| answer(stream, "garbage"), "collector-garbled");
}

#[test]
fn half_an_answer_is_no_answer() {
    let half = |_: &str, stream: &mut Tls| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"size\":")?;
        Err(std::io::ErrorKind::BrokenPipe.into())
    };
    told_of(half, "collector-unreachable");
}

#[test]
fn endless_answers_are_cut_off() {
    let endless = |_: &str, stream: &mut Tls| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n")?;
        loop {
            stream.write_all(&[b' '; 16 * 1024])?;
        }
    };
    told_of(endless, "collector-garbled");
}

#[test]
fn a_size_without_a_cosignature_does_not_count() {
    let root = "A".repeat(43) + "=";
    told_of(
        move |_, stream| answer(stream, &format!(r#"{{"size":3,"root":"{root}"}}"#)),
        "cosignature-false",
    );
}

#[test]
fn for_a_collector_that_stalls_only_one_waits_and_not_long() {
    let site = Site::new();
    let witness = site.server().collector().witness_key();
    let root = "A".repeat(43) + "=";
    let liar = Liar::new(&site, move |head, stream| {
        if head.starts_with("get ") {
            return answer(stream, &format!(r#"{{"size":0,"root":"{root}"}}"#));
        }
        // Nothing is said until the host breaks off.
        stream.read_exact(&mut [0])
    });
    let named = collector(liar.address.port(), &witness);
    let machine = Machine::boot(&site, site.stranger("db1"), &[named]);
    machine.await_contact(|contact| matches!(contact, Contact::Connected { .. }));
    let seq = machine.write(1);
    let link = machine.forwarder().link();
    let patience = Duration::from_millis(250);
    assert_eq!(link.await_cosigned(seq, patience), Awaited::Late);
    let begun = Instant::now();
    assert_eq!(link.await_cosigned(seq, DEADLINE), Awaited::Down);
    assert!(begun.elapsed() < DEADLINE);
    drop(liar);
    machine.shut_down();
}
