//! A blocking HTTPS client that trusts one root.

mod error;

pub use error::Error;

use crate::encoding::{self, PemError};
use crate::provider;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use ureq::config::ConfigBuilder;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};
use ureq::typestate::AgentScope;
use ureq::{Agent, Body, http::Response};

/// Bytes in an answer, at most: a chain of a few large rosters.
pub const MAX_ANSWER: u64 = 8 * 1024 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const WHOLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Of an exchange on a lasting connection: for what is sent, megabytes over a slow line,
const SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// and for each part of the answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// An idle connection is kept this long; whoever speaks more often has one connection.
const LASTING: Duration = Duration::from_secs(300);

/// Speaks to one server.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    agent: Agent,
}

/// A client certificate with its key, both in PEM, for mTLS.
#[derive(Clone, Copy)]
pub struct ClientIdentity<'a> {
    /// Issued by the same root.
    pub certificate: &'a str,
    /// Secret.
    pub key: &'a str,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Begins with a slash; with the query.
    path: &'a str,
    method: Method<'a>,
    authorization: Option<&'a str>,
    limit: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
enum Method<'a> {
    Get,
    Post(&'a [u8]),
    Put(&'a [u8]),
}

/// Why a client cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The root, or what the client shows, is not in PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The root is none.
    #[error("the X.509 root cannot be used: {0}")]
    Root(rustls::Error),
    /// The client's certificate and key do not fit each other.
    #[error("the client certificate and its key cannot be used: {0}")]
    Identity(rustls::Error),
}

/// The API's errors: `{"error":{"code":…,"message":…}}`.
#[derive(Deserialize)]
struct Failure {
    error: Problem,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    message: String,
}

impl<'a> Request<'a> {
    /// Asks for something.
    pub fn get(path: &'a str) -> Self {
        Self {
            path,
            method: Method::Get,
            authorization: None,
            limit: None,
        }
    }

    /// Sends exactly these bytes, which are JSON.
    pub fn post(path: &'a str, body: &'a [u8]) -> Self {
        Self {
            path,
            method: Method::Post(body),
            authorization: None,
            limit: None,
        }
    }

    /// Puts exactly these bytes, which are JSON, in this place.
    pub fn put(path: &'a str, body: &'a [u8]) -> Self {
        Self {
            path,
            method: Method::Put(body),
            authorization: None,
            limit: None,
        }
    }

    /// With this `Authorization` header.
    #[must_use]
    pub fn authorized(self, header: &'a str) -> Self {
        Self {
            authorization: Some(header),
            ..self
        }
    }

    /// Given up after this long: for what somebody waits for who can do without it. Questions alone have a limit.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }
}

impl Client {
    /// A client for the server at `base` (`https://HOST:PORT`) that trusts the root (PEM) alone, or the two of a rotation, one
    /// after the other, and shows `identity` if it has one.
    pub fn new(
        base: &str,
        root: &str,
        identity: Option<ClientIdentity<'_>>,
    ) -> Result<Self, SetupError> {
        Self::set_up(base, root, identity, |config| {
            config.timeout_global(Some(WHOLE_TIMEOUT))
        })
    }

    /// As [`Client::new`], for one who sends much, one request after the other: it keeps its connection, and each
    /// part of an exchange has a time of its own.
    pub fn lasting(
        base: &str,
        root: &str,
        identity: Option<ClientIdentity<'_>>,
    ) -> Result<Self, SetupError> {
        Self::set_up(base, root, identity, |config| {
            config
                .timeout_send_request(Some(ANSWER_TIMEOUT))
                .timeout_send_body(Some(SEND_TIMEOUT))
                .timeout_recv_response(Some(ANSWER_TIMEOUT))
                .timeout_recv_body(Some(ANSWER_TIMEOUT))
                .max_idle_connections(1)
                .max_idle_connections_per_host(1)
                .max_idle_age(LASTING)
        })
    }

    fn set_up(
        base: &str,
        root: &str,
        identity: Option<ClientIdentity<'_>>,
        timing: impl FnOnce(ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope>,
    ) -> Result<Self, SetupError> {
        let roots = encoding::certificates(root)?;
        let mut judged = RootCertStore::empty();
        for root in &roots {
            judged.add(root.clone()).map_err(SetupError::Root)?;
        }
        let roots: Vec<_> = roots
            .iter()
            .map(|root| Certificate::from_der(root).to_owned())
            .collect();
        let identity = identity.map(client_certificate).transpose()?;
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(provider())
            .root_certs(RootCerts::new_with_certs(&roots))
            .client_cert(identity)
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .https_only(true)
            // Neither the environment's proxy nor a redirect may lead away from the pinned server.
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!("daypass/", env!("CARGO_PKG_VERSION")));
        let config = timing(config).build();
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            agent: config.new_agent(),
        })
    }

    /// Sends the request and reads the answer's JSON as a `T`. Blocks at most half a minute.
    pub fn call<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T, Error> {
        let answer = self.fetch(request)?;
        serde_json::from_slice(&answer).map_err(|source| Error::NotJson {
            path: request.path.to_owned(),
            source,
        })
    }

    /// Sends the request and returns the answer's bytes as they are.
    pub fn fetch(&self, request: &Request<'_>) -> Result<Vec<u8>, Error> {
        let (status, body) = self.exchange(request)?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        Err(match serde_json::from_slice::<Failure>(&body) {
            Ok(Failure {
                error: Problem { code, message },
            }) => Error::Api {
                status,
                code,
                message,
            },
            Err(_) => Error::Status {
                status,
                path: request.path.to_owned(),
            },
        })
    }

    /// Sends the request and returns status and bytes of the answer, whatever it says: for those who do not speak our
    /// form of errors.
    pub fn exchange(&self, request: &Request<'_>) -> Result<(u16, Vec<u8>), Error> {
        let mut answer = self
            .send(request)
            .map_err(|error| Error::from_ureq(&self.base, error))?;
        let body = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_vec();
        let body = body.map_err(|error| Error::from_ureq(&self.base, error))?;
        Ok((answer.status().as_u16(), body))
    }

    fn send(&self, request: &Request<'_>) -> Result<Response<Body>, ureq::Error> {
        let url = format!("{}{}", self.base, request.path);
        let (builder, body) = match request.method {
            Method::Get => {
                let get = self.agent.get(url);
                let get = match request.limit {
                    Some(limit) => get.config().timeout_global(Some(limit)).build(),
                    None => get,
                };
                return match request.authorization {
                    Some(header) => get.header("Authorization", header).call(),
                    None => get.call(),
                };
            }
            Method::Post(body) => (self.agent.post(url), body),
            Method::Put(body) => (self.agent.put(url), body),
        };
        let builder = match request.authorization {
            Some(header) => builder.header("Authorization", header),
            None => builder,
        };
        builder.content_type("application/json").send(body)
    }
}

fn client_certificate(identity: ClientIdentity<'_>) -> Result<ClientCert, SetupError> {
    let chain = encoding::certificates(identity.certificate)?;
    let key = encoding::private_key(identity.key)?;
    let shown: Vec<_> = chain
        .iter()
        .map(|der| Certificate::from_der(der).to_owned())
        .collect();
    let ours = PrivateKey::from_pem(identity.key.as_bytes())
        .map_err(|_| PemError::Key(rustls::pki_types::pem::Error::NoItemsFound))?;
    // ureq would panic at the first connection if they did not fit each other.
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(SetupError::Identity)?
        .with_root_certificates(RootCertStore::empty())
        .with_client_auth_cert(chain, key)
        .map_err(SetupError::Identity)?;
    Ok(ClientCert::new_with_certs(&shown, ours))
}
