//! The one way in: rate, body, who, may they, then the handler, on a thread that may block.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::RequestExt as _;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, RawPathParams, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use axum::http::{StatusCode, request::Parts};
use axum_server::tls::TlsInfo;
use daypass_protocol::event::{Action, Event, Identity, Origin, Outcome, Resource};
use daypass_protocol::http_auth::Target;
use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::Name;
use daypass_protocol::roster::{Role, VerifiedRoster};

use super::Service;
use super::call::{Call, Caller, Reply};
use super::refusal::Refusal;
use super::routes::{Access, Pace, Route};
use crate::auth::{self, AuthError, Machine};
use crate::authority::Authority;

/// A body that takes longer than this is somebody holding a connection.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that is too large is still read up to this, in bytes: a client that is cut off while it sends never reads
/// why.
const SWALLOW: usize = 1024 * 1024;

/// Carries out one request.
pub(super) async fn pass(
    service: Service,
    route: &'static Route,
    mut request: Request,
) -> Result<Reply, Refusal> {
    let address = address(&request);
    service.rate.take(address, Instant::now()).map_err(|wait| {
        Refusal::with(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            format!(
                "too many requests from {address}; try again in {} s",
                wait.as_secs() + 1
            ),
        )
    })?;
    let params = request.extract_parts::<RawPathParams>().await.ok();
    let id = params.and_then(|params| params.iter().next().map(|(_, value)| value.to_owned()));
    let (parts, body) = request.into_parts();
    let body = read(&parts, body, route.bound).await?;
    let authority = Arc::clone(&service.authority);
    let enter = move || -> Result<Call, Refusal> {
        let caller = identify(&authority, route, &parts, &body, address)?;
        Ok(Call {
            caller,
            address,
            id,
            query: parts.uri.query().unwrap_or_default().to_owned(),
            body,
        })
    };
    let authority = service.authority;
    match route.pace {
        Pace::AtOnce => in_place(move || (route.handler)(&authority, &enter()?)),
        Pace::Lingers => {
            let call = blocking(enter).await?;
            // No thread waits with it: there may be one of these for every host.
            super::state::linger(&authority, &call).await?;
            blocking(move || (route.handler)(&authority, &call)).await
        }
    }
}

/// Works on this thread, whose other tasks the runtime gives to another one: the answer leaves without anybody being woken
/// on the way there or back. Whoever asked may have gone; what was begun is brought to its end.
fn in_place<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    tokio::task::block_in_place(|| catch_unwind(AssertUnwindSafe(work)))
        .unwrap_or_else(|_| Err(Refusal::failure(&Panicked)))
}

/// A handler that broke; the panic's own words are on standard error.
#[derive(Debug, thiserror::Error)]
#[error("the request's handler panicked")]
struct Panicked;

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| Err(Refusal::failure(&panic)))
}

fn address(request: &Request) -> IpAddr {
    request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| {
            info.0.ip().to_canonical()
        })
}

async fn read(parts: &Parts, body: Body, bound: usize) -> Result<Vec<u8>, Refusal> {
    let most = bound.max(SWALLOW);
    let announced = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(Refusal::too_large(bound));
    }
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, most)).await {
        Ok(Ok(bytes)) if bytes.len() <= bound => Ok(bytes.into()),
        Ok(_) => Err(Refusal::too_large(bound)),
        Err(_) => Err(Refusal::malformed(
            "body-too-slow",
            "the request's body did not arrive in time",
        )),
    }
}

/// Who asks, if they may use this route now.
fn identify(
    authority: &Authority,
    route: &Route,
    parts: &Parts,
    body: &[u8],
    address: IpAddr,
) -> Result<Caller, Refusal> {
    let roll = authority.roll();
    let Some(roster) = roll.newest() else {
        return if route.answers_before_activation() {
            Ok(Caller::Unknown)
        } else {
            Err(Refusal::unavailable(
                "roster-unsigned",
                "roster 1 is not signed yet; the first admin does that on their own machine with: daypass roster sign",
            ))
        };
    };
    let outcome = match route.access {
        Access::Anyone | Access::Bearer => Ok(Caller::Unknown),
        Access::PersonOrMachine if !parts.headers.contains_key(AUTHORIZATION) => {
            machine(authority, parts)
        }
        Access::Host => machine(authority, parts).and_then(only_host),
        Access::Collector => machine(authority, parts).and_then(only_collector),
        Access::Person | Access::PersonOrMachine => person(authority, roster, parts, body),
        Access::Roles(roles) => person(authority, roster, parts, body)
            .and_then(|caller| require(roster, &caller, roles).map(|()| caller)),
    };
    if let Err(refused) = &outcome {
        note(authority, route, refused, address)?;
    }
    outcome.map_err(|refused| refused.refusal)
}

/// A refusal, and who it was that proved who they are before it.
struct Refused {
    refusal: Refusal,
    known: Option<Box<Identity>>,
}

impl Refused {
    fn stranger(refusal: Refusal) -> Self {
        Self {
            refusal,
            known: None,
        }
    }

