//! The HTTPS API of `docs/formats/api.md`: one table of routes, one way in.

mod about;
mod call;
mod certificates;
mod collectors;
mod comebacks;
mod enrolment;
mod errors;
mod gate;
mod hosts;
mod invitations;
mod journal;
mod narrowings;
mod refusal;
mod renewals;
mod retirements;
mod revocations;
mod roster;
pub mod routes;
mod state;
mod statements;
mod windows;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};

use crate::authority::Authority;
use crate::metrics::Metrics;
use crate::rate::RateLimit;
use refusal::Refusal;
use routes::{Method, ROUTES, Route};

/// What every request needs.
#[derive(Clone)]
pub(crate) struct Service {
    authority: Arc<Authority>,
    rate: Arc<RateLimit>,
    metrics: Arc<Metrics>,
}

/// The API of `authority`, for `axum_server` with connection info. `requests_per_minute` is for one address; answers
/// are counted in `metrics`.
pub fn router(
    authority: Arc<Authority>,
    requests_per_minute: u32,
    metrics: Arc<Metrics>,
) -> Router {
    let service = Service {
        authority,
        rate: Arc::new(RateLimit::new(requests_per_minute)),
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
                "the CA has no such route; is the client of another version?",
            )
        })
        .method_not_allowed_fallback(|| async {
            Refusal::with(
                axum::http::StatusCode::METHOD_NOT_ALLOWED,
                "no-such-method",
                "this route does not take this method",
            )
        })
        .with_state(service)
}

fn method(route: &'static Route) -> MethodRouter<Service> {
    let handler =
        move |State(service): State<Service>, request: Request| answer(service, route, request);
    match route.method {
        // axum answers HEAD where it answers GET; nobody signs a HEAD, so it is refused.
        Method::Get => get(handler).head(|| async {
            Refusal::with(
                axum::http::StatusCode::METHOD_NOT_ALLOWED,
                "no-such-method",
                "this route does not take this method",
            )
        }),
        Method::Post => post(handler),
    }
}

async fn answer(service: Service, route: &'static Route, request: Request) -> Response {
    let (metrics, began) = (Arc::clone(&service.metrics), Instant::now());
    let response = match gate::pass(service, route, request).await {
        Ok(reply) => reply.into_response(),
        Err(refusal) => refusal.into_response(),
    };
    let method = route.method.as_str();
    metrics.answered(method, route.path, response.status(), began.elapsed());
    response
}
