use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use daypass_protocol::roster::SignedRoster;
use daypass_protocol::state::SignedState;
use daypass_transport::client;

use super::*;
use crate::authority::{HostNames, Snapshot, Turn};
use crate::fixture::Ca;
use crate::poller::Source;
use crate::state::Known;

const DEADLINE: Duration = Duration::from_secs(60);

/// A CA that answers when the test says so, and tells the test what it was asked.
struct Slow {
    asked: Sender<u64>,
    answers: Mutex<Receiver<SignedState>>,
}

impl Source for Slow {
    fn state(&self) -> Result<SignedState, client::Error> {
        panic!("the listener asks for what is new");
    }

    fn state_after(&self, known: u64) -> Result<SignedState, client::Error> {
        self.asked.send(known).unwrap();
        self.answers
            .lock()
            .unwrap()
            .recv()
            .map_err(|_| client::Error::Status {
                status: 502,
                path: "/v1/state".to_owned(),
            })
    }

    fn krl(&self) -> Result<Vec<u8>, client::Error> {
        panic!("the listener fetches no list");
    }

    fn rosters(&self) -> Result<Vec<SignedRoster>, client::Error> {
        Ok(Vec::new())
    }
}

fn numbered(ca: &Ca, number: u64) -> Snapshot {
    let known = Known::first(ca.pin, ca.rosters.clone(), ca.state(number)).unwrap();
    known.snapshot(HostNames::new("db1".parse().unwrap(), [], []))
}

#[test]
fn what_the_ca_answers_wakes_the_poller_and_the_next_question_is_for_what_follows() {
    let ca = Ca::new();
    let authority = Arc::new(Authority::new(numbered(&ca, 1)));
    let (asks, asked) = channel();
    let (answer, answers) = channel();
    let listener = Listener {
        line: Line::new(Slow {
            asked: asks,
            answers: Mutex::new(answers),
        }),
        authority: Arc::clone(&authority),
    };
    let listening = thread::spawn(move || listener.run());
    assert_eq!(asked.recv_timeout(DEADLINE), Ok(1));
    answer.send(ca.state(2)).unwrap();
    let turn = authority.next_turn(DEADLINE);
    assert!(
        matches!(&turn, Turn::Take(signed) if **signed == ca.state(2)),
        "{turn:?}"
    );
    authority.publish(numbered(&ca, 2));
    assert_eq!(asked.recv_timeout(DEADLINE), Ok(2));
    authority.stop();
    drop(answer);
    listening.join().unwrap();
}
