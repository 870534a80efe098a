//! The HTTPS server around the API: TLS, connections, and the threads that work beside it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel,
};
use std::thread::JoinHandle;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use daypass_protocol::event::{Action, Event, Outcome, Resource};
use rustls::ServerConfig;

use crate::alerts;
use crate::api;
use crate::clock::Now;
use crate::collector::{Collector, CollectorError};
use crate::export;
use crate::metrics::{Metrics, Shown};
use crate::own::{Own, OwnError};

/// Connections that are still being set up, or whose first request does not come, are dropped after this.
const SETUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests under way at a stop have this long.
const GRACE: Duration = Duration::from_secs(10);
/// The index is tried again after it failed, and silence is looked for, this often.
const LOOK: Duration = Duration::from_secs(30);
/// TLS refusals that wait to be journalled; more are logged only.
const REFUSED: usize = 256;

/// A running server. Dropping it does not stop it; [`Server::stop`] does.
pub struct Server {
    collector: Arc<Collector>,
    address: SocketAddr,
    handle: Handle<SocketAddr>,
    tls: RustlsConfig,
    serving: JoinHandle<io::Result<()>>,
    indexing: JoinHandle<()>,
    recording: JoinHandle<()>,
    alerts: alerts::Service,
    exports: export::Service,
    own: JoinHandle<()>,
    watching: (Sender<()>, JoinHandle<()>),
    metrics: Arc<Metrics>,
    shown: Option<Shown>,
}

/// Why a server did not start or stop in order.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The system refused a socket or a thread.
    #[error("the server could not run")]
    Io(#[from] io::Error),
    /// A thread ended in a panic, which was printed.
    #[error("a thread of the server failed")]
    Panicked,
    /// The collector's own journal.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// The collector's own journal, among those that are searched.
    #[error(transparent)]
    Own(#[from] Box<OwnError>),
}

impl Server {
    /// Serves `collector` on `listener`; `arrived` is what [`Collector::new`] gave.
    ///
    /// # Errors
    /// When the system refuses, or the start cannot be journalled.
    pub fn start(
        collector: Collector,
        arrived: Receiver<()>,
        listener: TcpListener,
        tls: Arc<ServerConfig>,
        requests_per_minute: u32,
    ) -> Result<Self, ServerError> {
        collector.record(&Event::new(Action::CollectorStart).outcome(Outcome::Done))?;
        let own = Own::begin(&collector, Now::read()).map_err(Box::new)?;
        collector.recall()?;
        let collector = Arc::new(collector);
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let handle = Handle::new();
        let (refusals, refused) = sync_channel(REFUSED);
        let (stop_watching, stopped) = channel();
        let indexing = spawn("index", Arc::clone(&collector), move |collector| {
            index(&collector, &arrived);
        })?;
        let watching = spawn("watch", Arc::clone(&collector), move |collector| {
            watch(&collector, &stopped);
        })?;
        let recording = spawn("refusals", Arc::clone(&collector), move |collector| {
            record(&collector, &refused);
        })?;
        let alerts = alerts::Service::start(&collector)?;
        let exports = export::Service::start(&collector)?;
        let own = spawn("own", Arc::clone(&collector), move |collector| {
            own.follow(&collector);
        })?;
        let metrics = Arc::<Metrics>::default();
        let router = api::router(
            Arc::clone(&collector),
            requests_per_minute,
            Arc::clone(&metrics),
        );
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let told = handle.clone();
        let tls = RustlsConfig::from_config(tls);
        let acceptor = RustlsAcceptor::new(tls.clone()).handshake_timeout(SETUP_TIMEOUT);
        let serve = async move {
            axum_server::from_tcp(listener)?
                .handle(told)
                .acceptor(acceptor)
                .first_request_timeout(SETUP_TIMEOUT)
                .http1_only()
                .accept_error_handler(move |address, error| refuse(&refusals, address, error))
                .serve(router.into_make_service_with_connect_info::<SocketAddr>())
                .await
        };
        let serving = std::thread::Builder::new()
            .name("serve".to_owned())
            .spawn(move || runtime.block_on(serve))?;
        Ok(Self {
            collector,
            address,
            handle,
            tls,
            serving,
            indexing,
            recording,
            alerts,
            exports,
            own,
            watching: (stop_watching, watching),
            metrics,
            shown: None,
        })
    }

    /// Shows metrics in the clear on another listener.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn show_metrics(&mut self, listener: TcpListener) -> Result<(), ServerError> {
        let (collector, metrics) = (Arc::clone(&self.collector), Arc::clone(&self.metrics));
        self.shown = Some(Shown::start(collector, metrics, listener)?);
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows another certificate from the next connection on.
    pub fn show(&self, tls: Arc<ServerConfig>) {
        self.tls.reload_from_config(tls);
    }

    /// What it serves.
    pub fn collector(&self) -> &Collector {
        &self.collector
    }

    /// Finishes what is under way and closes our own journal.
    ///
    /// # Errors
    /// When a thread failed, or the journal cannot be closed.
    pub fn stop(self) -> Result<(), ServerError> {
        // Those who wait for something to come in are answered now.
        self.collector.arrivals().end();
        self.handle.graceful_shutdown(Some(GRACE));
        let served = self.serving.join().map_err(|_| ServerError::Panicked)?;
        let (stop_watching, watching) = self.watching;
        drop(stop_watching);
        for thread in [watching, self.recording] {
            thread.join().map_err(|_| ServerError::Panicked)?;
        }
        served?;
        let shown = self.shown.is_none_or(Shown::stop);
        let (alerted, exported) = (self.alerts.stop(), self.exports.stop());
        if !shown || !alerted || !exported {
            return Err(ServerError::Panicked);
        }
        // The threads hold the collector, which holds the way to them: they are told by an end of their own.
        self.collector.stop_indexing();
        for thread in [self.own, self.indexing] {
            thread.join().map_err(|_| ServerError::Panicked)?;
        }
        match Arc::into_inner(self.collector) {
            Some(collector) => Ok(collector.close()?),
            None => Err(ServerError::Panicked),
        }
    }
}

fn spawn(
    name: &str,
    collector: Arc<Collector>,
    job: impl FnOnce(Arc<Collector>) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || job(collector))
}

