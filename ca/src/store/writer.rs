//! The one thread that writes: a batch of jobs, each in a savepoint of its own, one commit.
//!
//! What nobody waits for stands aside until somebody waits for something, or a moment has passed: so it does not take the
//! processor from those whose answers it follows, and comes before whatever is written after it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{StoreError, Tx};

/// Jobs that may wait before a caller has to wait to hand over its own.
const QUEUE: usize = 256;

/// Jobs that share a commit at most, so that the first of them never waits long.
const BATCH: usize = 64;

/// How long what nobody waits for stands aside.
const REST: Duration = Duration::from_millis(20);

/// Told how the commit went, tells the caller.
type Completion = Box<dyn FnOnce(Result<(), &str>) + Send>;

/// Does its work in the batch's transaction.
type Work = Box<dyn FnOnce(&Transaction<'_>) -> Completion + Send>;

/// What is to be written.
struct Job {
    work: Work,
    wait: Wait,
}

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wait {
    /// It reaches the system, and survives the end of the process.
    No,
    /// It survives the loss of power, and with it everything before it.
    ForTheDisk,
}

/// What became of a job that nobody waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is committed.
    Committed,
    /// It is not; the log says why.
    Failed,
}

impl Wait {
    fn synchronous(self) -> &'static str {
        match self {
            Self::No => "NORMAL",
            Self::ForTheDisk => "FULL",
        }
    }
}

/// What comes to the thread.
enum Message {
    Job(Job),
    /// Something stands aside, and nothing did before.
    Aside,
}

/// Jobs that nobody waits for, in their order.
#[derive(Clone, Default)]
struct Aside(Arc<Mutex<Vec<Job>>>);

impl Aside {
    /// Whether it is the first.
    fn put(&self, job: Job) -> bool {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.push(job);
        jobs.len() == 1
    }

    fn take(&self) -> Vec<Job> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The way to the writing thread; dropping it lets the thread finish what waits, and waits for it.
pub(super) struct Writer {
    messages: Option<SyncSender<Message>>,
    aside: Aside,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Self {
        let (messages, waiting) = sync_channel(QUEUE);
        let aside = Aside::default();
        let standing = aside.clone();
        let thread = std::thread::spawn(move || work(connection, &waiting, &standing));
        Self {
            messages: Some(messages),
            aside,
            thread: Some(thread),
        }
    }

    pub(super) fn run<T, E>(
        &self,
        job: impl FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = sync_channel(1);
        self.send(Wait::ForTheDisk, move |transaction| {
            let result = in_savepoint(transaction, job);
            Box::new(move |commit| {
                let result = match (result, commit) {
                    (Ok(_), Err(reason)) => Err(E::from(StoreError::NotCommitted {
                        reason: reason.to_owned(),
                    })),
                    (result, _) => result,
                };
                // The caller may have gone; what is committed stays committed.
                let _ = reply.send(result);
            })
        })
        .map_err(E::from)?;
        answer
            .recv()
            .unwrap_or_else(|_| Err(E::from(StoreError::Closed)))
    }

    pub(super) fn run_later(
        &self,
        job: impl FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static,
    ) {
        self.unwaited(Wait::ForTheDisk, job, |_| ());
    }

    pub(super) fn run_behind(
        &self,
        job: impl FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static,
        settled: impl FnOnce(Settled) + Send + 'static,
    ) {
        self.unwaited(Wait::No, job, settled);
    }

    fn unwaited(
        &self,
        wait: Wait,
        job: impl FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static,
        settled: impl FnOnce(Settled) + Send + 'static,
    ) {
        let sent = self.send(wait, move |transaction| {
            let result = in_savepoint(transaction, job);
            Box::new(move |commit| {
                if let Err(error) = result {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a delayed write failed"
                    );
                    settled(Settled::Failed);
                } else if let Err(reason) = commit {
                    tracing::error!(reason, "a delayed write was not committed");
                    settled(Settled::Failed);
                } else {
                    settled(Settled::Committed);
                }
            })
        });
        if let Err(error) = sent {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a delayed write was not taken"
            );
        }
    }

    fn send(
        &self,
        wait: Wait,
        work: impl FnOnce(&Transaction<'_>) -> Completion + Send + 'static,
    ) -> Result<(), StoreError> {
        let messages = self.messages.as_ref().ok_or(StoreError::Closed)?;
        let job = Job {
            work: Box::new(work),
            wait,
        };
        let message = match wait {
            Wait::ForTheDisk => Message::Job(job),
            Wait::No if self.aside.put(job) => Message::Aside,
            Wait::No => return Ok(()),
        };
        messages.send(message).map_err(|_| StoreError::Closed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.messages = None;
        if let Some(thread) = self.thread.take() {
            // A panic over there was printed over there.
            let _ = thread.join();
        }
    }
}

fn work(mut connection: Connection, waiting: &Receiver<Message>, aside: &Aside) {
    // As the connection was opened.
    let mut set = Wait::ForTheDisk;
    while let Ok(first) = waiting.recv() {
        let awaited = gather(first, waiting);
        // Taken after those, so that none of them comes before what was put aside before it.
        let mut jobs = aside.take();
        jobs.extend(awaited);
        if jobs.is_empty() {
            continue;
        }
        let wait = jobs.iter().map(|job| job.wait).max().unwrap_or(set);
        let begun = switch(&connection, &mut set, wait)
            .and_then(|()| connection.transaction_with_behavior(TransactionBehavior::Immediate));
        match begun {
            Ok(transaction) => run_batch(transaction, jobs),
            // Dropping the jobs tells their callers that there is no answer.
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "no transaction could begin"
            ),
        }
    }
}

/// The jobs of the next commit that somebody waits for; after the rest of those that nobody does, none.
fn gather(first: Message, waiting: &Receiver<Message>) -> Vec<Job> {
    let mut jobs = match first {
        Message::Job(job) => vec![job],
        Message::Aside => match waiting.recv_timeout(REST) {
            Ok(Message::Job(job)) => vec![job],
            Ok(Message::Aside) | Err(_) => return Vec::new(),
        },
    };
    while jobs.len() < BATCH
        && let Ok(next) = waiting.try_recv()
    {
        match next {
            Message::Job(job) => jobs.push(job),
            // They are taken in a moment.
            Message::Aside => {}
        }
    }
    jobs
}

/// How far the next commit goes; SQLite takes it between transactions only.
fn switch(connection: &Connection, set: &mut Wait, wait: Wait) -> rusqlite::Result<()> {
    if *set != wait {
        connection.pragma_update(None, "synchronous", wait.synchronous())?;
        *set = wait;
    }
    Ok(())
}

fn run_batch(transaction: Transaction<'_>, jobs: Vec<Job>) {
    let completions: Vec<Completion> = jobs
        .into_iter()
        .map(|job| (job.work)(&transaction))
        .collect();
    let failure = transaction.commit().err().map(|error| error.to_string());
    for completion in completions {
        completion(failure.as_deref().map_or(Ok(()), Err));
    }
}

fn in_savepoint<T, E>(
    transaction: &Transaction<'_>,
    job: impl FnOnce(&Tx<'_>) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<StoreError>,
{
    let database = |error| E::from(StoreError::Sqlite(error));
    transaction
        .execute_batch("SAVEPOINT job")
        .map_err(database)?;
    let result = job(&Tx::of(transaction));
    let end = if result.is_ok() {
        "RELEASE job"
    } else {
        "ROLLBACK TO job; RELEASE job"
    };
    transaction.execute_batch(end).map_err(database)?;
    result
}
