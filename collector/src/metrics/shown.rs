//! `/metrics` and `/ready`, on a listener of their own.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum_server::Handle;

use super::{Metrics, ready};
use crate::clock::Now;
use crate::collector::Collector;

/// What is shown to monitoring, until it is stopped.
pub(crate) struct Shown {
    handle: Handle<SocketAddr>,
    thread: JoinHandle<io::Result<()>>,
}

#[derive(Clone)]
struct Known {
    collector: Arc<Collector>,
    metrics: Arc<Metrics>,
}

impl Shown {
    /// Begins.
    pub(crate) fn start(
        collector: Arc<Collector>,
        metrics: Arc<Metrics>,
        listener: TcpListener,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let router = Router::new()
            .route("/metrics", get(show))
            .route("/ready", get(is_ready))
            .with_state(Known { collector, metrics });
        let handle = Handle::new();
        let told = handle.clone();
        let serve = async move {
            axum_server::from_tcp(listener)?
                .handle(told)
                .serve(router.into_make_service())
                .await
        };
        let thread = std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || runtime.block_on(serve))?;
        Ok(Self { handle, thread })
    }

    /// Ends; whether that was in order.
    pub(crate) fn stop(self) -> bool {
        self.handle.shutdown();
        matches!(self.thread.join(), Ok(Ok(())))
    }
}

async fn show(State(Known { collector, metrics }): State<Known>) -> Response {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let looked = tokio::task::spawn_blocking(move || metrics.text(&collector, Now::read())).await;
    match looked {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, TYPE)], text).into_response(),
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "metrics could not be told");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn is_ready(State(Known { collector, .. }): State<Known>) -> Response {
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    match tokio::task::spawn_blocking(move || ready(&collector)).await {
        Ok(Ok(())) => "ready\n".into_response(),
        Ok(Err(error)) => (unavailable, format!("{error}\n")).into_response(),
        Err(_) => unavailable.into_response(),
    }
}
