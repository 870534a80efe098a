//! One exchange with the CA: signed, sent over TLS under the pinned root, its answer bounded and read strictly.

use std::time::Duration;

use daypass_protocol::digest::{Digest, Nonce};
use daypass_protocol::http_auth::Target;
use daypass_protocol::strict_json;
use daypass_protocol::token::CaUrl;
use daypass_transport::authority::root_hash;
use daypass_transport::client::{self, Client, MAX_ANSWER, Request};
use daypass_transport::fetch;
use serde::de::DeserializeOwned;

use super::{Ca, now};
use crate::config::Config;
use crate::diagnostic::Failure;
use crate::durable;
use crate::paths::Places;

/// The longest root certificate that is read, bytes.
const LONGEST_ROOT: u64 = 64 * 1024;

/// The connection.
#[derive(Debug)]
pub(crate) struct Wire {
    url: CaUrl,
    client: Client,
}

/// What is asked of the CA.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Call<'a> {
    Get(&'a str),
    Post(&'a str, &'a [u8]),
}

/// The PEM of the X.509 root with this hash, from the CA that shows it.
pub(super) fn fetch_root(url: &CaUrl, root: &Digest) -> Result<String, Failure> {
    fetch::root(url.host(), url.port(), *root.as_bytes()).map_err(|error| match error {
        fetch::Error::OtherRoot { .. } | fetch::Error::Untrusted { .. } => Failure::OtherRoot {
            url: url.to_string(),
        },
        fetch::Error::Unreachable { source, .. } | fetch::Error::Handshake { source, .. } => {
            Failure::Unreachable {
                url: url.to_string(),
                reason: source.to_string(),
            }
        }
        error @ fetch::Error::Name(_) => Failure::Unreachable {
            url: url.to_string(),
            reason: error.to_string(),
        },
    })
}

/// The hashes of the X.509 roots that this machine trusts, in the order in which it was told of them.
pub(super) fn trusted_roots(places: &Places) -> Result<Vec<Digest>, Failure> {
    const END: &str = "-----END CERTIFICATE-----\n";
    let path = places.root_file();
    let roots = durable::read(&path, LONGEST_ROOT)?
        .ok_or_else(|| Failure::NotSetUp { path: path.clone() })?;
    // What is none shows when nobody answers under the others.
    Ok(roots
        .split_inclusive(END)
        .filter_map(|root| root_hash(root).ok())
        .map(Digest::from_bytes)
        .collect())
}

impl Wire {
    /// Ready to speak with the configured CA; nothing is connected yet.
    pub(super) fn open(config: &Config, places: &Places) -> Result<Self, Failure> {
        Self::to(&config.url, places)
    }

    /// Ready to speak with a server under the same X.509 root.
    pub(super) fn to(url: &CaUrl, places: &Places) -> Result<Self, Failure> {
        let path = places.root_file();
        let root = durable::read(&path, LONGEST_ROOT)?
            .ok_or_else(|| Failure::NotSetUp { path: path.clone() })?;
        let client =
            Client::new(&url.join(""), &root, None).map_err(|source| Failure::BadRoot {
                path,
                source: Box::new(source),
            })?;
        Ok(Self {
            url: url.clone(),
            client,
        })
    }

    /// Ready to speak with a CA that this machine is not set up for, under the root that was just fetched.
    pub(super) fn under(url: &CaUrl, root: &str) -> Result<Self, Failure> {
        let client = Client::new(&url.join(""), root, None).map_err(|source| Failure::Garbled {
            url: url.to_string(),
            reason: source.to_string(),
        })?;
        Ok(Self {
            url: url.clone(),
            client,
        })
    }

    /// Keeps these roots for the next time.
    pub(super) fn follow_roots(url: &CaUrl, places: &Places, roots: &str) -> Result<(), Failure> {
        let path = places.root_file();
        if durable::read(&path, LONGEST_ROOT)?.as_deref() == Some(roots) {
            return Ok(());
        }
        // Before they are kept: with what is none this machine would speak to nobody any more.
        Client::new(&url.join(""), roots, None).map_err(|source| Failure::BadRoot {
            path: path.clone(),
            source: Box::new(source),
        })?;
        durable::write(&path, roots.as_bytes(), 0o644)
    }

    /// Sends a request, signed by `signer` if there is one, and reads the answer.
    pub(crate) fn call<T: DeserializeOwned>(
        &self,
        call: Call<'_>,
        signer: Option<&Ca>,
    ) -> Result<T, Failure> {
        let answer = self.fetch(call, signer)?;
        let bound = usize::try_from(MAX_ANSWER).unwrap_or(usize::MAX);
        strict_json::parse(answer, bound).map_err(|error| self.garbled(error.to_string()))
    }

    /// Likewise, and returns the answer's bytes.
    pub(crate) fn fetch(&self, call: Call<'_>, signer: Option<&Ca>) -> Result<Vec<u8>, Failure> {
        let credential = signer.map(|ca| call.credential(ca)).transpose()?;
        let request = match call {
            Call::Get(path) => Request::get(path),
            Call::Post(path, body) => Request::post(path, body),
        };
        let request = credential
            .iter()
            .fold(request, |request, header| request.authorized(header));
        self.client
            .fetch(&request)
            .map_err(|error| self.failure(error))
    }

    /// What anyone may read, given up after `limit`.
    pub(super) fn glance(&self, path: &str, limit: Duration) -> Result<Vec<u8>, Failure> {
        self.client
            .fetch(&Request::get(path).within(limit))
            .map_err(|error| self.failure(error))
    }

    fn failure(&self, error: client::Error) -> Failure {
        match error {
            client::Error::Api {
                status,
                code,
                message,
            } => Failure::Refused {
                status,
                code,
                message,
            },
            client::Error::Unreachable { reason, .. } => self.unreachable(reason.to_string()),
            client::Error::Tls { source, .. } => self.unreachable(source.to_string()),
            client::Error::Exchange { source, .. } => self.unreachable(source.to_string()),
            error @ client::Error::Timeout { .. } => self.unreachable(error.to_string()),
            client::Error::Untrusted { .. } => Failure::OtherRoot {
                url: self.url.to_string(),
            },
            error => self.garbled(error.to_string()),
        }
    }

    fn unreachable(&self, reason: String) -> Failure {
        Failure::Unreachable {
            url: self.url.to_string(),
            reason,
        }
    }

    pub(crate) fn garbled(&self, reason: String) -> Failure {
        Failure::Garbled {
            url: self.url.to_string(),
            reason,
        }
    }
}

impl Call<'_> {
    /// The `Authorization` header.
    fn credential(self, ca: &Ca) -> Result<String, Failure> {
        let (method, path, body): (_, _, &[u8]) = match self {
            Call::Get(path) => ("GET", path, &[]),
            Call::Post(path, body) => ("POST", path, body),
        };
        let mut nonce = [0_u8; 16];
        getrandom::fill(&mut nonce).map_err(|source| Failure::NoRandom { source })?;
        let target = Target {
            ca: ca.pin(),
            method,
            path,
            body,
        };
        let signer = |namespace: &str, bytes: &[u8]| ca.key()?.sign(namespace, bytes);
        let credential = target
            .sign(ca.person(), now(), Nonce::from_bytes(nonce), signer)
            .map_err(Failure::Key)?;
        Ok(credential.to_header())
    }
}
