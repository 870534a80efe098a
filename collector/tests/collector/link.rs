//! Journals that a real forwarder follows: outages, cuts, two pasts, and collectors that lie.

use std::time::Duration;

use daypass_forward::{Awaited, Contact};
use daypass_journal::identity::Identity;
use daypass_journal::trust::{Trust, TrustedLog};
use daypass_journal::verify::{Options, Report, verify};

use crate::host::Host;
use crate::machine::{DEADLINE, Machine, collector, holds_all_once};
use crate::proxy::{Proxy, Way};
use crate::site::Site;
use crate::site::ca::issue;

/// A site, and the network before it.
fn site() -> (Site, Proxy) {
    let site = Site::new();
    let proxy = Proxy::new(Way::To(site.server().address()));
    (site, proxy)
}

fn boot(site: &Site, proxy: &Proxy, host: Host) -> Machine {
    let named = collector(proxy.port(), &site.server().collector().witness_key());
    Machine::boot(site, host, &[named])
}

fn verified(host: &Host, witness: &str) -> Report {
    let identity = Identity::open(&host.dir.path().join("keys")).unwrap();
    let log = TrustedLog::new(&identity.log_vkey(), &identity.epoch_vkey()).unwrap();
    let trust = Trust {
        logs: vec![log],
        witnesses: vec![witness.parse().unwrap()],
        ..Trust::default()
    };
    verify(&host.dir.path().join("journal"), &trust, Options::default())
}

#[test]
fn what_is_written_is_cosigned_and_the_cosignature_is_kept() {
    let (site, proxy) = site();
    let machine = boot(&site, &proxy, site.stranger("db1"));
    machine.await_told("connected");
    let seq = machine.write(5);
    let link = machine.forwarder().link();
    assert_eq!(link.await_cosigned(seq, DEADLINE), Awaited::Cosigned);
    machine.settle();
    holds_all_once(&site, &machine);
    let witness = site.server().collector().witness_key();
    let begun = std::time::Instant::now();
    loop {
        // The witness line is written when nothing else is to be sent.
        let report = verified(&machine.host, &witness);
        if report.exit_code() == 0 {
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "{report}");
        std::thread::yield_now();
    }
    machine.shut_down();
}

#[test]
fn after_an_outage_everything_is_there_once() {
    let (mut site, proxy) = site();
    let machine = boot(&site, &proxy, site.stranger("db1"));
    machine.write(3);
    machine.settle();
    site.stop();
    proxy.lead(Way::Cut);
    let seq = machine.write(40);
    machine.await_told("collector-unreachable");
    let link = machine.forwarder().link();
    // Nobody waits for who is not there.
    assert_eq!(link.await_cosigned(seq, DEADLINE), Awaited::Down);
    site.start();
    proxy.lead(Way::To(site.server().address()));
    machine.settle();
    holds_all_once(&site, &machine);
    assert_eq!(
        machine.told(),
        ["connected", "collector-unreachable", "connected"]
    );
    machine.shut_down();
}

#[test]
fn a_host_that_was_off_goes_on_where_it_stopped() {
    let (site, proxy) = site();
    let machine = boot(&site, &proxy, site.stranger("db1"));
    machine.write(3);
    machine.settle();
    // The closing seal does not get out.
    let host = machine.shut_down();
    let machine = boot(&site, &proxy, host);
    machine.write(3);
    machine.settle();
    holds_all_once(&site, &machine);
    machine.shut_down();
}

#[test]
fn wherever_a_connection_breaks_nothing_is_lost_or_doubled() {
    let (site, proxy) = site();
    let address = site.server().address();
    let machine = boot(&site, &proxy, site.stranger("db1"));
    // A handshake takes some 3000 bytes, one small upload and its answer another 2000: anywhere in these, and every byte
    // of a stretch in which records end.
    for bytes in (0..9000).step_by(211).chain(3000..3040) {
        proxy.lead(Way::Short(address, bytes));
        machine.forwarder().again();
        machine.await_contact(|contact| {
            machine.write(1);
            matches!(contact, Contact::Away { trouble: Some(_) })
        });
    }
    proxy.lead(Way::To(address));
    machine.forwarder().again();
    machine.settle();
    holds_all_once(&site, &machine);
    machine.shut_down();
}

