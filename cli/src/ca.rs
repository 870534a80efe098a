//! The CA, as its people see it: each route one method, each request signed, nothing it says taken on trust.

mod invitations;
mod wire;

use std::cell::{Cell, OnceCell};
use std::time::Duration;

use daypass_protocol::api::{
    CertificateWish, Draft, Host, Hosts, Issued, Journal, Revoked, RosterNumber, Rosters,
    Submission, Token, TokenWish, WindowState, WindowView, Windows, Wish,
};
use daypass_protocol::digest::Pin;
use daypass_protocol::key::Key;
use daypass_protocol::krl::Krl;
use daypass_protocol::name::{Account, HostName, Name};
use daypass_protocol::narrowing::{Limits, Narrowing, SignedNarrowing};
use daypass_protocol::revocation::{self, Revocation, Subject};
use daypass_protocol::roster::{Chain, SignedRoster, VerifiedRoster};
use daypass_protocol::state::{self, SignedState, State};
use daypass_protocol::statement::{SignedStatement, Statement, Verb};
use daypass_protocol::time::Time;
use daypass_protocol::token::{CaUrl, SetupLine};
use daypass_protocol::version::Version;
use daypass_protocol::window::{FrozenWindow, Window, WindowId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Config;
use crate::diagnostic::{Failure, KeyError};
use crate::keys::SigningKey;
use crate::keys::file::Asking;
use crate::paths::Places;
use crate::roster::memory;
pub(crate) use invitations::accept;
pub(crate) use wire::{Call, Wire};

/// The most entries that are asked for at once.
const JOURNAL_PAGE: usize = 500;

const YEAR: u64 = 365 * 86_400;

/// What `ssh` waits for that would connect without it.
const GLANCE: Duration = Duration::from_secs(3);

/// The CA that this machine is set up for, spoken to as the person whose machine it is.
pub(crate) struct Ca {
    config: Config,
    places: Places,
    wire: Wire,
    asking: Asking,
    key: OnceCell<SigningKey>,
    /// The chain of rosters is fetched and checked once a run.
    roster: OnceCell<VerifiedRoster>,
    active: Cell<bool>,
}

/// A window as the CA presents it: the document read from its exact bytes, the rest as claimed.
#[derive(Debug)]
pub(crate) struct View {
    /// The document.
    pub(crate) window: FrozenWindow,
    /// Where it stands, says the CA.
    pub(crate) state: WindowState,
    /// What people said about it, not yet checked.
    pub(crate) statements: Vec<SignedStatement>,
    /// How they narrowed it, not yet checked.
    pub(crate) narrowings: Vec<SignedNarrowing>,
}

/// The PEM of the CA's X.509 root, if whoever answers holds the one that the setup line names.
pub(crate) fn fetch_root(line: &SetupLine) -> Result<String, Failure> {
    wire::fetch_root(&line.url, &line.root)
}

impl Ca {
    /// The configured CA. Nothing is sent yet, and no key is touched.
    pub(crate) fn connect(places: &Places, asking: Asking) -> Result<Self, Failure> {
        Self::with(Config::load(places)?, places, asking)
    }

    /// Likewise, where the configuration was read before.
    pub(crate) fn with(config: Config, places: &Places, asking: Asking) -> Result<Self, Failure> {
        let wire = Wire::open(&config, places)?;
        Ok(Self {
            config,
            places: places.clone(),
            wire,
            asking,
            key: OnceCell::new(),
            roster: OnceCell::new(),
            active: Cell::new(true),
        })
    }

    /// What this machine was set up with.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The CA's name.
    pub(crate) fn pin(&self) -> Pin {
        self.config.ca
    }

    /// The person's name.
    pub(crate) fn person(&self) -> &Name {
        &self.config.person
    }

    /// The person's key; opened when it is first needed.
    pub(crate) fn key(&self) -> Result<&SigningKey, KeyError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let key = self.config.key_place().open(self.asking)?;
        Ok(self.key.get_or_init(|| key))
    }

    /// Signs the person's word about a window, good until the window's end.
    pub(crate) fn state(
        &self,
        verb: Verb,
        window: &FrozenWindow,
    ) -> Result<SignedStatement, Failure> {
        let statement = Statement {
            v: Version,
            verb,
            window: window.hash(),
            ca: self.pin(),
            signer: self.person().clone(),
            time: now(),
            expires: window.document().ends,
        };
        let signed = statement.sign(|namespace, bytes| self.key()?.sign(namespace, bytes));
        signed.map_err(Failure::Key)
    }

    /// Roster 1 as it is offered before anybody signed it, unchecked; nothing else may be done with it than to
    /// compare its hash with the pin.
    pub(crate) fn first_roster(&self) -> Result<SignedRoster, Failure> {
        self.active.set(false);
        let rosters: Rosters = self.wire.call(Call::Get("/v1/roster"), None)?;
        rosters
            .chain
            .into_iter()
            .next()
            .ok_or(Failure::Chain(daypass_protocol::roster::ChainError::Empty))
    }

    /// The newest roster, checked from the pin up, and not older than what was seen here before.
    pub(crate) fn roster(&self) -> Result<VerifiedRoster, Failure> {
        if let Some(roster) = self.roster.get() {
            return Ok(roster.clone());
        }
        let rosters: Rosters = self.fetch("/v1/roster")?;
        let chain = Chain::verify(self.pin(), &rosters.chain).map_err(Failure::Chain)?;
        memory::check(&self.places, &chain)?;
        Ok(self.roster.get_or_init(|| chain.newest().clone()).clone())
    }

    /// The whole chain of rosters, checked from the pin up.
    pub(crate) fn rosters(&self) -> Result<Vec<SignedRoster>, Failure> {
        let rosters: Rosters = self.fetch("/v1/roster")?;
        Chain::verify(self.pin(), &rosters.chain).map_err(Failure::Chain)?;
        Ok(rosters.chain)
    }

    /// The same, as what was said long ago is judged by.
    pub(crate) fn chain(&self) -> Result<Chain, Failure> {
        Chain::verify(self.pin(), &self.rosters()?).map_err(Failure::Chain)
    }

    /// Hands in a signed roster; the number now in force.
    pub(crate) fn put_roster(&self, signed: &SignedRoster) -> Result<u64, Failure> {
        if self.active.get() {
            return Ok(self.send::<RosterNumber>("/v1/roster", signed)?.number);
        }
        // Before activation nobody is known by whom a request could be signed.
        self.put_recovered(signed)
    }

    /// Hands in a roster that vouches for itself, in nobody's name: a recovery key has none, and whoever uses it may be
    /// nobody whom the CA knows.
    pub(crate) fn put_recovered(&self, signed: &SignedRoster) -> Result<u64, Failure> {
        let body = encoded(signed)?;
        Ok(self
            .wire
            .call::<RosterNumber>(Call::Post("/v1/roster", &body), None)?
            .number)
    }

    /// The enrolled hosts, and the keys that sign their host certificates.
    pub(crate) fn hosts(&self) -> Result<Hosts, Failure> {
        self.fetch("/v1/hosts")
    }

    /// The list of host keys that `ssh` is to refuse. The person's key is not asked: it may want a touch, or a passphrase.
    pub(crate) fn revoked_hosts(&self) -> Result<Krl, Failure> {
        let list = self.wire.glance("/v1/krl/hosts", GLANCE)?;
        Krl::parse(&list).map_err(|error| self.wire.garbled(error.to_string()))
    }

    /// Trusts these X.509 roots from now on: whoever answers under those of before says that they are to be.
    pub(crate) fn follow_roots(&self, roots: &str) -> Result<(), Failure> {
        Wire::follow_roots(&self.config.url, &self.places, roots)
    }

    /// A join token.
    pub(crate) fn host_token(&self, wish: &TokenWish) -> Result<String, Failure> {
        Ok(self.send::<Token>("/v1/hosts/tokens", wish)?.token)
    }

    /// The document that the CA makes of a wish.
    pub(crate) fn draft(&self, wish: &Wish) -> Result<FrozenWindow, Failure> {
        let draft: Draft = self.send("/v1/windows/draft", wish)?;
        self.frozen(&draft.window)
    }

    /// Submits a document with the request or grant that was signed for it.
    pub(crate) fn submit(
        &self,
        window: &FrozenWindow,
        statement: &SignedStatement,
    ) -> Result<View, Failure> {
        let submission = Submission {
            window: window.text().to_owned(),
            statement: statement.clone(),
        };
        self.same(window, self.send("/v1/windows", &submission)?)
    }

    /// Hands in what the person says about a window.
    pub(crate) fn say(
        &self,
        window: &FrozenWindow,
        statement: &SignedStatement,
    ) -> Result<View, Failure> {
        let path = format!("/v1/windows/{}/statements", window.document().id);
        self.same(window, self.send(&path, statement)?)
    }

    /// Signs what stays at most of a window, and hands it in.
    pub(crate) fn narrow(
        &self,
        window: &FrozenWindow,
        narrowing: &Narrowing,
    ) -> Result<View, Failure> {
        let signed = narrowing
            .sign(|namespace, bytes| self.key()?.sign(namespace, bytes))
            .map_err(Failure::Key)?;
        let path = format!("/v1/windows/{}/narrowings", window.document().id);
        self.same(window, self.send(&path, &signed)?)
    }

    /// Revokes everything of a person, key, certificate or host; the number of the state that announces it.
    pub(crate) fn revoke(&self, subject: &Subject) -> Result<u64, Failure> {
        // As long as a window of today may last, and a year for those that begin later.
        let life = (YEAR + self.roster()?.policy.max_window).min(revocation::MAX_LIFE);
        let time = now();
        let revocation = Revocation::of(
            subject,
            self.pin(),
            self.person().clone(),
            time,
            time.plus(life),
        );
        let signed = revocation
            .sign(|namespace, bytes| self.key()?.sign(namespace, bytes))
            .map_err(Failure::Key)?;
        Ok(self.send::<Revoked>("/v1/revocations", &signed)?.state)
    }

    /// The windows that the person may see.
    pub(crate) fn windows(&self, state: Option<WindowState>) -> Result<Vec<View>, Failure> {
        let path = state.map_or_else(
            || "/v1/windows".to_owned(),
            |state| format!("/v1/windows?state={state}"),
        );
        let windows: Windows = self.fetch(&path)?;
        windows
            .windows
            .into_iter()
            .map(|view| self.view(view))
            .collect()
    }

    /// One window.
    pub(crate) fn window(&self, id: WindowId) -> Result<View, Failure> {
        let view = self.view(self.fetch(&format!("/v1/windows/{id}"))?)?;
        let document = view.window.document();
        if document.id != id || document.ca != self.pin() {
            return Err(Failure::WrongWindow { asked: id });
        }
        Ok(view)
    }

    /// A certificate for the person's key.
    pub(crate) fn certificate(
        &self,
        host: &HostName,
        account: &Account,
        window: Option<WindowId>,
    ) -> Result<Issued, Failure> {
        let key =
            Key::try_from(self.key()?.public().clone()).map_err(|source| Failure::UnusableKey {
                source: Box::new(source),
            })?;
        self.send(
            "/v1/certificates",
            &CertificateWish {
                host: host.clone(),
                account: account.clone(),
                key,
                window,
            },
        )
    }

    /// Lines of the CA's journal from a sequence number on; at most a page of them.
    pub(crate) fn journal(&self, since: u64) -> Result<Vec<String>, Failure> {
        let journal: Journal =
            self.fetch(&format!("/v1/journal?since={since}&limit={JOURNAL_PAGE}"))?;
        Ok(journal.entries)
    }

    /// What the CA announces: the state, signed by the key that it names itself. The connection vouches for that key, as
    /// it does when a host is enrolled.
    pub(crate) fn announced(&self) -> Result<State, Failure> {
        let signed: SignedState = self.fetch("/v1/state")?;
        let read = signed.read_unverified().map_err(state::Error::from);
        let checked = read.and_then(|state| signed.check(self.pin(), &state.state_key));
        match checked {
            Ok(state) => Ok(state.state().clone()),
            Err(source) => Err(Failure::BadState {
                url: self.config.url.to_string(),
                source: Box::new(source),
            }),
        }
    }

    /// A connection with another server of this CA's.
    pub(crate) fn wire_to(&self, url: &CaUrl) -> Result<Wire, Failure> {
        Wire::to(url, &self.places)
    }

    fn fetch<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.wire.call(Call::Get(path), Some(self))
    }

    fn send<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        self.wire
            .call(Call::Post(path, &encoded(body)?), Some(self))
    }

    fn view(&self, view: WindowView) -> Result<View, Failure> {
        Ok(View {
            window: self.frozen(&view.window)?,
            state: view.state,
            statements: view.statements,
            narrowings: view.narrowings,
        })
    }

    fn same(&self, window: &FrozenWindow, view: WindowView) -> Result<View, Failure> {
        let view = self.view(view)?;
        if view.window.hash() == window.hash() {
            Ok(view)
        } else {
            Err(Failure::WrongWindow {
                asked: window.document().id,
            })
        }
    }

    fn frozen(&self, text: &str) -> Result<FrozenWindow, Failure> {
        let url = self.config.url.to_string();
        FrozenWindow::parse(text).map_err(|source| Failure::BadWindow {
            url,
            source: Box::new(source),
        })
    }
}

impl View {
    /// As it came, for programs.
    pub(crate) fn raw(&self) -> WindowView {
        WindowView {
            window: self.window.text().to_owned(),
            state: self.state,
            statements: self.statements.clone(),
            narrowings: self.narrowings.clone(),
        }
    }

    /// What is left of it, as the CA tells it: to be shown, not to be relied on.
    pub(crate) fn left(&self) -> Window {
        let read = self.narrowings.iter();
        let read: Vec<_> = read
            .filter_map(|signed| signed.read_unverified().ok())
            .collect();
        Limits::unverified(&read).left_of(self.window.document())
    }
}

/// The host that people mean by a name or alias.
pub(crate) fn enrolled<'a>(hosts: &'a [Host], name: &HostName) -> Option<&'a Host> {
    hosts
        .iter()
        .find(|host| host.name == *name || host.aliases.contains(name))
}

fn encoded(body: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(body).map_err(|source| Failure::Output(source.into()))
}

fn now() -> Time {
    Time::from(std::time::SystemTime::now())
}
