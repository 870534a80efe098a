//! Ports for servers that are programs of their own, and addresses for what must not be mistaken for another's.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that the kernel hands out to whoever asks for any: one of those that was free a moment ago may be
/// anybody's by the time that the server takes it, or takes it again.
const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// A port of the loopback address that nobody else is given, for a server that starts later, and perhaps more than once.
pub(crate) fn port_of_ones_own() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Far from where another run of these tests begins.
    let begin = std::process::id().wrapping_mul(101);
    let ports = std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed));
    let ports = ports.map(|next| begin.wrapping_add(next.into()) % u32::from(COUNT));
    let mut ports = ports.map(|port| FIRST + u16::try_from(port).unwrap());
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_free).unwrap()
}

/// A listener at an address of the loopback network where no other test listens, now or later.
pub(crate) fn listener_apart() -> (TcpListener, SocketAddr) {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let listener = TcpListener::bind((Ipv4Addr::new(127, 7, high, low), 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}
