//! A TCP proxy between a host and the collector: the network, as it can be cut and restored.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{JoinHandle, spawn};

/// Where it leads, and how far.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// Nowhere: connections are closed as soon as they come.
    Cut,
    /// To this address.
    To(SocketAddr),
    /// To this address, until so many bytes have gone one way or the other.
    Short(SocketAddr, usize),
}

/// The proxy; it ends when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    /// Whether bytes stay where they are, on connections that are open as on new ones.
    stalled: Mutex<bool>,
    moving: Condvar,
    way: Mutex<Way>,
    open: Mutex<Vec<TcpStream>>,
    over: AtomicBool,
}

impl Proxy {
    pub(crate) fn new(way: Way) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            stalled: Mutex::new(false),
            moving: Condvar::new(),
            way: Mutex::new(way),
            open: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let accepts = Arc::clone(&shared);
        let accepting = spawn(move || {
            for stream in listener.incoming() {
                if accepts.over.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    accepts.pass(&stream);
                }
            }
        });
        Self {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on nothing gets through, and nobody is told: a black hole.
    pub(crate) fn swallow(&self) {
        *self.shared.stalled.lock().unwrap() = true;
    }

    /// From now on this way; connections that are open are cut.
    pub(crate) fn lead(&self, way: Way) {
        *self.shared.stalled.lock().unwrap() = false;
        self.shared.moving.notify_all();
        *self.shared.way.lock().unwrap() = way;
        self.cut();
    }

    fn cut(&self) {
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        *self.shared.stalled.lock().unwrap() = false;
        self.shared.moving.notify_all();
        let _ = TcpStream::connect(self.address);
        self.cut();
        self.accepting.take().unwrap().join().unwrap();
    }
}

impl Shared {
    fn pass(self: &Arc<Self>, near: &TcpStream) {
        let (to, budget) = match *self.way.lock().unwrap() {
            Way::Cut => return,
            Way::To(to) => (to, usize::MAX),
            Way::Short(to, bytes) => (to, bytes),
        };
        let Ok(far) = TcpStream::connect(to) else {
            return;
        };
        for stream in [near, &far] {
            stream.set_nodelay(true).unwrap();
            self.open.lock().unwrap().push(stream.try_clone().unwrap());
        }
        let budget = Arc::new(Mutex::new(budget));
        for (from, to) in [(near, &far), (&far, near)] {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            let (shared, budget) = (Arc::clone(self), Arc::clone(&budget));
            spawn(move || shared.carry(from, to, &budget));
        }
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, budget: &Mutex<usize>) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            drop(
                self.moving
                    .wait_while(self.stalled.lock().unwrap(), |stalled| *stalled)
                    .unwrap(),
            );
            let passed = {
                let mut left = budget.lock().unwrap();
                let passed = count.min(*left);
                *left -= passed;
                passed
            };
            if to.write_all(&buffer[..passed]).is_err() || passed < count {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}
