//! The forwarding thread: which collector, when, and what follows when a session ends.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use daypass_journal::horizon::Horizon;
use daypass_protocol::enrolment::SignedRecord;
use daypass_protocol::state::Collector;

use crate::backoff::Backoff;
use crate::collector::Remote;
use crate::link::{Contact, Link, Status};
use crate::owner::{Notice, Owner};
use crate::probe::Probe;
use crate::session::{Ground, Session, UploadLimit};
use crate::trouble::{Contradiction, End, Trouble};

/// A connection that lasted so long was no accident: after it the first attempt comes soon.
const LASTED: Duration = Duration::from_secs(10);
/// A thread that waits for an answer is not waited for any longer than this.
const GRACE: Duration = Duration::from_secs(1);
const STACK: usize = 1024 * 1024;

/// What is forwarded, and for whom.
pub struct Setup {
    /// The journal's directory.
    pub journal: PathBuf,
    /// The journal's origin.
    pub origin: String,
    /// The CA's word for the journal's keys.
    pub record: SignedRecord,
    /// The one that the journal's writer moves.
    pub horizon: Horizon,
    /// The program.
    pub owner: Box<dyn Owner>,
}

/// A running forwarder. Dropping it leaves it running; [`Forwarder::stop`] ends it.
pub struct Forwarder {
    control: Arc<Control>,
    link: Link,
    horizon: Horizon,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Control {
    orders: Mutex<Orders>,
    given: Condvar,
}

#[derive(Clone, Default)]
struct Orders {
    collectors: Vec<Collector>,
    /// How often they were given.
    number: u64,
    /// How often the certificate was renewed.
    renewals: u64,
    stop: bool,
    /// The thread has ended.
    is_over: bool,
}

impl Forwarder {
    /// Starts forwarding to the first of `collectors` that answers.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn start(setup: Setup, collectors: Vec<Collector>) -> io::Result<Self> {
        let control = Arc::new(Control::default());
        control.lock().collectors = collectors;
        let (horizon, link) = (setup.horizon.clone(), Link::new(setup.horizon.clone()));
        let work = Work {
            setup,
            control: Arc::clone(&control),
            link: link.clone(),
            backoff: RefCell::default(),
            told: Cell::new(None),
            is_known: Cell::new(false),
            limit: Cell::default(),
        };
        let thread = thread::Builder::new()
            .name("forward".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                let _over = Over(Arc::clone(&work.control));
                work.run();
            })?;
        Ok(Self {
            control,
            link,
            horizon,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Other collectors are named now; the same ones again change nothing.
    pub fn collectors(&self, collectors: &[Collector]) {
        let mut orders = self.control.lock();
        if orders.collectors == collectors {
            return;
        }
        orders.collectors = collectors.to_vec();
        self.given(orders);
    }

    /// Tries at once, whatever was waited for: the network is back, or somebody has looked into a contradiction.
    /// While a collector is connected there is nothing to try.
    pub fn again(&self) {
        if !matches!(self.link.status().contact, Contact::Connected { .. }) {
            self.given(self.control.lock());
        }
    }

    /// The certificate that [`Owner::client`] shows is another one: the collector sees it at once, on a new connection.
    pub fn renewed(&self) {
        self.control.lock().renewals += 1;
        self.horizon.call();
    }

    /// The link, for those who wait or want to know.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link.clone()
    }

    /// Waits up to `patience` until what is sealed is cosigned, while a collector answers; then stops. A request
    /// under way is left alone.
    pub fn stop(&self, patience: Duration) {
        if let Some(last) = self.horizon.sight().size.checked_sub(1) {
            // What did not get out is sent at the next start.
            let _ = self.link.await_cosigned(last, patience);
        }
        let mut orders = self.control.lock();
        orders.stop = true;
        self.given(orders);
        let (orders, _) = self
            .control
            .given
            .wait_timeout_while(self.control.lock(), GRACE, |orders| !orders.is_over)
            .unwrap_or_else(PoisonError::into_inner);
        let is_over = orders.is_over;
        drop(orders);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take().filter(|_| is_over) {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
    }

    /// Stops, and for whoever will never send anything later: tries for up to `patience` to get out what is sealed, also while
    /// nobody answers. Whether it is all cosigned, or nobody is named to take it.
    #[must_use]
    pub fn farewell(&self, patience: Duration) -> bool {
        let is_named = !self.control.lock().collectors.is_empty();
        if is_named {
            self.again();
            // A collector that contradicts the journal takes nothing more.
            let is_settled = |status: &Status| {
                status.behind() == 0 || matches!(status.contact, Contact::Stopped { .. })
            };
            let _ = self.link.await_status(patience, is_settled);
        }
        self.stop(Duration::ZERO);
        !is_named || self.link.status().behind() == 0
    }

    fn given(&self, mut orders: MutexGuard<'_, Orders>) {
        orders.number += 1;
        drop(orders);
        self.control.given.notify_all();
        self.horizon.call();
    }
}

impl Control {
    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for other orders than these, at most for `patience`.
    fn wait(&self, number: u64, patience: Duration) {
        let _unused = self
            .given
            .wait_timeout_while(self.lock(), patience, |orders| orders.number == number)
            .unwrap_or_else(PoisonError::into_inner);
    }
}

/// Says that the thread has ended, however it did.
struct Over(Arc<Control>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.given.notify_all();
    }
}

/// The thread's own.
struct Work {
    setup: Setup,
    control: Arc<Control>,
    link: Link,
    backoff: RefCell<Backoff>,
    /// What was told last of a link that is down.
    told: Cell<Option<&'static str>>,
    /// Whether the next connection goes on with one that was told of.
    is_known: Cell<bool>,
    limit: Cell<UploadLimit>,
}

impl Work {
    fn run(&self) {
        let mut turn = 0;
        let mut number = None;
        loop {
            // Before the orders: who gives new ones calls afterwards.
            let sight = self.setup.horizon.sight();
            let orders = self.control.lock().clone();
            if orders.stop {
                return;
            }
            if number != Some(orders.number) {
                number = Some(orders.number);
                turn = 0;
                self.backoff.borrow_mut().reset();
                self.contact(match orders.collectors[..] {
                    [] => Contact::Nobody,
                    _ => Contact::Away { trouble: None },
                });
            }
            let Some(collector) = orders.collectors.get(turn) else {
                self.control.wait(orders.number, Duration::MAX);
                continue;
            };
            if sight.size == 0 {
                // Before its writer has opened it, a journal would seem to be rolled back.
                let _ = self.setup.horizon.wait(sight, Duration::MAX);
                continue;
            }
            turn = match self.serve(&orders, turn) {
                End::Orders | End::Preferred => 0,
                // Nothing is amiss: nobody is told, and nobody stops waiting.
                End::Renewed => {
                    self.is_known.set(true);
                    turn
                }
                End::Contradiction(found) => {
                    self.stopped(collector, &found);
                    self.control.wait(orders.number, Duration::MAX);
                    0
                }
                End::Trouble(trouble) => {
                    self.away(collector, &trouble);
                    self.next(&orders, turn)
                }
            };
        }
    }

