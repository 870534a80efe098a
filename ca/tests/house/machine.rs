//! A machine that joins.

use daypass_journal::identity::Identity;
use daypass_protocol::api::{Enrolled, Enrolment, JournalKeys, Renewal, Renewed};
use daypass_protocol::digest::{Incarnation, Pin};
use daypass_protocol::enrolment::host_origin;
use daypass_protocol::host_proof::{self, NAMESPACE};
use daypass_protocol::name::HostName;
use daypass_protocol::sshsig::{self, Signature};
use daypass_protocol::token::JoinToken;
use daypass_transport::client::{Client, ClientIdentity, Request};
use daypass_transport::request::SigningRequest;

use super::{House, No, Someone, refused};

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
    let ssh = Someone::new("host");
    let application = Enrolment {
        secret: token.secret.clone(),
        proofs: vec![proof(token.ca, host.as_str(), &request.csr, &ssh)],
        host,
        csr: request.csr,
        host_keys: vec![ssh.public()],
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

/// A host key's word that it is the machine's which asks for this.
pub(crate) fn proof(ca: Pin, host: &str, csr: &str, ssh: &Someone) -> Signature {
    let text = host_proof::text(ca, &host.parse().unwrap(), csr);
    sshsig::sign(NAMESPACE, text.as_bytes(), sshsig::with_key(&ssh.key)).unwrap()
}

/// Gives a machine that asks for something these host keys.
pub(crate) fn with_keys(ca: Pin, asked: &mut Enrolment, keys: &[&Someone]) {
    let (host, csr) = (asked.host.to_string(), asked.csr.clone());
    asked.host_keys = keys.iter().map(|key| key.public()).collect();
    asked.proofs = keys.iter().map(|key| proof(ca, &host, &csr, key)).collect();
}

/// What `host`, which has this host key, sends to renew, and the key of the certificate that it gets.
pub(crate) fn renewal(ca: Pin, host: &str, ssh: &Someone) -> (Renewal, String) {
    let SigningRequest { csr, key } = SigningRequest::create(host).unwrap();
    let renewal = Renewal {
        proofs: vec![proof(ca, host, &csr, ssh)],
        host_keys: vec![ssh.public()],
        csr,
    };
    (renewal, key)
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

    /// Renews `machine`, which is enrolled as `host`, with this host key.
    pub(crate) fn renew(
        &self,
        machine: &Machine,
        host: &str,
        ssh: &Someone,
    ) -> Result<Renewed, No> {
        let (asked, _) = renewal(self.newborn.pin, host, ssh);
        self.renew_by(machine, &asked)
    }

    pub(crate) fn renew_by(&self, machine: &Machine, asked: &Renewal) -> Result<Renewed, No> {
        let body = serde_json::to_vec(asked).unwrap();
        let request = Request::post("/v1/hosts/renew", &body);
        refused(self.client_of(machine).call(&request))
    }

    pub(crate) fn client_of(&self, machine: &Machine) -> Client {
        self.client(Some(ClientIdentity {
            certificate: &machine.enrolled.client_certificate,
            key: &machine.key,
        }))
    }
}
