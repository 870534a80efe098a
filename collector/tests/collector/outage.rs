//! The network away for as long as it takes a busy host to write what ten minutes bring, then back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use daypass_forward::Awaited;
use serde_json::json;

use crate::machine::{DEADLINE, Machine, collector, holds_all_once};
use crate::proxy::{Proxy, Way};
use crate::site::Site;

/// Ten minutes of twenty entries a second: some seven sudos, each with its start and end.
const ENTRIES: u64 = 10 * 60 * 20;
/// As long as an agent makes a sudo wait for its cosignature.
const PATIENCE: Duration = Duration::from_millis(250);
/// In the time of as many entries as are written in it the backlog must shrink: so many times faster than it grew.
const FASTER: f64 = 5.0;

/// What sudos met with that waited for their cosignature.
#[derive(Debug, Default, Eq, PartialEq)]
struct Prompts {
    cosigned: u64,
    /// Waited in vain for all of their patience.
    late: u64,
    /// Did not wait.
    down: u64,
}

impl Prompts {
    /// One sudo: its request is committed, then waits, at most so long.
    fn ask(&mut self, machine: &Machine, patience: Duration) {
        let event = json!({"action": "sudo.request", "command": {"line": "sudo id"}});
        let seq = machine.writer.append(&event).unwrap().seq;
        match machine.forwarder().link().await_cosigned(seq, patience) {
            Awaited::Cosigned => self.cosigned += 1,
            Awaited::Late => self.late += 1,
            Awaited::Down => self.down += 1,
        }
    }
}

#[test]
fn ten_minutes_without_a_network_lose_nothing_and_keep_no_prompt_waiting() {
    let site = Site::new();
    let proxy = Proxy::new(Way::To(site.server().address()));
    let named = collector(proxy.port(), &site.server().collector().witness_key());
    let machine = Machine::boot(&site, site.stranger("db1"), &[named]);
    machine.await_told("connected");
    machine.write(20);
    machine.settle();

    // First a black hole, which nobody is told of, then a cable that is out.
    let mut prompts = Prompts::default();
    proxy.swallow();
    for _ in 0..ENTRIES / 200 {
        prompts.ask(&machine, PATIENCE);
        machine.write(99);
    }
    machine.await_told("collector-unreachable");
    proxy.lead(Way::Cut);
    for _ in 0..ENTRIES / 200 {
        prompts.ask(&machine, PATIENCE);
        machine.write(99);
    }
    assert_eq!(prompts.cosigned, 0);
    // One finds out; who comes after it does not wait.
    assert!(prompts.late <= 1, "{prompts:?}");
    let behind = machine.status().behind();
    assert!(behind >= ENTRIES, "{behind}");

    // Back: the backlog goes out while more is written.
    let begun = Instant::now();
    proxy.lead(Way::To(site.server().address()));
    machine.forwarder().again();
    let is_over = AtomicBool::new(false);
    let (meanwhile, prompts) = std::thread::scope(|scope| {
        let writes = scope.spawn(|| {
            let (mut count, mut prompts) = (0, Prompts::default());
            while !is_over.load(Ordering::SeqCst) {
                prompts.ask(&machine, DEADLINE);
                machine.write(9);
                count += 10;
            }
            (count, prompts)
        });
        machine.await_progress(ENTRIES);
        is_over.store(true, Ordering::SeqCst);
        writes.join().unwrap()
    });
    machine.settle();
    let took = begun.elapsed().as_secs_f64();
    let rate = (behind + meanwhile) as f64 / took;
    eprintln!(
        "caught up {behind} entries and {meanwhile} new ones in {took:.1} s: {rate:.0} entries/s; {prompts:?}"
    );
    assert!(
        rate > FASTER * ENTRIES as f64 / 600.0,
        "{rate:.0} entries/s"
    );
    // Whoever waits, now that the link is there again, is answered; how soon is this machine's business.
    assert_eq!(prompts.late, 0, "{prompts:?}");

    let mut after = Prompts::default();
    after.ask(&machine, DEADLINE);
    assert_eq!(after.down, 0, "from here on sudos wait again");
    machine.settle();
    holds_all_once(&site, &machine);
    for alarm in [
        "alarm.fork",
        "alarm.tampered",
        "alarm.rollback",
        "alarm.clock",
    ] {
        assert!(site.journalled(alarm).is_empty(), "{alarm}");
    }
    machine.shut_down();
}
