use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono::Utc;
use daypass_protocol::event::{Action, Command};
use serde_json::{Value, json};

use super::*;
use crate::sessions::fixture::until;
use crate::texts::{Rest, Size, Texts, Whose};

/// A disk that can be broken and mended.
#[derive(Clone, Default)]
struct Disk {
    broken: Arc<AtomicBool>,
    commits: Arc<AtomicUsize>,
    lines: Arc<Mutex<Vec<Value>>>,
    aside: Arc<Mutex<Vec<String>>>,
    /// Whoever holds this holds up those who bring texts.
    slow: Arc<Mutex<()>>,
    /// Whether there is room for texts no more.
    is_full: Arc<AtomicBool>,
    texts: Arc<Mutex<Vec<Vec<u8>>>>,
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

    fn keep_text(&self, text: &[u8]) -> Result<(), daypass_journal::Error> {
        let _slow = self.slow.lock().unwrap();
        if self.is_full.load(Ordering::SeqCst) {
            return Err(daypass_journal::Error::Closed);
        }
        self.texts.lock().unwrap().push(text.to_vec());
        Ok(())
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
fn the_thread_is_told_once_in_a_moment_and_commits_what_comes_after_a_commit_all_the_same() {
    let mut noted = Noted::default();
    assert!(noted.wants_news());
    noted.push(Item::of(plain(&event("a"))));
    assert!(!noted.wants_news());
    noted.is_gathering = true;
    noted.take_along();
    assert!(!noted.wants_news());
    noted.is_gathering = false;
    assert!(noted.wants_news());

    let disk = Disk::default();
    let intake = disk.intake();
    let begun = Instant::now();
    let mut count = 0;
    // Some are noted just as a moment is over.
    while begun.elapsed() < 3 * MOMENT {
        intake.note(&event("noted"));
        intake.commit(&event("awaited")).unwrap();
        count += 1;
    }
    intake.note(&event("noted"));
    let committed = || disk.lines.lock().unwrap().len();
    until("the last", || committed() == 2 * count + 1);
    let actions = disk.actions();
    let noted = actions.iter().filter(|action| *action == "noted");
    assert_eq!(noted.count(), count + 1);
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

/// A request whose line is longer than what an entry keeps, and the line.
fn long_request() -> (Event, Arc<Text>) {
    let line = vec![b'x'; 20_000];
    let command = Command::from_line(&line);
    let whose = Whose {
        uid: 1001,
        is_contractors: false,
    };
    let texts = Texts::of("/nowhere".into(), &Policy::default());
    let size = Size {
        line: line.len(),
        source: 0,
    };
    let Rest::Text(text) = texts.hold(whose, size, || Some(line)) else {
        panic!("there is room");
    };
    (Event::new(Action::SudoRequest).command(command), text)
}

#[test]
fn nobody_waits_for_somebody_elses_long_line_and_what_stands_behind_it_keeps_its_place() {
    let disk = Disk::default();
    let intake = disk.intake();
    let held_up = disk.slow.lock().unwrap();
    let (event, text) = long_request();
    intake.note(&json!({"action": "session.open"}));
    intake.note_with_text(event, text);
    intake.note(&json!({"action": "sudo.start"}));
    // Whichever of the two takes it along, it is there when this returns or will be, and the others cannot be.
    intake.commit(&json!({"action": "login.denied"})).unwrap();
    let mut before = disk.actions();
    before.retain(|action| action != "session.open");
    assert_eq!(before, ["login.denied"]);
    drop(held_up);
    intake.finish(&event_of_the_end());
    let mut all = disk.actions();
    all.retain(|action| action.starts_with("sudo"));
    assert_eq!(all, ["sudo.request", "sudo.start"]);
    assert_eq!(*disk.texts.lock().unwrap(), [vec![b'x'; 20_000]]);
}

#[test]
fn a_line_that_the_disk_does_not_take_is_said_to_be_lost_and_holds_up_no_entry() {
    let disk = Disk::default();
    let intake = disk.intake();
    disk.is_full.store(true, Ordering::SeqCst);
    let (event, text) = long_request();
    intake.note_with_text(event.clone(), Arc::clone(&text));
    intake
        .commit_with_text_ending_epoch(event.clone(), &text)
        .unwrap();
    until("both entries", || disk.actions().len() == 2);
    disk.is_full.store(false, Ordering::SeqCst);
    intake.commit_with_text_ending_epoch(event, &text).unwrap();
    intake.finish(&event_of_the_end());
    let lines = disk.lines.lock().unwrap();
    let requests: Vec<_> = lines
        .iter()
        .filter(|line| line["action"] == "sudo.request")
        .collect();
    let is_kept = |line: &&&Value| line["command"]["blob"] == true;
    let is_lost = |line: &&&Value| line["detail"]["whole_not_kept"] == "failed";
    assert_eq!(requests.iter().filter(is_kept).count(), 1);
    assert_eq!(requests.iter().filter(is_lost).count(), 2);
    assert!(
        disk.aside
            .lock()
            .unwrap()
            .iter()
            .any(|text| text.contains("not kept whole"))
    );
}

#[test]
fn where_the_journal_is_down_no_line_is_said_to_be_kept() {
    let disk = Disk::default();
    let intake = disk.intake();
    disk.broken.store(true, Ordering::SeqCst);
    assert_eq!(intake.commit(&event("session.open")), Err(NotCommitted));
    let (event, text) = long_request();
    intake.note_with_text(event.clone(), Arc::clone(&text));
    assert_eq!(
        intake.commit_with_text_ending_epoch(event, &text),
        Err(NotCommitted)
    );
    intake.finish(&event_of_the_end());
    let aside = disk.aside.lock().unwrap();
    let told: Vec<_> = aside
        .iter()
        .filter(|text| text.contains("sudo.request"))
        .collect();
    assert_eq!(told.len(), 2);
    assert!(
        told.iter()
            .all(|text| text.contains("whole_not_kept") && !text.contains("\"blob\""))
    );
}

fn event_of_the_end() -> Value {
    event("agent.stop")
}
