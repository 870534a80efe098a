//! `daypass-ca serve`: opens the CA, answers until told to stop, stops in order.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::key::Key;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use crate::api;
use crate::authority::{Authority, OpenError};
use crate::cli::ServeArgs;
use crate::config::{Config, ConfigError};
use crate::control::{self, Service};
use crate::forwarding::{Forwarding, ForwardingError};
use crate::keys::Places;
use crate::layout::Layout;
use crate::ledger::LedgerError;
use crate::metrics::{self, Metrics};
use crate::passphrase::{Passphrase, PassphraseError};
use crate::retention;
use crate::tls::{self, TlsError};
use crate::upkeep::Upkeep;

/// Whoever is connected and says for so long not what they want is cut off: a stranger pays nothing for a connection, and there are
/// only so many. Our own clients keep one that they do not use for half as long.
const IDLE: Duration = Duration::from_secs(30);
/// How long requests that have begun may take when the CA is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Why the CA does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The passphrase.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// The CA.
    #[error(transparent)]
    Open(Box<OpenError>),
    /// The server's certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The journal.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The forwarding of the journal.
    #[error("the CA's own journal cannot be forwarded")]
    Forwarding(#[from] ForwardingError),
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The control socket.
    #[error("the control socket {path} cannot be made")]
    Control {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What systemd passed is no TCP listener.
    #[error("the socket handed over by systemd cannot be used")]
    Passed(#[source] io::Error),
    /// The runtime or the server.
    #[error("the server failed")]
    Server(#[source] io::Error),
    /// The configuration file's URL.
    #[error("{path}: the URL cannot be used")]
    Url {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: daypass_protocol::token::InvalidUrl,
    },
}

impl From<OpenError> for ServeError {
    fn from(error: OpenError) -> Self {
        Self::Open(Box::new(error))
    }
}

/// A server that can be told to stop.
pub type Stop = Handle<SocketAddr>;

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When something is missing, damaged or in use, or the server fails.
pub fn run(arguments: &ServeArgs) -> Result<(), ServeError> {
    let _ = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_target(false)
        .try_init();
    let config = Config::read(&arguments.config)?;
    let url = config.public_url().map_err(|source| ServeError::Url {
        path: arguments.config.clone(),
        source,
    })?;
    let layout = Layout::new(&config.data);
    let passphrase = Passphrase::to_open(arguments.passphrase_file.as_deref())?;
    let authority = Authority::open(
        Places {
            layout: &layout,
            passphrase: &passphrase,
            agent: config.ssh_agent.as_deref(),
        },
        url,
        Authority::system_clock(),
    )?;
    let authority = Arc::new(authority.dating_back(config.clock_skew));
    drop(passphrase);
    tls::renew(
        authority.x509(),
        &layout,
        &config.names,
        authority.now().into(),
    )?;
    let listener = match passed()? {
        Some(listener) => listener,
        None => listen(config.listen)?,
    };
    let watched = config.metrics.map(listen).transpose()?;
    let control = control::server::bind(&config.control).map_err(|source| ServeError::Control {
        path: config.control.clone(),
        source,
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(ServeError::Server)?;
    let forwarding = Arc::new(Forwarding::start(&authority)?);
    let sockets = Sockets {
        listener,
        watched,
        control,
    };
    runtime.block_on(work(
        Arc::clone(&authority),
        Arc::clone(&forwarding),
        &config,
        (&layout, arguments.passphrase_file.clone()),
        sockets,
    ))?;
    // Whatever still runs ends before the closing seal.
    runtime.shutdown_timeout(GRACE);
    authority.ledger().close()?;
    // What nobody else holds any more; a command that hangs beyond the grace keeps it, and then it ends with us.
    if let Some(forwarding) = Arc::into_inner(forwarding) {
        forwarding.stop();
    }
    Ok(())
}

/// Where the CA answers.
struct Sockets {
    /// The API.
    listener: TcpListener,
    /// Metrics, where they are wanted.
    watched: Option<TcpListener>,
    /// Root's commands.
    control: UnixListener,
}

fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).map_err(|source| ServeError::Listen { address, source })
}

/// The listener that systemd opened for us, where a socket unit is in use: then a restart refuses nobody.
fn passed() -> Result<Option<TcpListener>, ServeError> {
    listenfd::ListenFd::from_env()
        .take_tcp_listener(0)
        .map_err(ServeError::Passed)
}

async fn work(
    authority: Arc<Authority>,
    forwarding: Arc<Forwarding>,
    config: &Config,
    (layout, passphrase_file): (&Layout, Option<PathBuf>),
    sockets: Sockets,
) -> Result<(), ServeError> {
    let Sockets {
        listener,
        watched,
        control,
    } = sockets;
    let certificate = RustlsConfig::from_config(tls::config(&authority.x509_roots(), layout)?);
    let address = listener.local_addr().map_err(ServeError::Server)?;
    let started = Event::new(Action::CaStart)
        .outcome(Outcome::Done)
        .detail("version", env!("CARGO_PKG_VERSION"))
        .detail("ca", authority.pin().to_string())
        .detail("listen", address.to_string())
        .detail("user_ca", fingerprints(&authority.keys().public().user_ca))
        .detail("host_ca", fingerprints(&authority.keys().public().host_ca))
        .detail(
            "state_key",
            authority.keys().state_key().fingerprint().to_string(),
        );
    authority.note(&started)?;
    let stop = Stop::new();
    stop_on_signals(stop.clone(), Arc::clone(&authority)).map_err(ServeError::Server)?;
    let upkeep = Upkeep {
        authority: Arc::clone(&authority),
        layout: layout.clone(),
        names: config.names.clone(),
        certificate: certificate.clone(),
        passphrase_file,
    };
    let upkeep = tokio::spawn(upkeep.run());
    let following = tokio::spawn(follow(Arc::clone(&authority), Arc::clone(&forwarding)));
    let service = Service {
        authority: Arc::clone(&authority),
        forwarding: Arc::clone(&forwarding),
    };
    let commands = tokio::spawn(command(service, control));
    let retiring = tokio::spawn(retention::run(
        Arc::clone(&authority),
        config.retention.clone(),
    ));
    tracing::info!(%address, ca = %authority.pin(), "daypass-ca serves");
    if let Err(error) = sd_notify::notify(&[NotifyState::Ready]) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "systemd could not be told that the CA is ready"
        );
    }
    let metrics = Arc::new(Metrics::new());
    let shown = watched
        .map(|listener| show_metrics(listener, Arc::clone(&authority), Arc::clone(&metrics)))
        .transpose()
        .map_err(ServeError::Server)?;
    let router = api::router(Arc::clone(&authority), config.requests_per_minute, metrics);
    let served = serve(router, listener, certificate, stop).await;
    commands.abort();
    let _ = commands.await;
    if let Some(shown) = shown {
        shown.abort();
        let _ = shown.await;
    }
    retiring.abort();
    following.abort();
    let _ = following.await;
    upkeep.abort();
    let _ = upkeep.await;
    authority.note(&Event::new(Action::CaStop).outcome(Outcome::Done))?;
    served.map_err(ServeError::Server)
}

/// Answers on `listener` until `stop` says otherwise.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    router: axum::Router,
    listener: TcpListener,
    certificate: RustlsConfig,
    stop: Stop,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let acceptor = RustlsAcceptor::new(certificate).acceptor(NoDelayAcceptor::new());
    let mut server = axum_server::from_tcp(listener)?
        .acceptor(acceptor)
        .handle(stop)
        .http1_only();
    server.http_builder().http1().header_read_timeout(IDLE);
    server
        .serve(router.into_make_service_with_connect_info::<SocketAddr>())
        .await
}

