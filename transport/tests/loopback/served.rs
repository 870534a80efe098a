//! A server of a few lines: answers each request with what it saw of it.

use daypass_transport::authority::Authority;
use daypass_transport::{host_name, server};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::SystemTime;

/// Runs until the test's process ends.
pub(crate) struct Served {
    pub(crate) port: u16,
}

impl Served {
    pub(crate) fn start(root: &Authority, names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let leaf = root.issue_server(&names, SystemTime::now()).unwrap();
        Self::start_with(&leaf.chain, &leaf.key, root.certificate())
    }

    pub(crate) fn start_with(chain: &str, key: &str, client_root: &str) -> Self {
        let config = server::config(chain, key, client_root).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = config.clone();
                // Clients that break off are what some tests are about.
                std::thread::spawn(move || answer(stream, config).ok());
            }
        });
        Self { port }
    }

    pub(crate) fn base(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
    let tls = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(tls, stream));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (mut authorization, mut length) = (None, 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        match header.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                authorization = Some(value.to_owned());
            }
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap();
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut stream = reader.into_inner();
    let host = host_name(stream.conn.peer_certificates()).ok();
    let (status, text) = match line.split(' ').nth(1) {
        Some("/refuse") => (
            403,
            r#"{"error":{"code":"own-window","message":"Not your own."}}"#.to_owned(),
        ),
        Some("/text") => (200, "hello".to_owned()),
        Some("/bare") => (500, String::new()),
        _ => {
            let body = String::from_utf8_lossy(&body);
            let line = line.trim_end();
            (
                200,
                json!({"line": line, "authorization": authorization, "body": body, "host": host})
                    .to_string(),
            )
        }
    };
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}
