//! Two collectors of one CA: the next one takes over, and each one's word stays in the journal.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use daypass_forward::Contact;
use daypass_journal::follow::SignedCheckpoint;
use daypass_journal::reader::{Line, Reader};

use crate::killed::{Process, settle_in, write_until};
use crate::machine::{DEADLINE, Machine, collector, holds_all_once};
use crate::proxy::{Proxy, Way};
use crate::site::Site;

/// Two collectors, the network before each, and how hosts know them.
struct Pair {
    sites: [Site; 2],
    ways: [Proxy; 2],
    named: [daypass_protocol::state::Collector; 2],
}

impl Pair {
    fn new() -> Self {
        let first = Site::new();
        let second = first.beside();
        let sites = [first, second];
        let ways = [0, 1].map(|place: usize| Proxy::new(Way::To(sites[place].server().address())));
        let named = [0, 1].map(|place: usize| {
            let witness = sites[place].server().collector().witness_key();
            collector(ways[place].port(), &witness)
        });
        Self { sites, ways, named }
    }

    fn boot(&self) -> Machine {
        let host = self.sites[0].stranger("db1");
        Machine::boot(&self.sites[0], host, &self.named)
    }
}

fn await_at(machine: &Machine, port: u16) {
    machine.await_contact(|contact| {
        matches!(contact, Contact::Connected { url } if url.ends_with(&format!(":{port}")))
    });
}

/// The largest checkpoint that this witness cosigned, by the journal's own lines.
fn witnessed(machine: &Machine, witness: &str) -> u64 {
    let key = witness.parse().unwrap();
    let lines = Reader::open(&machine.host.dir.path().join("journal")).unwrap();
    let size = |line| match line {
        Line::Witness(note) => {
            let checkpoint = SignedCheckpoint::parse(&note)?;
            checkpoint.cosigned_by(&key)?;
            Some(checkpoint.size)
        }
        _ => None,
    };
    lines
        .filter_map(|line| size(line.unwrap()))
        .max()
        .unwrap_or(0)
}

#[test]
fn when_the_first_is_killed_under_load_the_second_goes_on_and_both_words_are_kept() {
    let mut pair = Pair::new();
    pair.sites[0].stop();
    settle_in(&pair.sites[0], "");
    let first = Process::start(&pair.sites[0]);
    pair.ways[0].lead(Way::To(first.address));
    let machine = pair.boot();
    let (over, is_over) = channel::<()>();
    let is_over = Mutex::new(is_over);
    let at_the_kill = std::thread::scope(|scope| {
        let (machine, is_over) = (&machine, &is_over);
        scope.spawn(move || write_until(machine, is_over));
        await_at(machine, pair.ways[0].port());
        machine.await_progress(20);
        drop(first);
        pair.ways[0].lead(Way::Cut);
        let cosigned = machine.status().cosigned;
        await_at(machine, pair.ways[1].port());
        machine.await_progress(cosigned + 20);
        drop(over);
        cosigned
    });
    machine.settle();
    holds_all_once(&pair.sites[1], &machine);
    // The last word of the one that was killed was kept, not only that of the one after it.
    let kept = witnessed(&machine, &pair.named[0].witness);
    assert!(
        kept > 0 && kept >= at_the_kill.min(20),
        "{kept}, {at_the_kill}"
    );

    // It comes back, and the other goes: what it missed arrives once, too.
    pair.sites[0].start();
    pair.ways[0].lead(Way::To(pair.sites[0].server().address()));
    pair.ways[1].lead(Way::Cut);
    machine.write(3);
    machine.forwarder().again();
    await_at(&machine, pair.ways[0].port());
    machine.settle();
    holds_all_once(&pair.sites[0], &machine);
    let told = machine.told();
    assert!(
        told.iter()
            .all(|told| told == "connected" || told == "collector-unreachable"),
        "{told:?}"
    );
    machine.shut_down();
}

/// Nobody resets the connection: only that no answer comes tells.
#[test]
fn a_black_hole_is_noticed_and_the_second_goes_on() {
    let pair = Pair::new();
    let machine = pair.boot();
    await_at(&machine, pair.ways[0].port());
    machine.write(1);
    machine.settle();
    pair.ways[0].swallow();
    let begun = Instant::now();
    machine.write(1);
    await_at(&machine, pair.ways[1].port());
    // A quarter of a minute for an answer; the rest is what a loaded machine needs.
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "{:?}",
        begun.elapsed()
    );
    machine.settle();
    holds_all_once(&pair.sites[1], &machine);
    machine.shut_down();
}

#[test]
fn a_renewed_certificate_is_shown_at_once_and_nobody_notices() {
    let pair = Pair::new();
    let machine = pair.boot();
    await_at(&machine, pair.ways[0].port());
    let clients = machine.clients();
    for renewals in 1..=5 {
        machine.write(5);
        machine.forwarder().renewed();
        let begun = Instant::now();
        while machine.clients() < clients + renewals {
            assert!(
                begun.elapsed() < DEADLINE,
                "{} of {renewals}",
                machine.clients() - clients
            );
            std::thread::yield_now();
        }
    }
    machine.write(1);
    machine.settle();
    holds_all_once(&pair.sites[0], &machine);
    assert_eq!(machine.told(), ["connected"]);
    machine.shut_down();
}
