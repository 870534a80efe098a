//! The state that the CA announces: what it says is decided here, when it is signed in `authority`.

use daypass_protocol::digest::{Digest, Incarnation, Pin};
use daypass_protocol::key::Key;
use daypass_protocol::krl::Krl;
use daypass_protocol::narrowing::SignedNarrowing;
use daypass_protocol::revocation::SignedRevocation;
use daypass_protocol::roster::VerifiedRoster;
use daypass_protocol::state::{Collector, RosterMark, State};
use daypass_protocol::statement::SignedStatement;
use daypass_protocol::succession::SignedSuccession;
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;

/// What the state says, apart from its number and its time.
#[derive(Debug, Clone)]
pub struct Content {
    /// Which CA.
    pub ca: Pin,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// The newest roster.
    pub roster: RosterMark,
    /// Sign user certificates.
    pub user_ca: Vec<Key>,
    /// Sign host certificates.
    pub host_ca: Vec<Key>,
    /// Signs the state.
    pub state_key: Key,
    /// Of windows that have not ended.
    pub revocations: Vec<SignedStatement>,
    /// Of people, keys, certificates and hosts.
    pub revoked: Vec<SignedRevocation>,
    /// Of windows that have not ended.
    pub narrowings: Vec<SignedNarrowing>,
    /// How the state key came to be it.
    pub successions: Vec<SignedSuccession>,
    /// Where journals are forwarded to.
    pub collectors: Vec<Collector>,
    /// The X.509 roots, the one that issues first; none until the first rotation begins.
    pub x509: Vec<String>,
}

impl Content {
    /// The state under this number, dated `time`.
    pub fn numbered(&self, number: u64, time: Time) -> State {
        State {
            v: Version,
            ca: self.ca,
            incarnation: self.incarnation,
            number,
            time,
            roster: self.roster,
            user_ca: self.user_ca.clone(),
            host_ca: self.host_ca.clone(),
            state_key: self.state_key.clone(),
            revocations: self.revocations.clone(),
            revoked: self.revoked.clone(),
            narrowings: self.narrowings.clone(),
            successions: self.successions.clone(),
            collectors: self.collectors.clone(),
            x509: self.x509.clone(),
        }
    }

    /// Tells whether two states, each with its list, say the same: the number rises only when they do not, so that a host
    /// which knows the content of a certificate's state is not told to catch up with a date.
    pub fn digest_with(&self, list: &Krl) -> Digest {
        let state = self.numbered(0, Time::from_unix(0));
        let list = Krl {
            number: 0,
            generated: 0,
            ..list.clone()
        };
        let mut said = serde_json::json!(state).to_string().into_bytes();
        said.extend(list.to_bytes());
        Digest::of(said)
    }
}

/// How a state names a roster.
pub fn mark(roster: &VerifiedRoster) -> RosterMark {
    RosterMark {
        number: roster.number,
        hash: roster.hash(),
    }
}
