use std::sync::Mutex;
use std::sync::mpsc::channel;

use super::*;
use crate::accounts::Names;
use crate::gate::fixture::Host;
use crate::sessions::fixture::{Monitor, SOON};

/// More than the threads behind a door.
const MANY: usize = 300;

#[test]
fn while_a_directory_hangs_it_keeps_one_thread_and_managed_accounts_are_judged_as_ever() {
    let ((tell, asked), (go_on, held)) = (channel(), channel::<()>());
    let (tell, held) = (Mutex::new(tell), Mutex::new(held));
    let host = Host::managing(|layout| {
        Names::new(layout.passwd(), move |_| {
            tell.lock().unwrap().send(()).unwrap();
            let _ = held.lock().unwrap().recv();
            None
        })
    });
    let monitor = Monitor::start();
    let knock = |user: &str| host.account_of(&monitor, "cron", user);
    // The answer is not there in time: they are nobody's of ours.
    assert_eq!(knock("stranger"), Response::Ignore);
    asked.recv_timeout(SOON).unwrap();
    for _ in 0..MANY {
        assert_eq!(knock("stranger"), Response::Ignore);
    }
    assert_eq!(knock("deploy"), Response::deny(diagnostic::NO_SESSION));
    assert!(asked.try_recv().is_err(), "asked once more");
    drop(go_on);
}
