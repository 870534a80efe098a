//! Two things at once: hands that are ready, so that nobody waits for a thread to be made or to end.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder};

/// Threads that do work for somebody who does something else meanwhile. They end when this is dropped.
pub(crate) struct Hands {
    desk: Arc<Desk>,
}

/// Where work is left for whoever is free.
#[derive(Default)]
struct Desk {
    work: Mutex<Option<VecDeque<Arc<dyn Work>>>>,
    more: Condvar,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<Arc<dyn Work>>>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, work: Arc<dyn Work>) {
        if let Some(waiting) = self.lock().as_mut() {
            waiting.push_back(work);
        }
        self.more.notify_one();
    }

    /// The next; `None` when there will be none any more.
    fn next(&self) -> Option<Arc<dyn Work>> {
        let mut work = self.lock();
        loop {
            if let Some(next) = work.as_mut()?.pop_front() {
                return Some(next);
            }
            work = self.more.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn close(&self) {
        *self.lock() = None;
        self.more.notify_all();
    }
}

/// Something that is to be done once.
trait Work: Send + Sync {
    /// Does it, unless it is begun already.
    fn begin(&self);
}

/// Where it stands.
enum Task<F, W> {
    Waits(F),
    Begun,
    Done(thread::Result<W>),
}

/// A task that two may begin: a hand, or who gave it.
struct Shared<F, W> {
    task: Mutex<Task<F, W>>,
    done: Condvar,
}

impl<F: FnOnce() -> W, W> Shared<F, W> {
    fn lock(&self) -> MutexGuard<'_, Task<F, W>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<F> {
        let mut task = self.lock();
        match std::mem::replace(&mut *task, Task::Begun) {
            Task::Waits(work) => Some(work),
            other => {
                *task = other;
                None
            }
        }
    }

    fn wait(&self) -> thread::Result<W> {
        let mut task = self.lock();
        loop {
            match std::mem::replace(&mut *task, Task::Begun) {
                Task::Done(result) => return result,
                other => *task = other,
            }
            task = self.done.wait(task).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<F: FnOnce() -> W + Send, W: Send> Work for Shared<F, W> {
    fn begin(&self) {
        if let Some(work) = self.take() {
            let result = catch_unwind(AssertUnwindSafe(work));
            *self.lock() = Task::Done(result);
            self.done.notify_one();
        }
    }
}

impl Hands {
    /// This many, or as many as the system gives: with none, everything is done one after the other.
    pub(crate) fn new(how_many: usize) -> Self {
        let desk = Arc::new(Desk::default());
        *desk.lock() = Some(VecDeque::new());
        let mut hands = 0;
        while hands < how_many {
            if let Err(error) = hand(Builder::new(), &desk) {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a certificate's record is written after it is signed, not meanwhile: there is no thread"
                );
                break;
            }
            hands += 1;
        }
        if hands == 0 {
            // Nobody would ever take what is left there.
            desk.close();
        }
        Self { desk }
    }

    /// Has `work` done while `meanwhile` is done on this thread; what came of both, that of `meanwhile` first. What no hand has
    /// begun by then is done here. A panic of `work` goes on here.
    pub(crate) fn beside<W: Send + 'static, M>(
        &self,
        work: impl FnOnce() -> W + Send + 'static,
        meanwhile: impl FnOnce() -> M,
    ) -> (M, W) {
        let shared = Arc::new(Shared {
            task: Mutex::new(Task::Waits(work)),
            done: Condvar::new(),
        });
        self.desk.leave(Arc::clone(&shared) as Arc<dyn Work>);
        // A hand that was woken on this processor begins now, and soon waits for the disk.
        thread::yield_now();
        let done = meanwhile();
        let worked = match shared.take() {
            Some(work) => work(),
            None => shared.wait().unwrap_or_else(|panic| resume_unwind(panic)),
        };
        (done, worked)
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        self.desk.close();
    }
}

/// A thread that takes what is left for it until the desk is closed.
fn hand(thread: Builder, desk: &Arc<Desk>) -> io::Result<()> {
    let desk = Arc::clone(desk);
    let serve = move || {
        while let Some(work) = desk.next() {
            work.begin();
        }
    };
    thread.name("hand".to_owned()).spawn(serve).map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::ThreadId;
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn here() -> ThreadId {
        thread::current().id()
    }

    #[test]
    fn both_are_done_at_once() {
        let (tell, told) = mpsc::sync_channel(0);
        // Each waits for the other.
        let work = move || {
            tell.send(()).expect("somebody listens");
            here()
        };
        let (heard, worked) = Hands::new(1).beside(work, || told.recv_timeout(PATIENCE).is_ok());
        assert!(heard);
        assert_ne!(worked, here());
    }

    #[test]
    fn without_hands_both_are_done_all_the_same() {
        assert_eq!(Hands::new(0).beside(here, || 7), (7, here()));
        // More than any address space has room for: the system refuses.
        let none = Builder::new().stack_size(1 << 50);
        let desk = Arc::new(Desk::default());
        assert!(hand(none, &desk).is_err(), "the system gave a thread");
    }

    #[test]
    fn nobody_waits_for_hands_that_are_busy_with_something_else() {
        let hands = Arc::new(Hands::new(1));
        let (began, begun) = mpsc::sync_channel(0);
        let (end, ended) = mpsc::channel::<()>();
        let busy = move || {
            began.send(()).expect("somebody listens");
            // Until the other is through, which needs no hand.
            ended
                .recv_timeout(PATIENCE)
                .is_err_and(|error| error == mpsc::RecvTimeoutError::Disconnected)
        };
        // Whoever is through before the hand began takes the work back.
        let (tell, told) = mpsc::channel();
        let wait = move || {
            begun.recv_timeout(PATIENCE).expect("the hand is busy");
            tell.send(()).expect("somebody listens");
        };
        let other = Arc::clone(&hands);
        let first = thread::spawn(move || other.beside(busy, wait).1);
        told.recv_timeout(PATIENCE).expect("the hand is busy");
        assert_eq!(hands.beside(here, || ()).1, here());
        drop(end);
        assert!(first.join().expect("no panic"), "it waited in vain");
    }

    #[test]
    #[should_panic(expected = "the key broke")]
    fn a_panic_is_nobodys_secret() {
        Hands::new(1).beside(|| -> u8 { panic!("the key broke") }, || ());
    }

    #[test]
    fn a_hand_survives_the_panic_of_what_it_does() {
        let hands = Hands::new(1);
        for _ in 0..2 {
            let broken = catch_unwind(AssertUnwindSafe(|| {
                hands.beside(|| -> u8 { panic!("the key broke") }, || ());
            }));
            assert!(broken.is_err());
        }
        let (tell, told) = mpsc::sync_channel(0);
        let work = move || tell.send(()).is_ok();
        assert!(hands.beside(work, || told.recv_timeout(PATIENCE).is_ok()).1);
    }
}
