//! Things to be done at a time: one thread, a heap, nothing that waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

type Deed = Box<dyn FnOnce() + Send>;

/// Does things when their time comes.
#[derive(Clone)]
pub struct Alarm {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    earlier: Condvar,
}

#[derive(Default)]
struct Queue {
    due: BinaryHeap<Reverse<Entry>>,
    next: u64,
}

struct Entry {
    when: Instant,
    number: u64,
    deed: Deed,
}

impl Alarm {
    /// Starts the thread.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let worker = Arc::clone(&shared);
        thread::Builder::new()
            .name("alarm".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || worker.work())?;
        Ok(Self { shared })
    }

    /// Does this then. It must not wait for anything.
    pub fn at(&self, when: Instant, deed: impl FnOnce() + Send + 'static) {
        let mut queue = self
            .shared
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let number = queue.next;
        queue.next += 1;
        let is_first = match queue.due.peek() {
            Some(Reverse(first)) => when < first.when,
            None => true,
        };
        queue.due.push(Reverse(Entry {
            when,
            number,
            deed: Box::new(deed),
        }));
        if is_first {
            self.shared.earlier.notify_one();
        }
    }
}

impl Shared {
    fn work(&self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            queue = match queue.due.peek().map(|Reverse(entry)| entry.when) {
                None => self
                    .earlier
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(when) if now < when => {
                    self.earlier
                        .wait_timeout(queue, when - now)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                Some(_) => {
                    let due = queue.due.pop();
                    drop(queue);
                    if let Some(Reverse(entry)) = due {
                        (entry.deed)();
                    }
                    self.queue.lock().unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.when, self.number).cmp(&(other.when, other.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn deeds_are_done_in_the_order_of_their_times() {
        let alarm = Alarm::start().unwrap();
        let (done, told) = mpsc::channel();
        let now = Instant::now();
        for (name, delay) in [("later", 60), ("soon", 20), ("sooner", 10)] {
            let done = done.clone();
            alarm.at(now + Duration::from_millis(delay), move || {
                done.send(name).unwrap();
            });
        }
        let order = [0; 3].map(|_| told.recv_timeout(Duration::from_secs(60)).unwrap());
        assert_eq!(order, ["sooner", "soon", "later"]);
        assert!(now.elapsed() >= Duration::from_millis(60));
    }
}
