//! A machine that joins.

use daypass_journal::identity::Identity;
use daypass_protocol::api::{Enrolled, Enrolment, JournalKeys};
use daypass_protocol::digest::Incarnation;
use daypass_protocol::enrolment::host_origin;
use daypass_protocol::name::HostName;
use daypass_protocol::token::JoinToken;
use daypass_transport::client::{Client, ClientIdentity};
use daypass_transport::request::SigningRequest;

use super::{House, No, Someone};

/// An enrolled host.
pub(crate) struct Machine {
    pub(crate) enrolled: Enrolled,
    pub(crate) key: String,
}

/// What a machine with this token, for one host, sends.
pub(crate) fn application(token: &JoinToken) -> (Enrolment, String) {
    application_as(token, token.host.as_ref().unwrap().as_str())
}

/// What a machine of this name sends.
pub(crate) fn application_as(token: &JoinToken, host: &str) -> (Enrolment, String) {
    let host: HostName = host.parse().unwrap();
    let request = SigningRequest::create("whatever").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let incarnation = Incarnation::from_bytes([7; 8]);
    let origin = host_origin(token.ca, &host, incarnation);
    let identity = Identity::create(&directory.path().join("keys"), &origin).unwrap();
    let application = Enrolment {
        secret: token.secret.clone(),
        host,
        csr: request.csr,
        host_keys: vec![Someone::new("host").public()],
        journal: JournalKeys {
            origin,
            log_key: identity.log_vkey(),
            epoch_key: identity.epoch_vkey(),
            incarnation,
        },
        ephemeral: false,
    };
    (application, request.key)
}

impl House {
    pub(crate) fn enroll(&self, token: &JoinToken) -> Result<Machine, No> {
        let (application, key) = application(token);
        let enrolled = self.post_bare("/v1/hosts/enroll", &application)?;
        Ok(Machine { enrolled, key })
    }

    pub(crate) fn enroll_as(&self, token: &JoinToken, host: &str) -> Result<Machine, No> {
        let (application, key) = application_as(token, host);
        let enrolled = self.post_bare("/v1/hosts/enroll", &application)?;
        Ok(Machine { enrolled, key })
    }

    pub(crate) fn host(&self, name: &str) -> Machine {
        self.enroll(&self.token(name, &["db-prod"])).unwrap()
    }

    pub(crate) fn client_of(&self, machine: &Machine) -> Client {
        self.client(Some(ClientIdentity {
            certificate: &machine.enrolled.client_certificate,
            key: &machine.key,
        }))
    }
}
