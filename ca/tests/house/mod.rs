//! A CA of one's own for a test: made in a temporary directory, serving on a loopback port, with a clock to turn.

#![allow(dead_code)] // each test binary uses its part

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum_server::tls_rustls::RustlsConfig;
use daypass_ca::authority::{Authority, Clock, OpenError};
use daypass_ca::genesis::{Genesis, Newborn};
use daypass_ca::keys::Places;
use daypass_ca::layout::Layout;
use daypass_ca::ledger::LedgerError;
use daypass_ca::passphrase::Passphrase;
use daypass_ca::serve::Stop;
use daypass_ca::{api, serve, tls};
use daypass_protocol::roster::{Role, SignedRoster};
use daypass_protocol::sshsig;
use daypass_protocol::time::{SKEW, Time};
use daypass_protocol::token::CaUrl;
use daypass_transport::client::{Client, ClientIdentity, Error};
use tempfile::TempDir;

mod asking;
pub(crate) mod collector;
pub(crate) mod inviting;
pub(crate) mod machine;
pub(crate) mod program;
pub(crate) mod refusing;
pub(crate) mod restored;
mod someone;

pub(crate) use someone::Someone;

/// The CA.
pub(crate) struct House {
    pub(crate) directory: TempDir,
    pub(crate) newborn: Newborn,
    pub(crate) admin: Someone,
    pub(crate) limit: u32,
    /// How far back certificates are dated.
    pub(crate) skew: u64,
    /// The agent that holds what is in no file.
    pub(crate) agent: Option<PathBuf>,
    offset: Arc<AtomicI64>,
    running: Option<Running>,
}

struct Running {
    authority: Arc<Authority>,
    address: SocketAddr,
    stop: Stop,
    thread: JoinHandle<()>,
}

/// What the API says when it refuses: status and code.
pub(crate) type No = (u16, String);

impl House {
    /// A CA that nobody has signed for.
    pub(crate) fn unsigned() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let admin = Someone::new("ada");
        let newborn = Genesis {
            layout: &Layout::new(directory.path()),
            admin: admin.name.clone(),
            admin_key: admin.public(),
            names: &["localhost".to_owned()],
            url: "https://localhost:7443".parse().unwrap(),
            passphrase: &passphrase(),
            rounds: 1,
            now: Time::from(std::time::SystemTime::now()),
        }
        .carry_out()
        .unwrap();
        daypass_ca::genesis::finish(&Layout::new(directory.path())).unwrap();
        let mut house = Self {
            directory,
            newborn,
            admin,
            limit: 100_000,
            skew: SKEW,
            agent: None,
            offset: Arc::new(AtomicI64::new(0)),
            running: None,
        };
        house.start();
        house
    }

    /// A CA in force, with these people beside the admin.
    pub(crate) fn with(people: &[(&Someone, &[Role])]) -> Self {
        let house = Self::unsigned();
        let mut first = SignedRoster::unsigned(house.chain().chain[0].roster.clone());
        first.sign(sshsig::with_key(&house.admin.key)).unwrap();
        house.post_roster(&first).unwrap();
        house.change_roster(|roster| {
            roster
                .people
                .extend(people.iter().map(|(someone, roles)| someone.entry(roles)));
        });
        house
    }

    pub(crate) fn start(&mut self) {
        let layout = self.layout();
        let offset = Arc::clone(&self.offset);
        let clock: Clock = Arc::new(move || {
            let now = Time::from(std::time::SystemTime::now());
            Time::from_unix(now.unix() + offset.load(Ordering::SeqCst))
        });
        let url: CaUrl = "https://localhost:7443".parse().unwrap();
        let passphrase = passphrase();
        let authority = opened(|| self.places(&layout, &passphrase), &url, &clock);
        let authority = Arc::new(authority.dating_back(self.skew));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Stop::new();
        let router = api::router(Arc::clone(&authority), self.limit, Arc::default());
        // As the service does at its start.
        let names = ["localhost".to_owned()];
        tls::renew(
            authority.x509(),
            &layout,
            &names,
            std::time::SystemTime::now(),
        )
        .unwrap();
        let certificate =
            RustlsConfig::from_config(tls::config(&authority.x509_roots(), &layout).unwrap());
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime
                .block_on(serve::serve(router, listener, certificate, told))
                .unwrap();
        });
        self.running = Some(Running {
            authority,
            address,
            stop,
            thread,
        });
    }

    /// Ends the server as a crash would: no closing seal.
    pub(crate) fn crash(&mut self) {
        let Running {
            authority,
            stop,
            thread,
            ..
        } = self.running.take().unwrap();
        stop.shutdown();
        thread.join().unwrap();
        drop(Arc::into_inner(authority).expect("nobody else holds the CA"));
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::new(self.directory.path())
    }

    /// Where its keys are.
    pub(crate) fn places<'a>(
        &'a self,
        layout: &'a Layout,
        passphrase: &'a Passphrase,
    ) -> Places<'a> {
        Places {
            layout,
            passphrase,
            agent: self.agent.as_deref(),
        }
    }

    pub(crate) fn authority(&self) -> &Arc<Authority> {
        &self.running.as_ref().unwrap().authority
    }

    pub(crate) fn now(&self) -> Time {
        self.authority().now()
    }

    /// Moves the CA's clock, and everybody's with it.
    pub(crate) fn pass(&self, seconds: i64) {
        self.offset.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn url(&self) -> String {
        format!(
            "https://localhost:{}",
            self.running.as_ref().unwrap().address.port()
        )
    }

    pub(crate) fn root(&self) -> String {
        std::fs::read_to_string(self.layout().tls_root()).unwrap()
    }

    pub(crate) fn client(&self, identity: Option<ClientIdentity<'_>>) -> Client {
        Client::new(&self.url(), &self.root(), identity).unwrap()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.layout().journal()
    }

    /// The CA's journal, entry by entry.
    pub(crate) fn entries(&self) -> Vec<serde_json::Value> {
        let entries = self.authority().ledger().entries(0, usize::MAX).unwrap();
        entries
            .iter()
            .map(|entry| serde_json::from_str(entry).unwrap())
            .collect()
    }

    /// The entries of one action.
    pub(crate) fn told(&self, action: &str) -> Vec<serde_json::Value> {
        self.entries()
            .into_iter()
            .filter(|entry| entry["action"] == action)
            .collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop.shutdown();
            let _ = running.thread.join();
        }
    }
}

pub(crate) fn passphrase() -> Passphrase {
    Passphrase::new("correct horse battery")
}

pub(crate) fn refused<T>(result: Result<T, Error>) -> Result<T, No> {
    result.map_err(|error| match error {
        Error::Api { status, code, .. } => (status, code),
        other => panic!("not an answer of the API: {other}"),
    })
}

pub(crate) fn no<T>(status: u16, code: &str) -> Result<T, No> {
    Err((status, code.to_owned()))
}

/// Opens the CA; the lock of one that was killed may be held a moment longer.
fn opened<'a>(places: impl Fn() -> Places<'a>, url: &CaUrl, clock: &Clock) -> Authority {
    let begun = Instant::now();
    loop {
        match Authority::open(places(), url.clone(), Arc::clone(clock)) {
            Err(OpenError::Ledger(LedgerError::Journal(daypass_journal::Error::InUse {
                ..
            }))) if begun.elapsed() < Duration::from_secs(60) => {
                std::thread::yield_now();
            }
            opened => return opened.unwrap(),
        }
    }
}