/// Takes segments into the index whenever some came, and at the start.
fn index(collector: &Collector, arrived: &Receiver<()>) {
    loop {
        match collector.follow_index() {
            Ok(0) => {}
            Ok(_) => collector.arrivals().came(),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    error,
                    "the index does not follow; searches miss what came in since"
                );
            }
        }
        if collector.is_stopping() {
            return;
        }
        match arrived.recv_timeout(LOOK) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Looks for silence until it is told to stop.
fn watch(collector: &Collector, stopped: &Receiver<()>) {
    loop {
        if let Err(error) = collector.look(Now::read()) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "nobody watches for silence");
        }
        match stopped.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// A connection that TLS refused.
struct Refused {
    address: SocketAddr,
    reason: String,
}

/// Called from the accept loop, so it only hands over.
fn refuse(refusals: &SyncSender<Refused>, address: Option<&SocketAddr>, error: &io::Error) {
    let tls = error
        .get_ref()
        .and_then(|source| source.downcast_ref::<rustls::Error>());
    // Port scans and connections that broke are nobody's certificate.
    let (Some(rustls::Error::InvalidCertificate(fault)), Some(address)) = (tls, address) else {
        tracing::debug!(?address, %error, "a connection was not set up");
        return;
    };
    let refused = Refused {
        address: *address,
        reason: format!("the client certificate does not count: {fault}"),
    };
    match refusals.try_send(refused) {
        Ok(()) => {}
        Err(TrySendError::Full(refused) | TrySendError::Disconnected(refused)) => {
            tracing::warn!(address = %refused.address, reason = refused.reason, "a refusal is not journalled");
        }
    }
}

fn record(collector: &Collector, refused: &Receiver<Refused>) {
    for Refused { address, reason } in refused {
        let event = Event::new(Action::RequestRefused)
            .because("certificate-refused", reason)
            .on(Resource {
                service: Some("tls".to_owned()),
                ..Resource::default()
            });
        if let Err(error) = collector.refused(address.ip().to_canonical(), event) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "a refusal could not be journalled");
        }
    }
}
