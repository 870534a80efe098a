//! HTTP receivers: the alert's JSON, signed, by POST.

use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use ureq::http::Uri;
use ureq::http::uri::PathAndQuery;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, Error};

use super::{Carrier, PATIENCE, Undelivered, is_local, outlet, signature};
use crate::alerts::config::WebhookConfig;
use crate::clock::Now;
use crate::outlet::OutletError;
use daypass_protocol::alert::Alert;

/// Bytes of a secret, at least.
const SHORTEST: usize = 16;
/// The longest pause that a receiver may ask for.
const LONGEST_PAUSE: u64 = 3600;

/// One receiver.
pub(super) struct Webhook {
    url: Uri,
    /// What messages call it: who knows the rest of a URL may be able to use it.
    host: String,
    secret: Vec<u8>,
    agent: Agent,
}

impl Webhook {
    pub(super) fn new(config: &WebhookConfig) -> Result<Self, OutletError> {
        let unfit = |reason: &str| outlet(&config.name).unfit(reason);
        let url: Uri = config
            .url
            .parse()
            .map_err(|_| unfit("url is no URL, as in https://hooks.example.org/daypass"))?;
        let host = match (url.scheme_str(), url.host()) {
            (Some("https"), Some(host)) => host.to_owned(),
            (Some("http"), Some(host)) if is_local(host) => host.to_owned(),
            (Some("http"), _) => {
                return Err(unfit(
                    "http:// is taken to this machine itself only; everybody on the way could read alerts: use https://",
                ));
            }
            _ => return Err(unfit("url must begin with https:// and name a host")),
        };
        let secret = outlet(&config.name).password(&config.secret_file)?;
        if secret.len() < SHORTEST {
            return Err(unfit(
                "the secret is shorter than 16 bytes: make one with openssl rand -hex 32",
            ));
        }
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(aws_lc_rs::default_provider().into())
            .root_certs(RootCerts::new_with_certs(&roots(config)?))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            // Neither the environment's proxy nor a redirect may lead alerts elsewhere.
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("daypass-collector/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self {
            url,
            host,
            secret,
            agent,
        })
    }
}

impl Carrier for Webhook {
    fn deliver(&self, alert: &Alert, body: &str) -> Result<(), Undelivered> {
        let answer = self
            .agent
            .post(self.url.clone())
            .content_type("application/json")
            .header("Daypass-Alert", &alert.id)
            .header(
                "Daypass-Signature",
                signature(&self.secret, Now::read().seconds(), body.as_bytes()),
            )
            .send(body);
        let answer = answer.map_err(|error| self.away(&error))?;
        let status = answer.status();
        let said = format!("{} answered {status}", self.host);
        match status.as_u16() {
            _ if status.is_success() => Ok(()),
            408 | 425 | 429 | 500.. => Err(Undelivered::Away(said, pause(answer.headers()))),
            _ => Err(Undelivered::Refused(said)),
        }
    }
}

impl Webhook {
    /// Some errors quote what was asked for.
    fn away(&self, error: &Error) -> Undelivered {
        let mut said = error.to_string();
        let path = self.url.path_and_query().map(PathAndQuery::as_str);
        for secret in [Some(self.url.to_string().as_str()), path] {
            if let Some(secret) = secret.filter(|secret| secret.len() > 1) {
                said = said.replace(secret, "…");
            }
        }
        Undelivered::Away(format!("{}: {said}", self.host), None)
    }
}

/// `Retry-After` in seconds; dates are not looked at.
fn pause(headers: &ureq::http::HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers
        .get("retry-after")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_PAUSE)))
}

/// The roots that the configuration names, else the system's.
fn roots(config: &WebhookConfig) -> Result<Vec<Certificate<'static>>, OutletError> {
    let Some(path) = &config.ca_file else {
        let found = rustls_native_certs::load_native_certs();
        return Ok(found
            .certs
            .iter()
            .map(|der| Certificate::from_der(der).to_owned())
            .collect());
    };
    let wrong = |reason: String| outlet(&config.name).wrong(path, reason);
    let pem = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let mut roots = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(root) =
            item.map_err(|error| wrong(format!("is no PEM: {error}")))?
        {
            roots.push(root);
        }
    }
    match roots.is_empty() {
        true => Err(wrong("holds no certificate in PEM".to_owned())),
        false => Ok(roots),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_stands_in_no_message() {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("secret");
        std::fs::write(&secret, "0123456789abcdef").unwrap();
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        let config = format!(
            "name = 'pager'\nurl = 'http://user:word@localhost:1/T0KEN?key=K3Y'\nsecret_file = {secret:?}"
        );
        let webhook = Webhook::new(&toml::from_str(&config).unwrap()).unwrap();
        let asked = "http://user:word@localhost:1/T0KEN?key=K3Y".to_owned();
        for error in [
            Error::BadUri(asked.clone()),
            Error::RequireHttpsOnly(asked),
            Error::BadUri("/T0KEN?key=K3Y".to_owned()),
            Error::HostNotFound,
        ] {
            let Undelivered::Away(said, None) = webhook.away(&error) else {
                panic!("{error}");
            };
            assert!(said.starts_with("localhost: "), "{said}");
            for part in ["T0KEN", "K3Y", "word"] {
                assert!(!said.contains(part), "{said}");
            }
        }
    }
}