/// The key that signs comes first.
fn fingerprints(keys: &[Key]) -> Vec<String> {
    let fingerprints = keys.iter().map(|key| key.fingerprint().to_string());
    fingerprints.collect()
}

/// Shows metrics until the task is aborted.
fn show_metrics(
    listener: TcpListener,
    authority: Arc<Authority>,
    metrics: Arc<Metrics>,
) -> io::Result<tokio::task::JoinHandle<io::Result<()>>> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let router = metrics::router(authority, metrics);
    Ok(tokio::spawn(
        async move { axum::serve(listener, router).await },
    ))
}

/// Answers root's commands; without them people and hosts are served all the same.
async fn command(service: Service, listener: UnixListener) {
    if let Err(error) = control::server::serve(service, listener).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the control socket failed; commands are answered again after a restart"
        );
    }
}

fn stop_on_signals(stop: Stop, authority: Arc<Authority>) -> io::Result<()> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
        authority.let_go();
        stop.graceful_shutdown(Some(GRACE));
    });
    Ok(())
}

/// Has the journal's forwarding follow each state that says something new: collectors renew their witness keys by themselves.
async fn follow(authority: Arc<Authority>, forwarding: Arc<Forwarding>) {
    let mut numbers = authority.numbers();
    while numbers.changed().await.is_ok() {
        let (authority, forwarding) = (Arc::clone(&authority), Arc::clone(&forwarding));
        let done = tokio::task::spawn_blocking(move || {
            if let Err(error) = forwarding.follow(&authority) {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the CA's journal is forwarded to the collectors of before"
                );
            }
        });
        // A panic in there was printed; the next state is followed again.
        let _ = done.await;
    }
}
