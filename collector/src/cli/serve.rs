//! `daypass-collector serve`.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::channel;

use nix::sys::signal::{SigSet, Signal};
use sd_notify::NotifyState;

use super::ConfigArgs;
use super::first::{self, FirstError, Heard};
use super::open::{self, OpenError};
use super::upkeep::Upkeep;
use crate::certificate::{CertificateError, Papers};
use crate::clock::Now;
use crate::collector::Collector;
use crate::config::{Config, ConfigError};
use crate::housekeeping::Housekeeping;
use crate::layout::Layout;
use crate::lock::{self, LockError};
use crate::server::{Server, ServerError};

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
    /// Our certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
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
    /// The CA's first word.
    #[error(transparent)]
    First(#[from] FirstError),
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
    let papers = Papers::read(&layout)?;
    let tls = papers.server()?;
    let listen = |address| {
        TcpListener::bind(address).map_err(|source| ServeError::Listen { address, source })
    };
    let listener = listen(config.listen)?;
    let monitored = config.metrics.map(listen).transpose()?;
    if first::hear(
        &papers.refresh(&config.ca_setup)?,
        &config,
        &layout,
        &signals,
    )? == Heard::Stopped
    {
        return Ok(());
    }
    let (collector, arrived) = Collector::new(open::parts(&config, &layout)?, Now::read());
    let mut server = Server::start(
        collector,
        arrived,
        listener,
        tls,
        config.requests_per_minute,
    )?;
    if let Some(listener) = monitored {
        server.show_metrics(listener)?;
    }
    let housekeeping = Housekeeping::new(config.clone(), layout.clone());
    let upkeep = Upkeep::new(papers, config, layout)?;
    let outcome = attend(&server, upkeep, housekeeping, signals);
    server.stop()?;
    outcome
}

/// Keeps up with the CA, and house, until a signal comes.
fn attend(
    server: &Server,
    upkeep: Upkeep,
    housekeeping: Housekeeping,
    signals: SigSet,
) -> Result<(), ServeError> {
    tracing::info!(address = %server.address(), "takes journals in");
    // Nobody listens outside systemd.
    let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status("takes journals in")]);
    let (stop, stopped) = channel::<()>();
    let (stop_keeping, kept) = channel::<()>();
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("refresh".to_owned())
            .spawn_scoped(scope, move || upkeep.run(server, &stopped))
            .map_err(ServeError::System)?;
        std::thread::Builder::new()
            .name("housekeeping".to_owned())
            .spawn_scoped(scope, move || housekeeping.run(server.collector(), &kept))
            .map_err(ServeError::System)?;
        let signal = signals
            .wait()
            .map_err(|error| ServeError::System(error.into()));
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
        drop((stop, stop_keeping));
        tracing::info!(signal = %signal?, "stops");
        Ok(())
    })
}

fn signals() -> nix::Result<SigSet> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals.thread_block()?;
    Ok(signals)
}
