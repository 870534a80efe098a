//! The one thread that writes: a batch of jobs, each in a savepoint of its own, one commit.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{StoreError, Tx};

/// Jobs that may wait before a caller has to wait to hand over its own.
const QUEUE: usize = 256;

/// Jobs that share a commit at most, so that the first of them never waits long.
const BATCH: usize = 64;

/// Told how the commit went, tells the caller.
type Completion = Box<dyn FnOnce(Result<(), &str>) + Send>;

/// Does its work in the batch's transaction.
type Job = Box<dyn FnOnce(&Transaction<'_>) -> Completion + Send>;

/// The way to the writing thread; dropping it lets the thread finish what waits, and waits for it.
pub(super) struct Writer {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Self {
        let (jobs, waiting) = sync_channel(QUEUE);
        let thread = std::thread::spawn(move || work(connection, &waiting));
        Self {
            jobs: Some(jobs),
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
        self.send(Box::new(move |transaction| {
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
        }))
        .map_err(E::from)?;
        answer
            .recv()
            .unwrap_or_else(|_| Err(E::from(StoreError::Closed)))
    }

    pub(super) fn run_later(
        &self,
        job: impl FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static,
    ) {
        let sent = self.send(Box::new(move |transaction| {
            let result = in_savepoint(transaction, job);
            Box::new(move |commit| {
                if let Err(error) = result {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a delayed write failed"
                    );
                } else if let Err(reason) = commit {
                    tracing::error!(reason, "a delayed write was not committed");
                }
            })
        }));
        if let Err(error) = sent {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a delayed write was not taken"
            );
        }
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(job).map_err(|_| StoreError::Closed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic over there was printed over there.
            let _ = thread.join();
        }
    }
}

fn work(mut connection: Connection, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => run_batch(transaction, first, waiting),
            // Dropping the job tells its caller that there is no answer.
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "no transaction could begin"
            ),
        }
    }
}

fn run_batch(transaction: Transaction<'_>, first: Job, waiting: &Receiver<Job>) {
    let mut completions = vec![first(&transaction)];
    while completions.len() < BATCH
        && let Ok(next) = waiting.try_recv()
    {
        completions.push(next(&transaction));
    }
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
