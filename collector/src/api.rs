//! The HTTPS API of `docs/formats/forwarding.md`: one table of routes, one way in.

mod about;
mod alerts;
mod call;
mod checkpoints;
mod entries;
mod errors;
mod exports;
mod gate;
mod lines;
mod logs;
mod readers;
mod refusal;
pub mod routes;
mod sessions;
mod under_way;
mod word;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};

use crate::collector::Collector;
use crate::metrics::Metrics;
use crate::tally::Tally;
use readers::Readers;
use refusal::Refusal;
use routes::{Method, ROUTES, Route};
use under_way::UnderWay;

/// What every request needs.
#[derive(Clone)]
struct Service {
    collector: Arc<Collector>,
    rate: Arc<Mutex<Tally>>,
    under_way: UnderWay,
    readers: Arc<Readers>,
    metrics: Arc<Metrics>,
}

/// The API of `collector`, for `axum_server` with connection info. `requests_per_minute` is for one address without a
/// client certificate; answers are counted in `metrics`.
pub(crate) fn router(
    collector: Arc<Collector>,
    requests_per_minute: u32,
    metrics: Arc<Metrics>,
) -> Router {
    let rate = Tally::new(requests_per_minute, Duration::from_secs(60));
    let service = Service {
        collector,
        rate: Arc::new(Mutex::new(rate)),
        under_way: UnderWay::default(),
        readers: Arc::default(),
        metrics,
    };
    let mut router = Router::new();
    for route in ROUTES {
        router = router.route(route.path, method(route));
    }
    router
        .fallback(|| async {
            Refusal::missing(
                "no-such-route",
                "the collector has no such route; is the client of another version?",
            )
        })
        .method_not_allowed_fallback(no_such_method)
        .with_state(service)
}

fn method(route: &'static Route) -> MethodRouter<Service> {
    let handler =
        move |State(service): State<Service>, request: Request| answer(service, route, request);
    match route.method {
        // axum answers HEAD where it answers GET; nobody signs a HEAD, so it is refused.
        Method::Get => get(handler).head(no_such_method),
        Method::Post => post(handler),
        Method::Put => put(handler),
    }
}

async fn no_such_method() -> Refusal {
    Refusal::with(
        StatusCode::METHOD_NOT_ALLOWED,
        "no-such-method",
        "this route does not take this method",
    )
}

async fn answer(service: Service, route: &'static Route, request: Request) -> Response {
    let (metrics, began) = (Arc::clone(&service.metrics), Instant::now());
    let response = match gate::pass(service, route, request).await {
        Ok(reply) => reply.into_response(),
        Err(refusal) => refusal.into_response(),
    };
    let method = match route.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
    };
    metrics.answered(method, route.path, response.status(), began.elapsed());
    response
}
