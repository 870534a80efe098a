//! `daypass-collector serve`.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};

use super::ConfigArgs;
use super::lock::{self, LockError};
use super::open::{self, OpenError};
use crate::clock::Now;
use crate::collector::Collector;
use crate::config::{Config, ConfigError};
use crate::layout::Layout;
use crate::refresh::Refresh;
use crate::server::{Server, ServerError};

/// The CA is asked this often.
const REFRESH: Duration = Duration::from_secs(60);

/// Why it does not serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Somebody else serves.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What is kept.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The CA has not answered yet.
    #[error("{} is not there: the CA's answer has not been taken in; see daypass-collector(8), SETTING UP", path.display())]
    NotAccepted {
        /// The file that is missing.
        path: PathBuf,
    },
    /// A file of TLS.
    #[error("{} cannot be read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server's certificate.
    #[error(transparent)]
    Tls(#[from] daypass_transport::server::Error),
    /// The client towards the CA.
    #[error(transparent)]
    Client(#[from] daypass_transport::client::SetupError),
    /// The address.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Signals or threads.
    #[error("the system refused a signal mask or a thread")]
    System(#[source] io::Error),
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
}

pub(crate) fn run(arguments: &ConfigArgs) -> Result<(), ServeError> {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(tracing::Level::INFO)
        .init();
    let config = Config::read(&arguments.config)?;
    let layout = Layout::new(&config.data);
    // Before any thread begins, so that all of them leave these to us.
    let signals = signals().map_err(|error| ServeError::System(error.into()))?;
    let _lock = lock::take(&layout.lock())?;
    let chain = read(&layout.tls_chain())?;
    let (root, key) = (read(&layout.tls_root())?, read(&layout.tls_key())?);
    let tls = daypass_transport::server::config(&chain, &key, &root)?;
    let refresh = Refresh::new(config.ca_setup.url.as_str(), &root, &chain, &key)?;
    let listener = TcpListener::bind(config.listen).map_err(|source| ServeError::Listen {
        address: config.listen,
        source,
    })?;
    let (collector, arrived) = Collector::new(open::parts(&config, &layout)?, Now::read());
    let server = Server::start(
        collector,
        arrived,
        listener,
        tls,
        config.requests_per_minute,
    )?;
    let outcome = attend(&server, &refresh, signals);
    server.stop()?;
    outcome
}

/// Keeps up with the CA until a signal comes.
fn attend(server: &Server, refresh: &Refresh, signals: SigSet) -> Result<(), ServeError> {
    tracing::info!(address = %server.address(), "takes journals in");
    // Nobody listens outside systemd.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let (stop, stopped) = channel::<()>();
    std::thread::scope(|scope| {
        let keep_up = move || keep_up(server, refresh, &stopped);
        std::thread::Builder::new()
            .name("refresh".to_owned())
            .spawn_scoped(scope, keep_up)
            .map_err(ServeError::System)?;
        let signal = signals
            .wait()
            .map_err(|error| ServeError::System(error.into()));
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        drop(stop);
        tracing::info!(signal = %signal?, "stops");
        Ok(())
    })
}

fn keep_up(server: &Server, refresh: &Refresh, stopped: &Receiver<()>) {
    loop {
        if let Err(error) = refresh.ask(server.collector().authority()) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the CA's rosters and state are those of before");
        }
        match stopped.recv_timeout(REFRESH) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn signals() -> nix::Result<SigSet> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals.thread_block()?;
    Ok(signals)
}

fn read(path: &Path) -> Result<String, ServeError> {
    std::fs::read_to_string(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ServeError::NotAccepted {
            path: path.to_owned(),
        },
        _ => ServeError::File {
            path: path.to_owned(),
            source,
        },
    })
}
