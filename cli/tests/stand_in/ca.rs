//! A CA of a few lines, that answers as a test wants it to: a real one does not lie.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use daypass_transport::authority::Authority;
use daypass_transport::server;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What came in.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) body: Vec<u8>,
}

/// Says with which status and text a request is answered.
pub(crate) type Answers = Box<dyn FnMut(&Request) -> (u16, String) + Send>;

/// Runs until the test's process ends.
pub(crate) struct StandIn {
    pub(crate) port: u16,
    pub(crate) root: Authority,
    seen: Receiver<Request>,
}

impl StandIn {
    pub(crate) fn start(answers: Answers) -> Self {
        let root = Authority::create("test root", SystemTime::now()).expect("a root");
        let leaf = root
            .issue_server(&["localhost".to_owned()], SystemTime::now())
            .expect("a leaf");
        let config =
            server::config(&leaf.chain, &leaf.key, root.certificate()).expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, seen) = channel();
        let answers = Arc::new(Mutex::new(answers));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Clients that break off are what some tests are about.
                let _ = serve(stream, &config, &sender, &answers);
            }
        });
        Self { port, root, seen }
    }

    /// The requests that came in so far, as `METHOD path`.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen
            .try_iter()
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }
}

fn serve(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    seen: &Sender<Request>,
    answers: &Mutex<Answers>,
) -> std::io::Result<()> {
    let tls = ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(tls, stream));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (mut authorization, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        match header.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                authorization = value.to_owned();
            }
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().map_err(std::io::Error::other)?;
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = line.split(' ').map(ToOwned::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let request = Request {
        method,
        path,
        authorization,
        body,
    };
    let (status, text) = match answers.lock() {
        Ok(mut answers) => answers(&request),
        Err(_) => (500, String::new()),
    };
    let _ = seen.send(request);
    let mut stream = reader.into_inner();
    let length = text.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}
