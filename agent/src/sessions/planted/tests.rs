use std::sync::mpsc::TryRecvError;

use daypass_protocol::time::Time;

use super::search::Kind;
use super::*;
use crate::sessions::fixture::Host;
use crate::sessions::killed::Killed;
use crate::sessions::record::tests::record;

#[test]
fn a_session_begins_no_later_than_the_first_file_in_it_can_be_stamped() {
    let (now, hour) = (1_900_000_000_000, Duration::from_secs(3600));
    let begun = now - 3_600_000;
    let opened = |stamp, opened: i64, now| {
        let record = Record {
            opened: Time::from_unix(opened.div_euclid(1000)),
            opened_stamp: stamp,
            ..record()
        };
        super::opened(&record, now, hour)
    };
    // The clock for files was half a second behind, on a machine that was kept from running.
    let behind = begun - 500;
    assert_eq!(opened(Some(behind), begun, now), behind);
    // Found again in the journal, which has whole seconds of the other clock.
    assert!(opened(None, begun, now) <= behind);
    // Set forward by a day meanwhile, and set back.
    let day = 86_400_000;
    assert_eq!(opened(Some(behind), begun, now + day), behind);
    assert_eq!(opened(Some(behind), begun, now - day), begun - day - 1);
}

#[test]
fn a_path_that_is_no_text_is_kept_exactly() {
    use std::os::unix::ffi::OsStrExt as _;
    let path = Path::new(std::ffi::OsStr::from_bytes(b"/home/\xff"));
    assert_eq!(text(path), json!({ "base64": "L2hvbWUv/w==" }));
}

#[test]
fn what_was_told_of_a_session_is_not_told_again_and_what_came_later_is() {
    let host = Host::with_sudo("");
    let (_monitor, session) = host.let_in(1, "carol", "/usr/bin/id");
    host.sessions.is_over(&session, Swept::default());
    host.sessions.is_over(&session, Swept::default());
    let over = host.sessions.shared.over.take();
    let [first, second] = &over[..] else {
        panic!("two looks")
    };
    assert_eq!(first.told_until, None);
    assert_eq!(second.told_until, Some(first.at));
    let plant = |changed| Plant {
        kind: Kind::Key,
        path: "x".into(),
        changed,
    };
    let second = Ended {
        session,
        told_until: second.told_until,
        at: first.at + 1000,
        swept: Swept::default(),
    };
    for early in [first.at - 500, first.at] {
        assert_eq!(first.during(&[plant(early)]).len(), 1);
        assert!(second.during(&[plant(early)]).is_empty());
    }
    for late in [first.at + 1, second.at] {
        assert!(first.during(&[plant(late)]).is_empty());
        assert_eq!(second.during(&[plant(late)]).len(), 1);
    }
}

#[test]
fn of_a_clock_that_was_set_back_all_is_told_once_more() {
    let host = Host::with_sudo("");
    let (_monitor, session) = host.let_in(1, "carol", "/usr/bin/id");
    let at = now();
    let ended = Ended {
        session,
        told_until: Some(at + 3_600_000),
        at,
        swept: Swept::default(),
    };
    let plants = [Plant {
        kind: Kind::Key,
        path: "x".into(),
        changed: at - 500,
    }];
    assert_eq!(ended.during(&plants).len(), 1);
}

#[test]
fn where_too_many_wait_it_is_told_at_once_that_nobody_looks() {
    let host = Host::with_sudo("");
    let (_monitor, session) = host.let_in(1, "carol", "/usr/bin/id");
    for _ in 0..MOST {
        host.sessions.is_over(&session, Swept::default());
    }
    assert_eq!(host.entries.try_recv(), Err(TryRecvError::Empty));
    host.sessions.is_over(&session, Swept::default());
    let entry = host.entries.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(entry["action"], "session.planted");
    assert_eq!(entry["code"], "not-searched");
    assert_eq!(entry["detail"]["searched"], "partly");
    assert_eq!(host.sessions.shared.over.take().len(), MOST);
}

#[test]
fn what_a_session_left_running_is_named_when_it_is_ended_and_is_no_plant() {
    let host = Host::with_sudo("");
    let (_monitor, session) = host.let_in(1, "carol", "/usr/bin/id");
    let ended = |killed| Ended {
        session: Arc::clone(&session),
        told_until: Some(now()),
        at: now(),
        swept: Swept {
            files: Vec::new(),
            killed,
        },
    };
    let names = Names::of_the_system(&host.layout);
    let over = [ended(Killed::default()), ended(Killed::of(100, "sleep"))];
    host.sessions.tell_of_plants(&host.layout, &names, &over);
    let entry = host.entries.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(entry["action"], "session.planted");
    assert_eq!(entry["code"], "left-running");
    assert_eq!(entry["detail"]["killed_count"], 100);
    let named = entry["detail"]["killed"].as_array().unwrap();
    assert_eq!(named.len(), 64);
    assert_eq!(named[0], json!({ "pid": 1, "name": "sleep" }));
    assert_eq!(host.entries.try_recv(), Err(TryRecvError::Empty), "nothing");
}
