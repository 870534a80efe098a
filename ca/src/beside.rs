//! Two things at once, where the system has a thread for that.

use std::panic::resume_unwind;
use std::thread::{self, Builder};

/// Does `work` on a thread of its own while `meanwhile` is done on this one; what came of both, that of `meanwhile` first. A
/// system that gives no thread has `work` done all the same, only later. A panic of `work` goes on here.
pub(crate) fn beside<W: Send, M>(
    thread: Builder,
    work: impl Fn() -> W + Sync,
    meanwhile: impl FnOnce() -> M,
) -> (M, W) {
    thread::scope(|scope| {
        let working = thread.spawn_scoped(scope, &work);
        let done = meanwhile();
        let worked = match working {
            Ok(working) => working.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => work(),
        };
        (done, worked)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::ThreadId;
    use std::time::Duration;

    use super::*;

    fn here() -> ThreadId {
        thread::current().id()
    }

    /// More than any address space has room for: the system refuses.
    fn none() -> Builder {
        Builder::new().stack_size(1 << 50)
    }

    #[test]
    fn both_are_done_at_once() {
        let (tell, told) = mpsc::sync_channel(0);
        // Each waits for the other.
        let work = || {
            tell.send(()).expect("somebody listens");
            here()
        };
        let (heard, worked) = beside(Builder::new(), work, || {
            told.recv_timeout(Duration::from_secs(60)).is_ok()
        });
        assert!(heard);
        assert_ne!(worked, here());
    }

    #[test]
    fn without_a_thread_both_are_done_all_the_same() {
        assert!(none().spawn(|| ()).is_err(), "the system gave a thread");
        assert_eq!(beside(none(), here, || 7), (7, here()));
    }

    #[test]
    #[should_panic(expected = "the key broke")]
    fn a_panic_is_nobodys_secret() {
        beside(Builder::new(), || panic!("the key broke"), || ());
    }
}
