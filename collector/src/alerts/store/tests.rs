use daypass_protocol::alert::{Alert, EntryName, Place as Where, Severity, What, Who};
use daypass_protocol::time::Time;

use super::*;

const SECOND: i64 = 1_000_000;
/// Letters that wait for one destination, at most.
const ROOM: u64 = 100;

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
    dir: tempfile::TempDir,
    store: Store,
    told: Vec<String>,
    /// Letters of which it was told that they are dead at once.
    overflown: u64,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            store: Store::with_room(&dir.path().join("alerts.db"), ROOM).unwrap(),
            dir,
            told: Vec::new(),
            overflown: 0,
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
        let (told, overflown) = (&mut self.told, &mut self.overflown);
        self.store
            .commit::<StoreError>(
                &raised,
                Place { segment: 1, seq: 0 },
                &mut Bursts::default(),
                &Addressees { of: &of },
                second * SECOND,
                |event| {
                    match event {
                        Told::Raised(alert) => told.push(alert.id.clone()),
                        Told::Overflown { letters, .. } => *overflown += letters,
                    }
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
    let repeat = |bench: &Bench, second: i64| {
        let told = |_: Told<'_>| Ok::<_, StoreError>(());
        bench
            .store
            .repeat(&addressees, second * SECOND, told)
            .unwrap()
    };
    assert_eq!(repeat(&bench, 9), 0, "its time is not over");
    assert_eq!(repeat(&bench, 10), 1);
    assert_eq!(repeat(&bench, 11), 0, "once");
    let again = bench.letters(11);
    let told: Alert = serde_json::from_str(&again[0].body).unwrap();
    assert_eq!(
        (again.len(), told.count, told.id.as_str()),
        (1, 3, "a-0000000000000001")
    );
    assert_eq!(bench.commit(&[alert(5, "x")], 12), 1, "a new one after it");
}

#[test]
fn what_a_host_writes_keeps_nothing_quiet_that_others_write() {
    let mut bench = Bench::new();
    let by = |owner: &str, incarnation: &str, seq| {
        let mut alert = alert(seq, "host=db2");
        alert.entry.origin = format!("daypass/0123456789abcdef/{owner}/{incarnation}");
        alert
    };
    let (first, second) = ("00000000000000ff", "00000000000000fe");
    assert_eq!(bench.commit(&[by("host/db1", first, 1)], 0), 1);
    assert_eq!(bench.commit(&[by("collector", first, 2)], 1), 1);
    // Another life of the same journal is the same writer.
    assert_eq!(bench.commit(&[by("host/db1", second, 3)], 2), 0);
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
fn what_was_counted_of_a_forgotten_person_is_gone_and_does_not_come_back() {
    let bench = Bench::new();
    let rules = crate::alerts::rules::RuleSet::defaults().unwrap();
    let mut bursts = Bursts::default();
    let deny = |bursts: &mut Bursts, person: &str| {
        let line = format!(
            r#"{{"seq":1,"time":"2026-11-23T10:00:00Z","action":"sudo.denied","identity":{{"person":"{person}"}}}}"#
        );
        let origin = "daypass/0123456789abcdef/host/db1/00000000000000ff";
        let subject = crate::alerts::subject::Subject::new(origin, line.as_bytes());
        rules.judge(&subject, bursts);
    };
    let keep = |bursts: &mut Bursts| {
        let of = |_| Vec::new();
        let (place, addressees) = (Place { segment: 1, seq: 0 }, Addressees { of: &of });
        let told = |_: Told<'_>| Ok::<_, StoreError>(());
        bench
            .store
            .commit(&[], place, bursts, &addressees, 0, told)
            .unwrap();
    };
    deny(&mut bursts, "carol");
    deny(&mut bursts, "dave");
    keep(&mut bursts);
    let counts = || bench.store.bursts().unwrap().count_all();
    assert_eq!(counts(), 2);
    bench.store.forget_person("carol").unwrap();
    assert_eq!(counts(), 1);
    // What is in memory has it still, until the next commit.
    deny(&mut bursts, "dave");
    keep(&mut bursts);
    assert_eq!(counts(), 1);
}

#[test]
fn a_full_queue_lets_nothing_disappear() {
    let mut bench = Bench::new();
    let many: Vec<_> = (0..ROOM + 3)
        .map(|seq| alert(seq, &seq.to_string()))
        .collect();
    bench.commit(&many, 0);
    let standing = bench.store.standing("pager").unwrap();
    assert_eq!((standing.waiting, standing.dead), (ROOM, 3));
    assert_eq!(bench.overflown, 3, "and is told");
    let dead = bench.store.dead(None, 10).unwrap();
    assert_eq!(dead.len(), 3);
    assert!(dead[0].error.contains("too many letters"));
    assert_eq!(bench.store.revive(&[dead[0].letter], SECOND).unwrap(), 1);
    assert_eq!(bench.store.revive(&[dead[0].letter], SECOND).unwrap(), 0);
    assert_eq!(bench.store.revive(&[], SECOND).unwrap(), 2);
    assert_eq!(bench.store.standing("pager").unwrap().dead, 0);
}

#[test]
fn what_is_severe_goes_first_and_makes_itself_room() {
    let mut bench = Bench::new();
    let mut many: Vec<_> = (0..ROOM).map(|seq| alert(seq, &seq.to_string())).collect();
    many[0].severity = Severity::Low;
    bench.commit(&many, 0);
    let mut late = alert(ROOM, "late");
    late.severity = Severity::Critical;
    bench.commit(std::slice::from_ref(&late), 1);
    assert_eq!(bench.overflown, 1);
    let dead = bench.store.dead(None, 10).unwrap();
    assert_eq!(
        (dead.len(), dead[0].alert.entry.seq),
        (1, 0),
        "the least severe"
    );
    let letters = bench.letters(1);
    let seqs: Vec<u64> = letters
        .iter()
        .map(|letter| {
            serde_json::from_str::<Alert>(&letter.body)
                .unwrap()
                .entry
                .seq
        })
        .collect();
    assert_eq!(seqs[..3], [ROOM, 1, 2]);
    // One that is as severe as those that wait makes no room.
    let many: Vec<_> = (0..ROOM)
        .map(|seq| alert(1000 + seq, &format!("again {seq}")))
        .collect();
    bench.commit(&many, 20);
    bench.commit(&[alert(5000, "one more")], 21);
    assert_eq!(bench.store.dead(None, 10).unwrap()[0].alert.entry.seq, 5000);
}

#[test]
fn what_is_erased_is_gone_with_its_letters() {
    let mut bench = Bench::new();
    bench.commit(&[alert(1, "x"), alert(2, "yes-this"), alert(3, "z")], 0);
    assert_eq!(bench.store.erase("log", 2, 3).unwrap(), 2);
    bench.store.settle().unwrap();
    for file in std::fs::read_dir(bench.dir.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let is_there = bytes.windows(8).any(|part| part == b"yes-this");
        assert!(!is_there, "{}", path.display());
    }
    assert_eq!(bench.store.erase("other", 1, 1).unwrap(), 0);
    assert_eq!(bench.letters(1).len(), 1);
    assert_eq!(bench.store.list(Severity::Info, None, 10).unwrap().len(), 1);
}