#[test]
fn a_journal_that_was_rolled_back_is_an_alarm_on_both_sides() {
    let (site, proxy) = site();
    let machine = boot(&site, &proxy, site.stranger("db1"));
    machine.write(3);
    machine.settle();
    let host = machine.shut_down();
    let snapshot = host.clone_machine();
    let machine = boot(&site, &proxy, host);
    machine.write(20);
    machine.settle();
    machine.shut_down();

    let restored = boot(&site, &proxy, snapshot);
    restored.await_told("rolled-back");
    let alarm = site.await_journalled("alarm.rollback");
    assert_eq!(alarm["resource"]["host"], "db1");
    assert!(alarm["detail"]["size"].as_u64().unwrap() < alarm["detail"]["held"].as_u64().unwrap());
    restored.await_contact(|contact| matches!(contact, Contact::Stopped { .. }));
    assert_eq!(restored.told(), ["rolled-back"]);
    restored.shut_down();
}

#[test]
fn two_machines_with_one_identity_are_an_alarm_that_names_host_and_entry() {
    let (site, proxy) = site();
    let machine = boot(&site, &proxy, site.stranger("db1"));
    machine.write(3);
    machine.settle();
    let host = machine.shut_down();
    let clone = host.clone_machine();
    let machine = boot(&site, &proxy, host);
    machine.write(2);
    machine.settle();

    // More than the other, so that numbers alone tell nothing.
    let other = boot(&site, &Proxy::new(Way::Cut), clone);
    other.write(30);
    let host = other.shut_down();
    let other = boot(&site, &proxy, host);
    other.await_told("fork");
    let alarm = site.await_journalled("alarm.fork");
    assert_eq!(alarm["resource"]["host"], "db1");
    let seq = alarm["detail"]["seq"].as_u64().unwrap();
    assert_ne!(machine.entries()[&seq], other.entries()[&seq]);
    assert_eq!(machine.entries()[&(seq - 1)], other.entries()[&(seq - 1)]);
    other.shut_down();
    machine.shut_down();
}

#[test]
fn a_foreign_certificate_gets_nothing_out() {
    let (site, proxy) = site();
    let mut host = site.stranger("db1");
    let foreign = Site::new();
    host.identity = issue(&foreign.ca.root, "db1", std::time::SystemTime::now());
    let machine = boot(&site, &proxy, host);
    machine.await_contact(|contact| matches!(contact, Contact::Away { trouble: Some(_) }));
    site.await_journalled("request.refused");
    assert_eq!(machine.status().cosigned, 0);
    machine.shut_down();
}

#[test]
fn a_host_cannot_write_for_another() {
    let (site, proxy) = site();
    let mut host = site.stranger("db1");
    host.identity = site.ca.identity("db2");
    let machine = boot(&site, &proxy, host);
    machine.await_told("collector-refused");
    assert_eq!(machine.status().cosigned, 0);
    machine.shut_down();
}

#[test]
fn a_cosignature_by_another_key_than_the_named_one_does_not_count() {
    let (site, proxy) = site();
    let other = Site::new().server().collector().witness_key();
    let machine = Machine::boot(
        &site,
        site.stranger("db1"),
        &[collector(proxy.port(), &other)],
    );
    machine.await_told("cosignature-false");
    assert_eq!(machine.status().cosigned, 0);
    machine.shut_down();
}

#[test]
fn when_the_first_collector_is_away_the_next_one_takes_over() {
    let (site, proxy) = site();
    let witness = site.server().collector().witness_key();
    let nobody = Proxy::new(Way::Cut);
    let named = [
        collector(nobody.port(), &witness),
        collector(proxy.port(), &witness),
    ];
    let machine = Machine::boot(&site, site.stranger("db1"), &named);
    machine.write(3);
    machine.settle();
    let Contact::Connected { url } = machine.status().contact else {
        panic!("{:?}", machine.status());
    };
    assert_eq!(url, named[1].url.to_string());
    machine.shut_down();
}

#[test]
fn collectors_that_are_named_later_are_taken_up() {
    let (site, proxy) = site();
    let witness = site.server().collector().witness_key();
    let machine = Machine::boot(&site, site.stranger("db1"), &[]);
    machine.write(3);
    assert_eq!(machine.status().contact, Contact::Nobody);
    machine
        .writer
        .declare_witnesses(std::slice::from_ref(&witness))
        .unwrap();
    machine
        .forwarder()
        .collectors(&[collector(proxy.port(), &witness)]);
    machine.settle();
    holds_all_once(&site, &machine);
    machine.shut_down();
}

#[test]
fn a_stop_waits_for_the_last_cosignature_while_the_collector_answers() {
    let (site, proxy) = site();
    let mut machine = boot(&site, &proxy, site.stranger("db1"));
    machine.await_told("connected");
    machine.write(10);
    machine.writer.clone().close().unwrap();
    let link = machine.forwarder().link();
    machine.stop(Duration::from_secs(60));
    assert_eq!(link.status().behind(), 0);
}
