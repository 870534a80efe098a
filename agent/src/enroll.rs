//! `daypass-agent enroll`: from a token to a host that its CA knows.
//!
//! Nothing is believed before it is checked: the CA's X.509 root by the token's hash, the rosters
//! from the token's pin up, everything else by the keys that follow. The journal's keys are put in
//! place last; until then the host is not enrolled, and enrolling again starts over.

pub mod own_name;
mod set_aside;

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use daypass_journal::identity::Identity;
use daypass_protocol::api::{Enrolled as Answer, Enrolment as Question, JournalKeys};
use daypass_protocol::digest::Incarnation;
use daypass_protocol::enrolment::{self as record, host_origin};
use daypass_protocol::host_proof;
use daypass_protocol::key::Key;
use daypass_protocol::name::{HostName, Name};
use daypass_protocol::state::State;
use daypass_protocol::time::Time;
use daypass_protocol::token::{JoinToken, SetupLine};
use daypass_transport::client::{self, Client, Request};
use daypass_transport::fetch;
use daypass_transport::request::SigningRequest;

use crate::durable;
use crate::enrolment::{self, Enrolment};
use crate::host_keys::{self, HostKey, Shown};
use crate::layout::Layout;
use crate::state::{self, Known};
use crate::systemd::{self, Reloaded};
use crate::{command, user_ca};

/// What enrolling did.
#[derive(Debug)]
pub struct Enrolled {
    /// The name by which this host is known.
    pub host: HostName,
    /// Other names.
    pub aliases: Vec<HostName>,
    /// Its groups.
    pub groups: Vec<Name>,
    /// Where the CA answers.
    pub ca: String,
    /// This host's clock minus the CA's, in seconds.
    pub clock: i64,
    /// Whether clients are shown the host's certificates.
    pub certificates: Shown,
    /// Whether sshd knows already.
    pub sshd: Result<Reloaded, command::Error>,
    /// Whether the agent runs.
    pub service: Result<(), command::Error>,
}

