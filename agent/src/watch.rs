//! Tells when a process ends. PAM does not tell of every end: a monitor or a sudo that was killed says nothing.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::facts::Handle;

type Then = Box<dyn FnOnce() + Send>;

/// One thread that waits for the ends of many processes.
#[derive(Clone)]
pub struct Watch {
    shared: Arc<Shared>,
}

struct Shared {
    epoll: Epoll,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    ends: BTreeMap<u64, (Handle, Then)>,
}

impl Watch {
    /// Starts the thread.
    ///
    /// # Errors
    /// No epoll or no thread to be had.
    pub fn start() -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let shared = Arc::new(Shared {
            epoll,
            waiting: Mutex::default(),
        });
        let worker = Arc::clone(&shared);
        thread::Builder::new()
            .name("watch".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || worker.work())?;
        Ok(Self { shared })
    }

    /// Runs `then`, once, when the process has ended; at once when it has already. It must not wait for anything.
    ///
    /// # Errors
    /// Out of descriptors or memory: then the end would go unnoticed, and who cares for it must not go on.
    pub fn on_end(&self, handle: &Handle, then: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut waiting = self.shared.lock();
        let key = waiting.next;
        waiting.next += 1;
        // A descriptor of its own: epoll knows a file by its number, and several may wait for one process.
        let handle = handle.duplicate()?;
        let event = EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLONESHOT, key);
        self.shared.epoll.add(&handle, event)?;
        waiting.ends.insert(key, (handle, Box::new(then)));
        Ok(())
    }
}

impl Shared {
    fn work(&self) {
        let mut events = [EpollEvent::empty(); 64];
        loop {
            let ready = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(ready) => ready,
                Err(Errno::EINTR) => continue,
                // Only a broken program gets here; without its watch the agent must not pretend to work.
                Err(_) => std::process::abort(),
            };
            for event in &events[..ready] {
                let ended = self.lock().ends.remove(&event.data());
                if let Some((handle, then)) = ended {
                    let _ = self.epoll.delete(&handle);
                    then();
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::facts::Process;

    #[test]
    fn an_end_is_told_once_to_each_who_waits() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let handle = Process::with_pid(child.id() as i32)
            .unwrap()
            .hold()
            .unwrap();
        let watch = Watch::start().unwrap();
        let (tell, told) = mpsc::channel();
        for name in ["one", "two"] {
            let tell = tell.clone();
            watch
                .on_end(&handle, move || tell.send(name).unwrap())
                .unwrap();
        }
        drop(child.stdin.take());
        child.wait().unwrap();
        let mut names = [0; 2].map(|_| told.recv_timeout(Duration::from_secs(60)).unwrap());
        names.sort_unstable();
        assert_eq!(names, ["one", "two"]);
    }
}
