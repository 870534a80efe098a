//! A collector that asks to be admitted.

use daypass_ca::authority::CollectorError;
use daypass_journal::witness::Witness;
use daypass_protocol::collector::{Admission, Request};
use daypass_protocol::event::Identity;
use daypass_protocol::version::Version;
use daypass_transport::client::{Client, ClientIdentity};
use daypass_transport::request::SigningRequest;

use super::House;

/// An admitted collector.
pub(crate) struct Collector {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// A witness key of this collector's.
pub(crate) fn witness(name: &str) -> Witness {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("witness.key");
    Witness::create(&path, &format!("{name}/daypass-collector")).unwrap()
}

impl House {
    /// What `daypass-collector init` prints, and its key.
    pub(crate) fn collector_request(&self, name: &str) -> (Request, String) {
        self.request_with(name, &witness(name))
    }

    /// The same, of one with this witness key.
    pub(crate) fn request_with(&self, name: &str, witness: &Witness) -> (Request, String) {
        let SigningRequest { key, csr } = SigningRequest::create("whatever").unwrap();
        let request = Request {
            v: Version,
            ca: self.newborn.pin,
            url: format!("https://{name}:7444").parse().unwrap(),
            names: vec![name.to_owned()],
            csr,
            witness: witness.vkey().to_string(),
        };
        (request, key)
    }

    pub(crate) fn admit(&self, request: &Request) -> Result<Admission, Box<CollectorError>> {
        let root = Identity {
            account: Some("root".to_owned()),
            uid: Some(0),
            ..Identity::default()
        };
        let admitted = self.authority().admit_collector(request, root);
        admitted.map_err(Box::new)
    }

    pub(crate) fn collector(&self, name: &str) -> Collector {
        let (request, key) = self.collector_request(name);
        let certificate = self.admit(&request).unwrap().certificate;
        Collector { certificate, key }
    }

    pub(crate) fn client_as(&self, collector: &Collector) -> Client {
        self.client(Some(ClientIdentity {
            certificate: &collector.certificate,
            key: &collector.key,
        }))
    }
}
