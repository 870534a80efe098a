use daypass_protocol::alert::{Alert, EntryName, Place as Where, Severity, What, Who};
use daypass_protocol::time::Time;

use super::*;

const SECOND: i64 = 1_000_000;

fn alert(seq: u64, subject: &str) -> Alert {
    Alert {
        v: 1,
        id: format!("a-{seq:016x}"),
        rule: "rule".to_owned(),
        title: "Something".to_owned(),
        severity: Severity::Medium,
        count: 1,
        raised: Time::from_unix(0),
        when: None,
        subject: subject.to_owned(),
        who: Who::default(),
        what: What::default(),
        place: Where::default(),
        window: None,
        approved_by: Vec::new(),
        entry: EntryName {
            origin: "log".to_owned(),
            seq,
        },
        see: String::new(),
        link: None,
        text: String::new(),
    }
}

struct Bench {
    _dir: tempfile::TempDir,
    store: Store,
    told: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            store: Store::open(&dir.path().join("alerts.db")).unwrap(),
            _dir: dir,
            told: Vec::new(),
        }
    }

    /// Commits these alerts at a second of the clock; how many were new.
    fn commit(&mut self, alerts: &[Alert], second: i64) -> usize {
        let raised: Vec<_> = alerts
            .iter()
            .map(|alert| Raised {
                alert: alert.clone(),
                period: 10 * SECOND,
            })
            .collect();
        let of = |_| vec!["pager".to_owned()];
        let told = &mut self.told;
        self.store
            .commit::<StoreError>(
                &raised,
                Place { segment: 1, seq: 0 },
                &mut Bursts::default(),
                &Addressees { of: &of },
                second * SECOND,
                |alert| {
                    told.push(alert.id.clone());
                    Ok(())
                },
            )
            .unwrap()
    }

    fn letters(&self, second: i64) -> Vec<Letter> {
        let mut letters = Vec::new();
        while let Ok(letter) = self.store.due("pager", second * SECOND).unwrap() {
            self.store
                .delivered(letter.number, second * SECOND)
                .unwrap();
            letters.push(letter);
        }
        letters
    }
}

#[test]
fn the_migrations_are_valid() {
    Migrations::from_slice(MIGRATIONS).validate().unwrap();
}

#[test]
fn the_same_within_its_period_is_counted_and_told_once_more() {
    let mut bench = Bench::new();
    assert_eq!(
        bench.commit(&[alert(1, "x"), alert(2, "x"), alert(3, "y")], 0),
        2
    );
    assert_eq!(bench.commit(&[alert(4, "x")], 9), 0);
    assert_eq!(bench.letters(9).len(), 2);
    let of = |_| vec!["pager".to_owned()];
    let addressees = Addressees { of: &of };
    assert_eq!(
        bench.store.repeat(&addressees, 9 * SECOND).unwrap(),
        0,
        "its time is not over"
    );
    assert_eq!(bench.store.repeat(&addressees, 10 * SECOND).unwrap(), 1);
    assert_eq!(
        bench.store.repeat(&addressees, 11 * SECOND).unwrap(),
        0,
        "once"
    );
    let again = bench.letters(11);
    let told: Alert = serde_json::from_str(&again[0].body).unwrap();
    assert_eq!(
        (again.len(), told.count, told.id.as_str()),
        (1, 3, "a-0000000000000001")
    );
    assert_eq!(bench.commit(&[alert(5, "x")], 12), 1, "a new one after it");
}

#[test]
fn what_is_judged_twice_is_told_once() {
    let mut bench = Bench::new();
    assert_eq!(bench.commit(&[alert(1, "x")], 0), 1);
    // As after a crash: the same entry, when its quiet time is long over.
    assert_eq!(bench.commit(&[alert(1, "x")], 100), 0);
    assert_eq!(bench.told, ["a-0000000000000001"]);
    assert_eq!(
        bench.store.place().unwrap(),
        Some(Place { segment: 1, seq: 0 })
    );
}

#[test]
fn a_full_queue_lets_nothing_disappear() {
    let mut bench = Bench::new();
    let many: Vec<_> = (0..WAITING + 3)
        .map(|seq| alert(seq, &seq.to_string()))
        .collect();
    bench.commit(&many, 0);
    let standing = bench.store.standing("pager").unwrap();
    assert_eq!((standing.waiting, standing.dead), (WAITING, 3));
    let dead = bench.store.dead(None, 10).unwrap();
    assert_eq!(dead.len(), 3);
    assert!(dead[0].error.contains("too many letters"));
    assert_eq!(bench.store.revive(&[dead[0].letter], SECOND).unwrap(), 1);
    assert_eq!(bench.store.revive(&[dead[0].letter], SECOND).unwrap(), 0);
    assert_eq!(bench.store.revive(&[], SECOND).unwrap(), 2);
    assert_eq!(bench.store.standing("pager").unwrap().dead, 0);
}

#[test]
fn what_is_erased_is_gone_with_its_letters() {
    let mut bench = Bench::new();
    bench.commit(&[alert(1, "x"), alert(2, "y"), alert(3, "z")], 0);
    assert_eq!(bench.store.erase("log", 2, 3).unwrap(), 2);
    assert_eq!(bench.store.erase("other", 1, 1).unwrap(), 0);
    assert_eq!(bench.letters(1).len(), 1);
    assert_eq!(bench.store.list(Severity::Info, None, 10).unwrap().len(), 1);
}
