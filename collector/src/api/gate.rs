//! The one way in: rate, who, may they, body, then the handler, on a thread that may block. Every refusal is journalled.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::RequestExt as _;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, RawPathParams, Request};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use axum::http::request::Parts;
use axum_server::tls::TlsInfo;
use daypass_protocol::event::{Action, Resource};
use daypass_protocol::http_auth::Target;
use daypass_protocol::roster::Role;
use rustls::pki_types::CertificateDer;

use super::Service;
use super::call::{Call, Caller, Reply, event_of};
use super::refusal::Refusal;
use super::routes::{Access, Method, Route};
use crate::clock::Now;
use crate::collector::Collector;
use crate::origin::{Origin, Owner};

/// A body that takes longer than this is somebody holding a connection.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Characters of why a request was refused that are journalled.
const REASON: usize = 1000;

/// What is known of a request before its body is read.
struct Asked {
    address: IpAddr,
    owner: Option<Owner>,
    log: Option<Origin>,
    /// What the path names, an origin or not.
    named: Option<String>,
}

/// Carries out one request.
pub(super) async fn pass(
    service: Service,
    route: &'static Route,
    mut request: Request,
) -> Result<Reply, Refusal> {
    let asked = asked(&mut request).await;
    let (parts, body) = request.into_parts();
    // Owners are asked before their body is read, so that nobody else can make us take 4 MiB in, and they not without end.
    let place = asked
        .owner
        .as_ref()
        .map(|owner| service.under_way.enter(owner));
    let early = match &place {
        Some(None) => Err(Refusal::with(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-at-once",
            "too many requests of this client are under way; wait for their answers",
        )),
        Some(Some(_)) | None => admit(&service, route, &asked),
    };
    let read = match early {
        Ok(()) => read(&parts, body, route.bound).await,
        Err(refusal) => Err(refusal),
    };
    let work = move || {
        // Whoever breaks off is not rid of what was begun.
        let _place = place;
        let (collector, address) = (Arc::clone(&service.collector), asked.address);
        let log = asked.log.clone();
        let mut caller = Caller::Unknown;
        let outcome = read.and_then(|body| {
            let now = Now::read();
            caller = identify(&service.collector, route, &parts, &body, asked.owner, now)?;
            let call = Call {
                collector: service.collector,
                readers: service.readers,
                caller: caller.clone(),
                log: asked.log,
                named: asked.named,
                query: parts.uri.query().unwrap_or_default().to_owned(),
                body,
                now,
            };
            (route.handler)(&call)
        });
        if let Err(refusal) = &outcome {
            note(&collector, route, refusal, &caller, log.as_ref(), address)?;
        }
        outcome
    };
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| Err(Refusal::failure(&panic)))
}

async fn asked(request: &mut Request) -> Asked {
    let params = request.extract_parts::<RawPathParams>().await.ok();
    let named = params.and_then(|params| params.iter().next().map(|(_, value)| value.to_owned()));
    let extensions = request.extensions();
    let address = extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| {
            info.0.ip().to_canonical()
        });
    let owner = extensions.get::<Arc<TlsInfo>>().and_then(|info| {
        let chain: Vec<_> = info
            .peer_certificates
            .iter()
            .map(|certificate| CertificateDer::from(certificate.as_slice()))
            .collect();
        let name = daypass_transport::host_name(Some(&chain)).ok()?;
        Owner::of_common_name(&name)
    });
    Asked {
        address,
        owner,
        log: named.as_ref().and_then(|origin| origin.parse().ok()),
        named,
    }
}

/// What can be refused before a body is read.
fn admit(service: &Service, route: &Route, asked: &Asked) -> Result<(), Refusal> {
    if asked.owner.is_none() {
        let mut rate = service.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.take(asked.address, Instant::now()).map_err(|wait| {
            Refusal::with(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-requests",
                format!(
                    "too many requests from {}; try again in {} s",
                    asked.address,
                    wait.as_secs() + 1
                ),
            )
        })?;
    }
    if !matches!(route.access, Access::Owner | Access::Machine) {
        return Ok(());
    }
    let owner = asked.owner.as_ref().ok_or_else(|| {
        Refusal::unauthenticated(
            "no-certificate",
            "this route answers enrolled hosts, which show their client certificate",
        )
    })?;
    if route.access == Access::Machine {
        return Ok(());
    }
    let log = asked.log.as_ref().ok_or_else(Refusal::no_such_log)?;
    if log.owner() == owner {
        return Ok(());
    }
    Err(Refusal::forbidden(
        "not-your-journal",
        format!(
            "the client certificate is {owner}'s; only {} writes the journal {log}",
            log.owner()
        ),
    ))
}

async fn read(parts: &Parts, body: Body, bound: usize) -> Result<Vec<u8>, Refusal> {
    let announced = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > bound) {
        return Err(Refusal::too_large(bound));
    }
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, bound)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(_)) => Err(Refusal::too_large(bound)),
        Err(_) => Err(Refusal::malformed(
            "body-too-slow",
            "the request's body did not arrive in time",
        )),
    }
}

fn identify(
    collector: &Collector,
    route: &Route,
    parts: &Parts,
    body: &[u8],
    owner: Option<Owner>,
    now: Now,
) -> Result<Caller, Refusal> {
    match (route.access, owner) {
        (Access::People(roles), _) => person(collector, parts, body, roles, now),
        (Access::Owner | Access::Machine, Some(owner)) => Ok(Caller::Owner(owner)),
        (Access::Owner | Access::Machine | Access::Anyone, _) => Ok(Caller::Unknown),
    }
}

fn person(
    collector: &Collector,
    parts: &Parts,
    body: &[u8],
    roles: &[Role],
    now: Now,
) -> Result<Caller, Refusal> {
    let header = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|header| header.to_str().ok());
    let authority = collector.authority();
    let target = Target {
        ca: authority.pin(),
        method: parts.method.as_str(),
        path: parts.uri.path_and_query().map_or("/", |path| path.as_str()),
        body,
    };
    let caller = collector.people().check(
        authority,
        header.unwrap_or_default(),
        &target,
        roles,
        now.time(),
    )?;
    Ok(Caller::Person {
        name: caller.person().clone(),
        key: caller.key(),
    })
}

/// Journals a refusal; what failed on our side is not one.
fn note(
    collector: &Collector,
    route: &Route,
    refusal: &Refusal,
    caller: &Caller,
    log: Option<&Origin>,
    address: IpAddr,
) -> Result<(), Refusal> {
    tracing::info!(%address, path = route.path, code = refusal.code, "a request was refused");
    if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
        return Ok(());
    }
    let action = match (route.access, route.method) {
        (Access::Owner, Method::Post | Method::Put) => Action::UploadRefused,
        _ => Action::RequestRefused,
    };
    // It may quote the request, and has to fit into an entry.
    let reason: String = refusal.message.chars().take(REASON).collect();
    let event = event_of(action, caller, log).because(refusal.code, reason);
    let event = match caller {
        Caller::Owner(_) => event,
        Caller::Unknown | Caller::Person { .. } => event.on(Resource {
            service: Some(route.path.to_owned()),
            ..Resource::default()
        }),
    };
    collector
        .refused(address, event)
        .map_err(|error| Refusal::failure(&error))
}
