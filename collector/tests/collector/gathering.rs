//! Where nobody waits for a cosignature, what is written comes together before it is sent.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use daypass_forward::Status;

use crate::machine::{DEADLINE, Machine, collector};
use crate::site::Site;

#[test]
fn what_is_written_while_entries_gather_goes_out_with_them() {
    let site = Site::new();
    let named = collector(
        site.server().address().port(),
        &site.server().collector().witness_key(),
    );
    let (ask, asked) = channel();
    let (let_go, go) = channel::<()>();
    // As long as the test lets it: what happens meanwhile is up to the test alone.
    let gathers = move || {
        let _ = ask.send(());
        let _ = go.recv();
        Duration::ZERO
    };
    let machine = Machine::boot_gathering(&site, site.stranger("db1"), &[named], Box::new(gathers));
    let first = write_until_asked(&machine, &asked);
    let before = machine.status().cosigned;
    assert!(before <= first, "it was sent at once");
    let last = machine.write(9);
    assert_eq!(machine.status().cosigned, before);
    let_go.send(()).unwrap();
    let link = machine.forwarder().link();
    let status = link.await_status(DEADLINE, |status: &Status| status.cosigned > before);
    assert_eq!(status.cosigned, last + 1, "not all together");
    drop(let_go);
    machine.shut_down();
}

/// What is written while the forwarder is at work goes out with that; what comes after is news. The last one's number.
fn write_until_asked(machine: &Machine, asked: &Receiver<()>) -> u64 {
    let begun = Instant::now();
    loop {
        let seq = machine.write(1);
        while machine.status().cosigned <= seq {
            match asked.try_recv() {
                Ok(()) => return seq,
                Err(TryRecvError::Empty) => std::thread::yield_now(),
                Err(TryRecvError::Disconnected) => panic!("the forwarder has ended"),
            }
            assert!(begun.elapsed() < DEADLINE, "nobody gathers");
        }
    }
}
