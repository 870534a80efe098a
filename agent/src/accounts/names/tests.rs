use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn named(uid: u32) -> Named {
    Named {
        uid,
        home: format!("/home/{uid}").into(),
    }
}

/// Names of a directory service that hangs until it is told to go on, and says whenever it is asked.
struct Hanging {
    names: Names,
    asked: Receiver<()>,
    go_on: Sender<()>,
    _folder: tempfile::TempDir,
}

impl Hanging {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let passwd = folder.path().join("passwd");
        std::fs::write(
            &passwd,
            b"root:x:0:0::/root:/bin/sh\nann:x:7:7:\xff:/home/ann\xff:/bin/sh\nbad:x\nbare:x:8",
        )
        .unwrap();
        let ((tell, asked), (go_on, held)) = (channel(), channel());
        let (tell, held) = (Mutex::new(tell), Mutex::new(held));
        let ask = move |_: &str| {
            tell.lock().unwrap().send(()).unwrap();
            held.lock().unwrap().recv().ok().map(|()| named(1001))
        };
        Self {
            names: Names::new(passwd, ask),
            asked,
            go_on,
            _folder: folder,
        }
    }
}

#[test]
fn while_a_directory_hangs_one_thread_waits_for_it_and_nobody_else() {
    let directory = Hanging::new();
    let names = &directory.names;
    assert_eq!(names.asked("deploy2", Duration::ZERO), None);
    directory.asked.recv_timeout(LONG).unwrap();
    // Whoever comes now would wait for long, and is told at once.
    for _ in 0..300 {
        assert_eq!(names.asked("deploy3", LONG), None);
    }
    assert!(directory.asked.try_recv().is_err(), "asked once more");
    // Who is listed here needs no directory.
    assert_eq!(names.uid("ann"), Some(7));
    assert_eq!(names.uid("root"), Some(0));
    assert_eq!(names.uid("bare"), Some(8));
    let home = names.look_up("ann", LONG).unwrap().unwrap().home;
    assert_eq!(home.as_os_str().as_bytes(), b"/home/ann\xff");
    assert_eq!(names.look_up("bad", LONG), Err(Unanswered));
    // It answers again, and is asked again.
    directory.go_on.send(()).unwrap();
    directory.go_on.send(()).unwrap();
    let begun = Instant::now();
    while names.asked("deploy2", LONG) != Some(Some(named(1001))) {
        assert!(begun.elapsed() < LONG);
        thread::yield_now();
    }
}

#[test]
fn whoever_waits_for_a_turn_waits_no_longer_when_it_comes_to_nothing() {
    let directory = Hanging::new();
    let names = &directory.names;
    let first = names.turns.take(Instant::now()).unwrap();
    thread::scope(|scope| {
        let second = scope.spawn(|| names.asked("deploy2", LONG));
        // Whether it waits by now or not.
        names.turns.is_late(first.number);
        assert_eq!(second.join().unwrap(), None);
    });
    drop(first);
    assert!(directory.asked.try_recv().is_err(), "it was asked");
}

#[test]
fn all_who_come_at_once_are_answered_one_after_another() {
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (here, all) = (Arc::clone(&at_once), Arc::clone(&most));
    let names = Names::new("/nonexistent/passwd".into(), move |name| {
        let now = here.fetch_add(1, Ordering::SeqCst) + 1;
        all.fetch_max(now, Ordering::SeqCst);
        thread::yield_now();
        here.fetch_sub(1, Ordering::SeqCst);
        name.strip_prefix("user")?.parse().ok().map(named)
    });
    thread::scope(|scope| {
        for number in 0..50 {
            let names = &names;
            scope.spawn(move || {
                let found = names.asked(&format!("user{number}"), LONG);
                assert_eq!(found, Some(Some(named(number))));
            });
        }
    });
    assert_eq!(most.load(Ordering::SeqCst), 1);
    assert_eq!(names.asked("stranger", LONG), Some(None));
}

#[test]
fn an_answer_that_comes_just_too_late_leaves_nobody_out() {
    let directory = Hanging::new();
    let names = &directory.names;
    let turn = names.turns.take(Instant::now()).unwrap();
    let number = turn.number;
    drop(turn);
    names.turns.is_late(number);
    assert!(names.turns.take(Instant::now()).is_some());
}