    fn known(refusal: Refusal, name: &Name, key: Fingerprint) -> Self {
        let identity = Identity {
            person: Some(name.clone()),
            key: Some(key),
            ..Identity::default()
        };
        Self {
            refusal,
            known: Some(Box::new(identity)),
        }
    }
}

fn person(
    authority: &Authority,
    roster: &VerifiedRoster,
    parts: &Parts,
    body: &[u8],
) -> Result<Caller, Refused> {
    let header = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|header| header.to_str().ok())
        .unwrap_or_default();
    let target = Target {
        ca: authority.pin(),
        method: parts.method.as_str(),
        path: parts.uri.path_and_query().map_or("/", |path| path.as_str()),
        body,
    };
    match auth::person(authority, roster, header, &target, authority.now()) {
        Ok(signer) => Ok(Caller::Person {
            name: signer.person().clone(),
            key: signer.key(),
        }),
        Err(AuthError::Replay(signer)) => {
            let (name, key) = (signer.person().clone(), signer.key());
            Err(Refused::known(AuthError::Replay(signer).into(), &name, key))
        }
        Err(AuthError::RevokedKey(signer)) => {
            let (name, key) = (signer.person().clone(), signer.key());
            let refusal = AuthError::RevokedKey(signer).into();
            // Whoever has it has it from somebody: that is worth an entry, and no more than one a minute.
            if authority.is_news_of_revoked(key) {
                Err(Refused::known(refusal, &name, key))
            } else {
                Err(Refused::stranger(refusal))
            }
        }
        Err(error) => Err(Refused::stranger(error.into())),
    }
}

fn machine(authority: &Authority, parts: &Parts) -> Result<Caller, Refused> {
    let certificate = parts
        .extensions
        .get::<Arc<TlsInfo>>()
        .and_then(|info| info.peer_certificates.first());
    let Some(certificate) = certificate else {
        let refusal = Refusal::unauthenticated(
            "no-identity",
            "this route asks who you are: people sign their requests, enrolled hosts and collectors show their certificate",
        );
        return Err(Refused::stranger(refusal));
    };
    match auth::machine(authority, certificate.as_ref()) {
        Ok(Machine::Host { name, certificate }) => Ok(Caller::Host { name, certificate }),
        Ok(Machine::Collector(collector)) => Ok(Caller::Collector(collector)),
        Err(error) => Err(Refused::stranger(error.into())),
    }
}

fn only_host(caller: Caller) -> Result<Caller, Refused> {
    match caller {
        Caller::Host { .. } => Ok(caller),
        _ => Err(not_these("enrolled hosts")),
    }
}

fn only_collector(caller: Caller) -> Result<Caller, Refused> {
    match caller {
        Caller::Collector(_) => Ok(caller),
        _ => Err(not_these("collectors")),
    }
}

fn not_these(who: &str) -> Refused {
    let message = format!("this route answers {who}");
    Refused::stranger(Refusal::unauthenticated("no-identity", message))
}

fn require(roster: &VerifiedRoster, caller: &Caller, roles: &[Role]) -> Result<(), Refused> {
    let Caller::Person { name, key } = caller else {
        return Ok(());
    };
    if roster
        .person(name)
        .is_some_and(|person| roles.iter().any(|&role| person.is(role)))
    {
        return Ok(());
    }
    let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    let refusal = Refusal::forbidden(
        "role",
        format!(
            "{name} may not do this: it takes the role {}",
            roles.join(" or ")
        ),
    );
    Err(Refused::known(refusal, name, *key))
}

/// Journals a refusal of somebody who proved who they are; what strangers send is logged only, or they could fill
/// the journal.
fn note(
    authority: &Authority,
    route: &Route,
    refused: &Refused,
    address: IpAddr,
) -> Result<(), Refusal> {
    let Refused { refusal, known } = refused;
    let Some(identity) = known else {
        tracing::info!(%address, path = route.path, code = refusal.code, "a request was refused");
        return Ok(());
    };
    let event = Event::new(Action::RequestRefused)
        .outcome(Outcome::Denied)
        .because(refusal.code, &refusal.message)
        .by(Identity::clone(identity))
        .on(Resource {
            service: Some(route.path.to_owned()),
            ..Resource::default()
        })
        .from(Origin {
            address: Some(address),
            ..Origin::default()
        });
    Ok(authority.note(&event)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_handler_that_panics_fails_one_request_and_nothing_else() {
        let broken = in_place(|| -> Result<(), Refusal> { panic!("a fault of ours") });
        assert_eq!(broken.map_err(|refusal| refusal.code), Err("ca-failure"));
        assert_eq!(in_place(|| Ok(7)).map_err(|refusal| refusal.code), Ok(7));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn handlers_at_work_leave_the_runtime_to_others() {
        let (tell, told) = std::sync::mpsc::channel();
        // On the only thread that the runtime began with.
        let waits = tokio::spawn(async move {
            in_place(|| {
                told.recv_timeout(Duration::from_secs(60))
                    .map_err(|error| Refusal::failure(&error))
            })
        });
        let tells = tokio::spawn(async move { tell.send(()).is_ok() });
        assert!(tells.await.expect("no panic"));
        assert!(waits.await.expect("no panic").is_ok());
    }
}
