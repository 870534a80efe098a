//! A CA at which Carol, an admin, can invite one person at a time.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use daypass_protocol::api::{
    AcceptInvitation, Accepted, Invitation, Invitations, Invite, Invited, RosterNumber, Rosters,
    WithdrawInvitation, Withdrawn,
};
use daypass_protocol::digest::Pin;
use daypass_protocol::roster::{Chain, Role, Roster};
use daypass_protocol::time::Time;
use daypass_protocol::token::Secret;

use crate::ca::{Request, StandIn};
use crate::scene::{Carol, Rolls, json, rolls};

/// What a key is handed in by.
pub(super) const ACCEPT: &str = "POST /v1/invitations/accept";

/// The CA, and what it knows.
pub(super) struct Desk {
    pub(super) ca: StandIn,
    state: Arc<Mutex<State>>,
}

struct State {
    rolls: Rolls,
    open: Option<Invitation>,
    /// What whoever hands in a key is told from now on.
    refusal: Option<(u16, String)>,
}

impl Desk {
    /// With Carol's machine set up for it.
    pub(super) fn open(carol: &Carol) -> Self {
        let mut rolls = rolls(carol);
        let third = rolls.next(carol, "alice", |roster| {
            let carol = roster.people.iter_mut();
            let carol = carol.filter(|person| person.name.as_str() == "carol");
            carol.for_each(|carol| carol.roles.push(Role::Admin));
        });
        rolls.chain.push(third);
        let known = Rolls {
            chain: rolls.chain.clone(),
        };
        let state = Arc::new(Mutex::new(State {
            rolls,
            open: None,
            refusal: None,
        }));
        let answering = Arc::clone(&state);
        let ca = StandIn::start(Box::new(move |request| {
            answering.lock().expect("whole").answer(request)
        }));
        carol.set_up(ca.port, ca.root.certificate(), &known);
        Self { ca, state }
    }

    pub(super) fn verified(&self) -> Chain {
        self.state().rolls.verified()
    }

    pub(super) fn pin(&self) -> Pin {
        self.verified().newest().pin()
    }

    /// The open invitation.
    pub(super) fn invitation(&self) -> Invitation {
        self.state().open.clone().expect("open")
    }

    /// Tells this of it from now on.
    pub(super) fn show(&self, invitation: Invitation) {
        self.state().open = Some(invitation);
    }

    /// Takes no key any more.
    pub(super) fn refuse(&self, refusal: (u16, String)) {
        self.state().refusal = Some(refusal);
    }

    /// Another roster, past all invitations.
    pub(super) fn sign_in(&self, carol: &Carol, change: impl FnOnce(&mut Roster)) {
        let mut state = self.state();
        let next = state.rolls.next(carol, "alice", change);
        state.rolls.chain.push(next);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("whole")
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> (u16, String) {
        let body = request.body.as_slice();
        match format!("{} {}", request.method, request.path).as_str() {
            "GET /v1/roster" => json(&Rosters {
                chain: self.rolls.chain.clone(),
            }),
            "POST /v1/roster" => {
                self.rolls
                    .chain
                    .push(serde_json::from_slice(body).expect("a roster"));
                let number = self.rolls.verified().newest().number;
                json(&RosterNumber { number })
            }
            "GET /v1/invitations" => json(&Invitations {
                invitations: self.open.iter().cloned().collect(),
            }),
            "POST /v1/invitations" => {
                self.invite(serde_json::from_slice(body).expect("an invitation"))
            }
            ACCEPT => {
                // Whoever hands in a key is nobody yet.
                assert!(request.authorization.is_empty());
                self.accept(&serde_json::from_slice(body).expect("an acceptance"))
            }
            "POST /v1/invitations/withdraw" => {
                let wish: WithdrawInvitation = serde_json::from_slice(body).expect("a wish");
                let open = self.open.take().expect("open");
                assert_eq!(open.person, wish.person);
                json(&Withdrawn {
                    person: wish.person,
                })
            }
            other => panic!("nobody asks for {other}"),
        }
    }

    fn invite(&mut self, wish: Invite) -> (u16, String) {
        let now = Time::from(SystemTime::now());
        let until = now.plus(wish.seconds);
        self.open = Some(Invitation {
            person: wish.person,
            roles: wish.roles,
            maker: "carol".parse().expect("a name"),
            made: now,
            until,
            key: None,
            accepted: None,
        });
        json(&Invited {
            secret: secret(),
            until,
        })
    }

    fn accept(&mut self, wish: &AcceptInvitation) -> (u16, String) {
        if let Some(refusal) = &self.refusal {
            return refusal.clone();
        }
        let said = wish.accepted.read().expect("proven");
        assert_eq!(wish.secret, secret());
        assert_eq!(said.secret, secret().digest());
        assert_eq!(said.ca, self.rolls.verified().newest().pin());
        let open = self.open.as_mut().expect("open");
        open.accepted = Some(wish.accepted.clone());
        open.key = Some(said.key.clone());
        json(&Accepted {
            person: said.person,
            fingerprint: said.key.fingerprint(),
        })
    }
}

fn secret() -> Secret {
    Secret::from_bytes([7; 32])
}
