use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::*;

/// A disk that can be broken and mended.
#[derive(Clone, Default)]
struct Disk {
    broken: Arc<AtomicBool>,
    commits: Arc<AtomicUsize>,
    lines: Arc<Mutex<Vec<Value>>>,
    aside: Arc<Mutex<Vec<String>>>,
}

impl Ledger for Disk {
    fn append(&self, events: &[Box<Entry>], _: Epoch) -> Vec<Result<Receipt, LedgerFailed>> {
        let append = |event: &Entry| {
            if self.broken.load(Ordering::SeqCst) {
                return Err(LedgerFailed::Broken);
            }
            let mut lines = self.lines.lock().unwrap();
            lines.push(serde_json::from_str(event.get()).unwrap());
            Ok(Receipt {
                seq: lines.len() as u64,
                time: Utc::now(),
            })
        };
        self.commits.fetch_add(1, Ordering::SeqCst);
        events.iter().map(|event| append(event)).collect()
    }

    fn keep_cosignature(&self, _: &str) -> Result<(), daypass_journal::Error> {
        Ok(())
    }

    fn declare_witnesses(&self, _: &[String]) -> Result<(), daypass_journal::Error> {
        Ok(())
    }

    fn close(&self) -> Result<(), LedgerFailed> {
        Ok(())
    }
}

impl Disk {
    fn intake(&self) -> Intake {
        let (disk, aside) = (self.clone(), Arc::clone(&self.aside));
        let open: Open = Box::new(move || {
            if disk.broken.load(Ordering::SeqCst) {
                return Err(LedgerFailed::Broken);
            }
            Ok(Arc::new(disk.clone()))
        });
        let aside: Aside = Box::new(move |text| aside.lock().unwrap().push(text.to_owned()));
        Intake::start(open, aside).unwrap()
    }

    fn actions(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines
            .iter()
            .map(|line| line["action"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn event(action: &str) -> Value {
    json!({ "action": action })
}

#[test]
fn noted_events_are_committed_before_the_last_one() {
    let disk = Disk::default();
    let intake = disk.intake();
    intake.commit(&event("agent.start")).unwrap();
    intake.note(&event("sudo.start"));
    intake.note(&event("sudo.end"));
    intake.finish(&event("agent.stop"));
    assert_eq!(
        disk.actions(),
        ["agent.start", "sudo.start", "sudo.end", "agent.stop"]
    );
}

#[test]
fn whoever_waits_takes_along_what_was_noted_before_and_the_rest_follows_by_itself() {
    let disk = Disk::default();
    let intake = disk.intake();
    for action in ["sudo.start", "sudo.end"] {
        intake.note(&event(action));
    }
    intake.commit(&event("sudo.request")).unwrap();
    // On a busy machine the thread may have been first.
    if disk.commits.load(Ordering::SeqCst) == 1 {
        assert_eq!(disk.actions(), ["sudo.start", "sudo.end", "sudo.request"]);
    }
    intake.note(&event("session.close"));
    // Nobody commits anything from here on.
    let begun = Instant::now();
    while disk.actions().len() < 4 {
        assert!(begun.elapsed() < Duration::from_secs(30));
        thread::yield_now();
    }
}

#[test]
fn a_failed_journal_stays_unused_until_reopened_and_the_gap_is_told() {
    let disk = Disk::default();
    let intake = disk.intake();
    disk.broken.store(true, Ordering::SeqCst);
    assert_eq!(intake.commit(&event("session.open")), Err(NotCommitted));
    disk.broken.store(false, Ordering::SeqCst);
    assert_eq!(intake.commit(&event("session.open")), Err(NotCommitted));
    assert!(!intake.is_healthy());

    intake.shared.mend();
    assert!(intake.is_healthy());
    intake.commit(&event("session.open")).unwrap();
    assert_eq!(disk.actions(), ["gap", "session.open"]);
    assert_eq!(disk.lines.lock().unwrap()[0]["detail"]["missed"], 2);
    // Both events and the cause stand in syslog.
    assert_eq!(disk.aside.lock().unwrap().len(), 3);
}

#[test]
fn a_journal_that_cannot_be_reopened_keeps_counting() {
    let disk = Disk::default();
    let intake = disk.intake();
    disk.broken.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let _ = intake.commit(&event("login.denied"));
        intake.shared.mend();
    }
    disk.broken.store(false, Ordering::SeqCst);
    intake.shared.mend();
    assert_eq!(disk.lines.lock().unwrap()[0]["detail"]["missed"], 3);
}

#[test]
fn after_the_end_events_go_to_syslog() {
    let disk = Disk::default();
    let intake = disk.intake();
    intake.finish(&event("agent.stop"));
    assert_eq!(intake.commit(&event("late")), Err(NotCommitted));
    assert_eq!(disk.actions(), ["agent.stop"]);
}
