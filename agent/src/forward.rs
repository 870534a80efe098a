//! Forwarding this host's journal to the collectors that the CA's state names.

mod evidence;
mod status;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use daypass_forward::{
    ClientError, Contradiction, Forwarder, Link, Notice, Owner, Setup, Status as LinkStatus,
};
use daypass_journal::horizon::Horizon;
use daypass_journal::note::{KeyKind, VerifierKey};
use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::name::HostName;
use daypass_protocol::state::Collector;
use daypass_protocol::token::CaUrl;
use daypass_transport::client::Client;

pub use evidence::Evidence;
pub use status::{Contact, Told, read};

use crate::aside;
use crate::config::Forward;
use crate::enrolment::Enrolment;
use crate::event;
use crate::intake::Intake;
use crate::layout::Layout;

/// Where nobody's sudo waits for the collector, entries go to it together, and not while the sudo runs.
const MOMENT: Duration = Duration::from_millis(10);

/// The forwarder, and what has to follow when other collectors are named. Clones share it.
#[derive(Clone)]
pub struct Forwarding {
    forwarder: Arc<Forwarder>,
    intake: Intake,
}

impl Forwarding {
    /// Starts forwarding what the writer behind `horizon` commits, as `sudo` needs it.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn start(
        layout: &Layout,
        enrolment: &Enrolment,
        horizon: Horizon,
        intake: &Intake,
        collectors: &[Collector],
        sudo: Forward,
    ) -> io::Result<Self> {
        let setup = Setup {
            journal: layout.journal(),
            origin: enrolment.record.origin.clone(),
            record: enrolment.signed.clone(),
            horizon,
            owner: Box::new(Host {
                layout: layout.clone(),
                name: enrolment.record.host.clone(),
                intake: intake.clone(),
                told: Mutex::default(),
                gathers: gathers(sudo),
            }),
        };
        Ok(Self {
            forwarder: Arc::new(Forwarder::start(setup, collectors.to_vec())?),
            intake: intake.clone(),
        })
    }

    /// The link, for those who wait.
    #[must_use]
    pub fn link(&self) -> Link {
        self.forwarder.link()
    }

    /// Follows the newest state: its collectors' keys are declared in the journal before anything is sent to them.
    pub fn heed(&self, collectors: &[Collector]) {
        self.intake.declare_witnesses(&witnesses(collectors));
        self.forwarder.collectors(collectors);
    }

    /// Tries at once, whatever was waited for.
    pub fn again(&self) {
        self.forwarder.again();
    }

    /// There is another client certificate to show.
    pub fn renewed(&self) {
        self.forwarder.renewed();
    }

    /// Stops, after the journal was closed for good, and tries until `patience` is over to get all of it out; whether it has.
    #[must_use]
    pub fn farewell(&self, patience: Duration) -> bool {
        self.forwarder.farewell(patience)
    }

    /// Stops, after the journal was closed, when all of it is cosigned or `patience` is over.
    pub fn stop(&self, patience: Duration) {
        self.forwarder.stop(patience);
    }
}

/// How long entries wait for more before they are sent.
fn gathers(sudo: Forward) -> Duration {
    match sudo {
        Forward::Async => MOMENT,
        Forward::BeforeSudo | Forward::Strict => Duration::ZERO,
    }
}

/// The witness keys of these collectors, as far as they are such.
#[must_use]
pub fn witnesses(collectors: &[Collector]) -> Vec<String> {
    let is_witness = |text: &&str| {
        let key = text.parse::<VerifierKey>();
        key.is_ok_and(|key| key.kind() == KeyKind::Cosignature)
    };
    let mut keys: Vec<_> = collectors
        .iter()
        .flat_map(Collector::witnesses)
        .filter(is_witness)
        .map(str::to_owned)
        .collect();
    keys.dedup();
    keys
}

/// What the forwarder asks of this host.
struct Host {
    layout: Layout,
    name: HostName,
    intake: Intake,
    /// The status as it stands in its file.
    told: Mutex<Option<Told>>,
    /// How long entries wait for more.
    gathers: Duration,
}