/// Why the host is not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is enrolled already.
    #[error("this host is enrolled already, as {host} with {ca}")]
    Already {
        /// As what.
        host: String,
        /// With which CA.
        ca: String,
    },
    /// No name to enrol under.
    #[error(transparent)]
    Name(#[from] own_name::Error),
    /// The CA's X.509 root could not be fetched.
    #[error(transparent)]
    Root(#[from] fetch::Error),
    /// The connection cannot be set up.
    #[error(transparent)]
    Setup(#[from] client::SetupError),
    /// No key and certificate request.
    #[error(transparent)]
    Request(#[from] daypass_transport::request::Error),
    /// The CA refused, or does not answer.
    #[error(transparent)]
    Call(#[from] client::Error),
    /// No random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(#[source] getrandom::Error),
    /// The journal's keys could not be made.
    #[error(transparent)]
    Journal(#[from] daypass_journal::Error),
    /// sshd's host keys, or the certificates for them.
    #[error(transparent)]
    HostKeys(#[from] host_keys::Error),
    /// A host key does not prove itself.
    #[error(transparent)]
    Proof(#[from] host_keys::SignError),
    /// What the CA announces does not follow from the token's pin.
    #[error(transparent)]
    State(#[from] state::Error<std::convert::Infallible>),
    /// The enrolment record does not verify.
    #[error(transparent)]
    Record(#[from] record::Error),
    /// The enrolment record says something else than was asked for.
    #[error("the CA enrolled another host than this one, or with other keys")]
    OtherRecord,
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] durable::Error),
}

/// What becomes of an enrolment of before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// With one there is no other.
    Refuses,
    /// It ends, its journal is kept beside the new one, and its keys are destroyed.
    SetAside,
}

/// How long this machine is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// It is missed when nothing is heard of it.
    Lasting,
    /// When it is powered off it goes for good, and says so.
    Ephemeral,
}

/// Enrols this host, under the token's name; where it has none, under `wanted` or the machine's own.
///
/// # Errors
/// See [`enum@Error`]; the host is then not enrolled, and trying again is safe.
pub fn enroll(
    layout: &Layout,
    token: &JoinToken,
    wanted: Option<&HostName>,
    before: Before,
    stay: Stay,
) -> Result<Enrolled, Error> {
    if before == Before::Refuses {
        refuse_twice(layout)?;
    }
    let host = own_name::choose(token.host.as_ref(), wanted)?;
    let keys = host_keys::read(layout)?;
    let root = fetch::root(token.url.host(), token.url.port(), *token.root.as_bytes())?;
    let journal = new_journal(layout, token, &host)?;
    let request = SigningRequest::create(host.as_str())?;
    let claim = host_proof::text(token.ca, &host, &request.csr);
    let question = Question {
        secret: token.secret.clone(),
        host: host.clone(),
        csr: request.csr.clone(),
        host_keys: keys.iter().map(|key| key.key.clone()).collect(),
        proofs: host_keys::prove(layout, &keys, &claim)?,
        journal,
        ephemeral: stay == Stay::Ephemeral,
    };
    let answer = ask(token, &root, &question)?;
    let (known, announced) = check(token, &question, &answer, &keys)?;

    let enrolment = Enrolment {
        ca: SetupLine {
            url: token.url.clone(),
            root: token.root,
            ca: token.ca,
        },
        root: announced.roots().unwrap_or(root),
        client: enrolment::papers(&answer.client_certificate, &request.key),
        record: answer
            .enrolment
            .check(token.ca, &announced.state_key)?
            .record()
            .clone(),
        signed: answer.enrolment,
    };
    set_aside::set_aside(layout)?;
    enrolment.store(layout)?;
    known.store(&layout.state())?;
    user_ca::store(layout, &announced.user_ca)?;
    let placed = host_keys::store(layout, &keys, &answer.host_certificates)?;
    durable::directory(&layout.journal(), 0o750)?;
    durable::rename(&staged_keys(layout), &layout.journal_keys())?;

    Ok(Enrolled {
        host,
        aliases: answer.aliases,
        groups: answer.groups,
        ca: token.url.to_string(),
        clock: Time::from(SystemTime::now()).since(announced.time),
        certificates: host_keys::show(layout, &placed),
        sshd: systemd::reload_sshd(),
        service: systemd::enable_agent(),
    })
}

fn refuse_twice(layout: &Layout) -> Result<(), Error> {
    if !Enrolment::exists(layout) {
        return Ok(());
    }
    let known = Enrolment::load(layout).ok();
    let told = |text: Option<String>| text.unwrap_or_else(|| "an unknown CA".to_owned());
    Err(Error::Already {
        host: known.as_ref().map_or_else(
            || "an unknown host".to_owned(),
            |known| known.record.host.to_string(),
        ),
        ca: told(known.map(|known| known.ca.url.to_string())),
    })
}

fn staged_keys(layout: &Layout) -> PathBuf {
    layout.state().join("keys.new")
}

/// Makes the keys of a journal that nobody has heard of yet.
fn new_journal(layout: &Layout, token: &JoinToken, host: &HostName) -> Result<JournalKeys, Error> {
    durable::directory(&layout.state(), 0o700)?;
    let staged = staged_keys(layout);
    // Left over from an attempt that the CA did not take part in, or refused.
    if let Err(source) = fs::remove_dir_all(&staged)
        && source.kind() != std::io::ErrorKind::NotFound
    {
        let path = staged;
        return Err(durable::Error::Write { path, source }.into());
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(Error::Random)?;
    let incarnation = Incarnation::from_bytes(random);
    let origin = host_origin(token.ca, host, incarnation);
    let identity = Identity::create(&staged, &origin)?;
    Ok(JournalKeys {
        log_key: identity.log_vkey(),
        epoch_key: identity.epoch_vkey(),
        origin,
        incarnation,
    })
}

fn ask(token: &JoinToken, root: &str, question: &Question) -> Result<Answer, Error> {
    // Texts and lists of them only: this cannot fail.
    let body = serde_json::to_vec(question).unwrap_or_default();
    let client = Client::new(&token.url.join(""), root, None)?;
    Ok(client.call(&Request::post("/v1/hosts/enroll", &body))?)
}

/// Holds every part of the answer against the token, the pin, and what was asked.
fn check(
    token: &JoinToken,
    question: &Question,
    answer: &Answer,
    keys: &[HostKey],
) -> Result<(Known, State), Error> {
    let known = Known::first(token.ca, answer.chain.clone(), answer.state.clone())?;
    let announced = known.state().clone();
    let verified = answer.enrolment.check(token.ca, &announced.state_key)?;
    let (record, journal) = (verified.record(), &question.journal);
    let is_ours = record.host == question.host
        && record.ephemeral == question.ephemeral
        && record.incarnation == journal.incarnation
        && record.origin == journal.origin
        && record.log_key == journal.log_key
        && record.epoch_key == journal.epoch_key
        && same_keys(&answer.user_ca, &announced.user_ca);
    if !is_ours {
        return Err(Error::OtherRecord);
    }
    host_keys::check(keys, &answer.host_certificates, &announced.host_ca)?;
    Ok((known, announced))
}

fn same_keys(one: &[Key], other: &[Key]) -> bool {
    one.len() == other.len() && one.iter().all(|key| other.contains(key))
}
