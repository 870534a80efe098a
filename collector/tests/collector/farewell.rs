//! A host that goes for good: nothing is sent later.

use std::time::{Duration, Instant};

use daypass_forward::Contact;

use crate::machine::{DEADLINE, Machine, collector, holds_all_once};
use crate::proxy::{Proxy, Way};
use crate::site::Site;

/// What is waited for in vain.
const PATIENCE: Duration = Duration::from_millis(300);

/// A host that has something to say, and no way to its collector.
fn cut_off(site: &Site) -> (Proxy, Machine) {
    let proxy = Proxy::new(Way::Cut);
    let named = collector(proxy.port(), &site.server().collector().witness_key());
    let machine = Machine::boot(site, site.stranger("db1"), &[named]);
    machine.write(20);
    (proxy, machine)
}

#[test]
fn whoever_goes_for_good_tries_until_the_collector_answers() {
    let site = Site::new();
    let (proxy, machine) = cut_off(&site);
    machine.await_told("collector-unreachable");
    let has_got_out = std::thread::scope(|scope| {
        let farewell = scope.spawn(|| machine.forwarder().farewell(DEADLINE));
        proxy.lead(Way::To(site.server().address()));
        farewell.join().unwrap()
    });
    assert!(has_got_out);
    holds_all_once(&site, &machine);
}

#[test]
fn whoever_goes_without_having_been_heard_says_so() {
    let site = Site::new();
    let (_proxy, machine) = cut_off(&site);
    assert!(!machine.forwarder().farewell(PATIENCE));
}

#[test]
fn nobody_waits_for_a_collector_that_contradicts_the_journal() {
    let site = Site::new();
    let witness = site.server().collector().witness_key();
    let named = [collector(site.server().address().port(), &witness)];
    let machine = Machine::boot(&site, site.stranger("db1"), &named);
    machine.write(3);
    machine.settle();
    let host = machine.shut_down();
    let snapshot = host.clone_machine();
    let machine = Machine::boot(&site, host, &named);
    machine.write(20);
    machine.settle();
    machine.shut_down();
    let restored = Machine::boot(&site, snapshot, &named);
    restored.await_contact(|contact| matches!(contact, Contact::Stopped { .. }));
    let begun = Instant::now();
    assert!(!restored.forwarder().farewell(DEADLINE));
    assert!(begun.elapsed() < DEADLINE / 2);
}

#[test]
fn where_nobody_is_named_there_is_nothing_to_wait_for() {
    let site = Site::new();
    let machine = Machine::boot(&site, site.stranger("db1"), &[]);
    machine.write(20);
    assert!(machine.forwarder().farewell(DEADLINE));
}