impl Owner for Host {
    fn gathers(&self) -> Duration {
        self.gathers
    }

    fn client(&self, url: &CaUrl) -> Result<Client, ClientError> {
        // Read anew: the certificate is renewed from time to time.
        Ok(Enrolment::load(&self.layout)?.client_for(url)?)
    }

    fn keep(&self, note: &str) -> Result<(), daypass_journal::Error> {
        self.intake.keep_cosignature(note)
    }

    fn tell(&self, notice: &Notice<'_>) {
        let event = event_of(&self.name, notice);
        if let Notice::Contradicted { url, found } = notice {
            aside::tell(&format!("ALARM: {url}: {found}"));
        }
        self.intake.note(&event);
    }

    fn changed(&self, status: &LinkStatus) {
        let now = Told::of(status);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref() == Some(&now) {
            return;
        }
        // Without the file `daypass-agent status` knows less; nothing else depends on it.
        let _ = status::write(&self.layout, &now);
        *told = Some(now);
    }
}

fn event_of(host: &HostName, notice: &Notice<'_>) -> Event {
    match notice {
        Notice::Connected { url, held, ours } => event::of_host(Action::LinkUp, host)
            .outcome(Outcome::Done)
            .detail("collector", url.to_string())
            .detail("held", *held)
            .detail("size", *ours),
        Notice::Away { url, trouble } => event::of_host(Action::LinkDown, host)
            .outcome(Outcome::Failed)
            .because(trouble.code(), trouble.to_string())
            .detail("collector", url.to_string()),
        Notice::Contradicted { url, found } => event::of_host(alarm(found), host)
            .because(found.code(), found.to_string())
            .detail("collector", url.to_string())
            .detail("seq", found.seq()),
    }
}

fn alarm(found: &Contradiction) -> Action {
    match found.code() {
        "rolled-back" => Action::AlarmRollback,
        "not-proven" => Action::AlarmTampered,
        _ => Action::AlarmFork,
    }
}

#[cfg(test)]
mod tests {
    use daypass_journal::witness::Witness;

    use super::*;

    #[test]
    fn entries_gather_only_where_nobodys_sudo_waits_for_them() {
        assert_eq!(gathers(Forward::Async), MOMENT);
        for waits in [Forward::BeforeSudo, Forward::Strict] {
            assert_eq!(gathers(waits), Duration::ZERO);
        }
    }

    #[test]
    fn only_witness_keys_are_declared() {
        let collector = |witness: &str, heir: Option<&str>| Collector {
            url: "https://collector.example:7444".parse().unwrap(),
            witness: witness.to_owned(),
            heir: heir.map(str::to_owned),
        };
        let dir = tempfile::tempdir().unwrap();
        let key = |name: &str| {
            let witness = Witness::create(&dir.path().join(name), "w").unwrap();
            witness.vkey().to_string()
        };
        let (witness, heir) = (key("witness"), key("heir"));
        let found = witnesses(&[
            collector("nonsense", None),
            collector(&witness, Some("nonsense")),
        ]);
        assert_eq!(found, std::slice::from_ref(&witness));
        // While a collector's key is being renewed, both are.
        let found = witnesses(&[collector(&witness, Some(&heir))]);
        assert_eq!(found, [witness, heir]);
    }

    #[test]
    fn an_alarm_names_the_collector_and_the_entry() {
        let found = Contradiction::RolledBack { ours: 12, held: 40 };
        let url = "https://collector.example:7444".parse().unwrap();
        let notice = Notice::Contradicted {
            url: &url,
            found: &found,
        };
        let event = serde_json::to_value(event_of(&"db1".parse().unwrap(), &notice)).unwrap();
        assert_eq!(event["action"], "alarm.rollback");
        assert_eq!(event["code"], "rolled-back");
        assert_eq!(event["resource"]["host"], "db1");
        assert_eq!(event["detail"]["seq"], 12);
    }
}
