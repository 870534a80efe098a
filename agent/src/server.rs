//! Serving the agent's sockets: threads that wait for somebody to knock, one question each.
//!
//! There is always one more that waits than those that answer, up to a bound: whoever knocks waits for no thread to be
//! made.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use daypass_gate::{Request, read_frame, write_frame};

use crate::facts::{Peer, PeerError};
use crate::gate::{Door, Gates};
use crate::sockets::Sockets;

/// Questions that are answered at once at one door; more wait in the socket's queue, and in the end their askers give
/// up.
const THREADS: usize = 256;
/// Threads that go on waiting when others wait as well.
const AT_REST: usize = 4;
/// How long somebody who has connected may take to ask, or to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves both sockets. Returns at once.
///
/// # Errors
/// No thread to be had.
pub fn serve(sockets: Sockets, gates: &Arc<Gates>) -> io::Result<()> {
    for (door, listener) in [
        (Door::Agent, sockets.agent),
        (Door::Principals, sockets.principals),
    ] {
        let desk = Desk {
            door,
            listener,
            gates: Arc::clone(gates),
            waiting: AtomicUsize::new(0),
            all: AtomicUsize::new(0),
        };
        Arc::new(desk).one_more()?;
    }
    Ok(())
}

/// One door, and the threads behind it.
struct Desk {
    door: Door,
    listener: UnixListener,
    gates: Arc<Gates>,
    /// Threads that wait for somebody to knock.
    waiting: AtomicUsize,
    /// All threads.
    all: AtomicUsize,
}

impl Desk {
    fn one_more(self: Arc<Self>) -> io::Result<()> {
        let here = Here::come(&self);
        spawn("gate", move || here.serve())
    }

    fn accept(&self) -> UnixStream {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => return stream,
                // Out of descriptors or an aborted connection: nothing is gained by spinning.
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

/// A thread behind a door; counted out however it ends.
struct Here {
    desk: Arc<Desk>,
    is_waiting: bool,
}

impl Here {
    fn come(desk: &Arc<Desk>) -> Self {
        desk.all.fetch_add(1, Ordering::AcqRel);
        desk.waiting.fetch_add(1, Ordering::AcqRel);
        Self {
            desk: Arc::clone(desk),
            is_waiting: true,
        }
    }

    fn serve(mut self) {
        loop {
            let stream = self.desk.accept();
            self.turn_to(&stream);
            drop(stream);
            if self.desk.waiting.fetch_add(1, Ordering::AcqRel) >= AT_REST {
                self.desk.waiting.fetch_sub(1, Ordering::AcqRel);
                return;
            }
            self.is_waiting = true;
        }
    }

    fn turn_to(&mut self, stream: &UnixStream) {
        self.is_waiting = false;
        let others = self.desk.waiting.fetch_sub(1, Ordering::AcqRel) - 1;
        if others == 0 && self.desk.all.load(Ordering::Acquire) < THREADS {
            // Without one more, the next who knocks waits until this one is served.
            let _ = Arc::clone(&self.desk).one_more();
        }
        // Whoever gets no answer knows what that means; there is nobody else to tell.
        let _ = answer(self.desk.door, stream, &self.desk.gates);
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        if self.is_waiting {
            self.desk.waiting.fetch_sub(1, Ordering::AcqRel);
        }
        self.desk.all.fetch_sub(1, Ordering::AcqRel);
    }
}

fn answer(door: Door, mut stream: &UnixStream, gates: &Arc<Gates>) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    // First: who only tells may be gone when it is read.
    let peer = Peer::of(stream);
    let request = Request::decode(&read_frame(&mut stream).ok()?).ok()?;
    let response = match peer {
        Ok(peer) => gates.answer(door, &peer, &request)?,
        Err(PeerError::Gone { uid }) => {
            gates.hear(door, uid, &request);
            return None;
        }
        Err(PeerError::Credentials(_) | PeerError::Process(_)) => return None,
    };
    write_frame(&mut stream, &response.encode().ok()?).ok()
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .stack_size(512 * 1024)
        .spawn(work)
        .map(drop)
}