    /// The next collector at once; after the last one a pause, then the first.
    fn next(&self, orders: &Orders, turn: usize) -> usize {
        if turn + 1 < orders.collectors.len() {
            return turn + 1;
        }
        let pause = self.backoff.borrow_mut().next();
        self.control.wait(orders.number, pause);
        0
    }

    fn serve(&self, orders: &Orders, turn: usize) -> End {
        let collector = &orders.collectors[turn];
        let remote = match self.remote(collector) {
            Ok(remote) => remote,
            Err(trouble) => return trouble.into(),
        };
        let probe = RefCell::new((turn > 0).then(Probe::new));
        let ended = || {
            let now = self.control.lock().clone();
            if now.number != orders.number {
                return Some(End::Orders);
            }
            if now.renewals != orders.renewals {
                return Some(End::Renewed);
            }
            let mut probe = probe.borrow_mut();
            let probe = probe.as_mut()?;
            let preferred = || {
                let before = orders.collectors[..turn].iter();
                before
                    .filter_map(|one| self.setup.owner.client(&one.url).ok())
                    .collect()
            };
            probe.look(preferred, &self.setup.horizon);
            probe.has_answered().then_some(End::Preferred)
        };
        let ground = Ground {
            journal: &self.setup.journal,
            record: &self.setup.record,
            horizon: &self.setup.horizon,
            link: &self.link,
            owner: &*self.setup.owner,
            ended: &ended,
        };
        let mut session = match Session::begin(&ground, remote, self.limit.get()) {
            Ok(session) => session,
            Err(end) => return end,
        };
        let began = Instant::now();
        self.connected(collector, session.held);
        let end = session.run();
        if began.elapsed() >= LASTED {
            self.backoff.borrow_mut().reset();
        }
        if let End::Trouble(trouble) = &end
            && trouble.is_too_large()
        {
            let mut limit = self.limit.get();
            limit.lower();
            self.limit.set(limit);
        }
        end
    }

    fn remote(&self, collector: &Collector) -> Result<Remote<'_>, Trouble> {
        Ok(Remote {
            witnesses: collector
                .witnesses()
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(Trouble::WitnessKey)?,
            client: self
                .setup
                .owner
                .client(&collector.url)
                .map_err(Trouble::Client)?,
            origin: &self.setup.origin,
        })
    }

    fn contact(&self, contact: Contact) {
        self.link.contact(contact);
        self.setup.owner.changed(&self.link.status());
    }

    fn connected(&self, collector: &Collector, held: u64) {
        self.told.set(None);
        self.contact(Contact::Connected {
            url: collector.url.to_string(),
        });
        if self.is_known.replace(false) {
            return;
        }
        self.setup.owner.tell(&Notice::Connected {
            url: &collector.url,
            held,
            ours: self.setup.horizon.sight().size,
        });
    }

    fn away(&self, collector: &Collector, trouble: &Trouble) {
        self.is_known.set(false);
        self.contact(Contact::Away {
            trouble: Some(trouble.to_string()),
        });
        if self.told.replace(Some(trouble.code())) != Some(trouble.code()) {
            self.setup.owner.tell(&Notice::Away {
                url: &collector.url,
                trouble,
            });
        }
    }

    fn stopped(&self, collector: &Collector, found: &Contradiction) {
        self.contact(Contact::Stopped {
            found: found.to_string(),
        });
        self.setup.owner.tell(&Notice::Contradicted {
            url: &collector.url,
            found,
        });
    }
}
