//! Serving the agent's sockets: a bounded number of threads, one question each.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use daypass_gate::{Request, read_frame, write_frame};

use crate::facts::Peer;
use crate::gate::{Door, Gates};
use crate::sockets::Sockets;

/// Questions that are answered at once; more wait in the sockets' queues, and in the end their askers give up.
const THREADS: usize = 256;
/// How long somebody who has connected may take to ask, or to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves both sockets, each with a thread that accepts. Returns at once.
///
/// # Errors
/// No thread to be had.
pub fn serve(sockets: Sockets, gates: &Arc<Gates>) -> io::Result<()> {
    let busy = Arc::new(AtomicUsize::new(0));
    for (door, listener) in [
        (Door::Agent, sockets.agent),
        (Door::Principals, sockets.principals),
    ] {
        let (gates, busy) = (Arc::clone(gates), Arc::clone(&busy));
        spawn("accept", move || accept(door, &listener, &gates, &busy))?;
    }
    Ok(())
}

fn accept(door: Door, listener: &UnixListener, gates: &Arc<Gates>, busy: &Arc<AtomicUsize>) {
    loop {
        // Out of descriptors or an aborted connection: nothing is gained by spinning.
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        while busy.load(Ordering::Acquire) >= THREADS {
            thread::sleep(Duration::from_millis(1));
        }
        busy.fetch_add(1, Ordering::AcqRel);
        let (gates, done) = (Arc::clone(gates), Arc::clone(busy));
        let started = spawn("gate", move || {
            let _leaving = Leaving(done);
            // Whoever gets no answer knows what that means; there is nobody else to tell.
            let _ = answer(door, &stream, &gates);
        });
        if started.is_err() {
            busy.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Counts a thread out however it ends.
struct Leaving(Arc<AtomicUsize>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn answer(door: Door, mut stream: &UnixStream, gates: &Arc<Gates>) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let peer = Peer::of(stream).ok()?;
    let request = Request::decode(&read_frame(&mut stream).ok()?).ok()?;
    let response = gates.answer(door, &peer, &request)?;
    write_frame(&mut stream, &response.encode().ok()?).ok()
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .stack_size(512 * 1024)
        .spawn(work)
        .map(drop)
}
