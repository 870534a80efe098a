//! What the CA counts, in Prometheus' text form, and whether it can do its work.
//!
//! Served in the clear on a loopback address, when `ca.toml` names one: nothing in it tells of people.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::authority::Authority;

/// A state that is older than this many seconds was not signed when it should have been.
const STALE: i64 = 180;

/// Seconds; the last one is what a request may take while people wait.
const BUCKETS: [f64; 8] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.25, 1.0];

/// One kind of request, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    method: &'static str,
    route: &'static str,
    status: u16,
}

/// One kind of request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: &'static str,
}

/// The counters.
pub struct Metrics {
    registry: Registry,
    requests: Family<Ended, Counter>,
    seconds: Family<Asked, Histogram>,
    roster: Gauge,
    state: Gauge,
    age: Gauge,
}

/// Whether the CA can do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// It cannot, and why.
    NotReady(&'static str),
}

impl Metrics {
    /// All at nought.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("daypass_ca");
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            roster: Gauge::default(),
            state: Gauge::default(),
            age: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register(
            "requests",
            "Requests that were answered",
            metrics.requests.clone(),
        );
        registry.register(
            "request_seconds",
            "How long answers took",
            metrics.seconds.clone(),
        );
        registry.register(
            "roster_number",
            "Number of the newest roster",
            metrics.roster.clone(),
        );
        registry.register(
            "state_number",
            "Number of the state that was signed last",
            metrics.state.clone(),
        );
        registry.register(
            "state_age_seconds",
            "Age of the state that was signed last; hosts complain after 900",
            metrics.age.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }

    /// Counts an answer.
    pub(crate) fn answered(
        &self,
        method: &'static str,
        route: &'static str,
        status: StatusCode,
        took: Duration,
    ) {
        self.requests
            .get_or_create(&Ended {
                method,
                route,
                status: status.as_u16(),
            })
            .inc();
        self.seconds
            .get_or_create(&Asked { method, route })
            .observe(took.as_secs_f64());
    }

    /// Everything as Prometheus reads it.
    ///
    /// # Errors
    /// Never, as far as a text in memory goes.
    pub fn text(&self, authority: &Authority) -> Result<String, std::fmt::Error> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.roster.set(number(authority.roll().number()));
        if let Some(announced) = authority.announced() {
            self.state.set(number(announced.number));
            self.age.set(authority.now().since(announced.time));
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether `authority` can do its work: the roster is signed, the database answers, and the state is fresh.
pub fn readiness(authority: &Authority) -> Readiness {
    if authority.roll().newest().is_none() {
        return Readiness::NotReady("roster 1 is not signed yet");
    }
    if authority.store().read(|tx| tx.genesis()).is_err() {
        return Readiness::NotReady("the database does not answer");
    }
    match authority.announced() {
        Some(announced) if authority.now().since(announced.time) <= STALE => Readiness::Ready,
        _ => Readiness::NotReady("the state is not signed afresh"),
    }
}

/// `/metrics` and `/ready`, for the loopback listener.
pub fn router(authority: Arc<Authority>, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .route("/ready", get(ready))
        .with_state((authority, metrics))
}

async fn show(State((authority, metrics)): State<(Arc<Authority>, Arc<Metrics>)>) -> Response {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics.text(&authority) {
        Ok(text) => ([(header::CONTENT_TYPE, TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn ready(State((authority, _)): State<(Arc<Authority>, Arc<Metrics>)>) -> Response {
    let looked = tokio::task::spawn_blocking(move || readiness(&authority)).await;
    match looked {
        Ok(Readiness::Ready) => "ready\n".into_response(),
        Ok(Readiness::NotReady(why)) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response()
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
