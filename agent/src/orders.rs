//! What commands leave for the daemon, and what the daemon answers: two files beside each other. The journal has one
//! writer, the daemon.

pub mod ask;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use daypass_journal::erasure::MOST_RUNS;

use crate::durable;
use crate::intake::Intake;

const MAX_BYTES: u64 = 64 * 1024;
/// How the files of orders end.
const ORDERS: &str = "json";
/// The most entries in one order; they are listed one by one.
const MOST_ENTRIES: u64 = 1_000_000;

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// Erase entries.
    Erase(Erase),
    /// Hand the journal's log over to a new key.
    RenewLogKey {
        /// Who asks for it.
        by: String,
    },
}

/// Erase these entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// Runs of entries: first and last.
    pub entries: Vec<(u64, u64)>,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// It is done.
    Done(Done),
    /// It is not.
    Refused {
        /// Why.
        why: String,
    },
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// The entry that says so.
    pub seq: u64,
    /// The log's new key, where it was that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Leaves an order, durably; the answer will be told of the path.
///
/// # Errors
/// The file could not be written.
pub fn leave(orders: &Path, order: &Order) -> Result<PathBuf, durable::Error> {
    durable::directory(orders, 0o700)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = now.map_or(0, |since| since.as_nanos());
    let path = orders.join(format!("{nanoseconds:020}-{}.json", std::process::id()));
    // Our own orders always give JSON; what is empty would be refused.
    let text = serde_json::to_vec(order).unwrap_or_default();
    durable::replace(&path, &text, 0o600)?;
    Ok(path)
}

/// The answer to the order at `path`, once there is one; it is taken away.
///
/// # Errors
/// It cannot be read or removed.
pub fn answer(path: &Path) -> Result<Option<Answer>, durable::Error> {
    let path = answer_path(path);
    let Some(bytes) = durable::read(&path, MAX_BYTES)? else {
        return Ok(None);
    };
    durable::remove(&path)?;
    let unreadable = || Answer::Refused {
        why: "its answer cannot be read".to_owned(),
    };
    Ok(Some(
        serde_json::from_slice(&bytes).unwrap_or_else(|_| unreadable()),
    ))
}

/// Carries out what was left, in order. One that a crash interrupted is carried out by the journal's
/// next start; here it is then refused, because there is nothing left to erase.
///
/// # Errors
/// The directory or a file of it cannot be read or written.
pub fn perform(orders: &Path, intake: &Intake) -> Result<(), durable::Error> {
    for path in durable::waiting(orders, ORDERS)? {
        let answer = match durable::read(&path, MAX_BYTES) {
            Ok(bytes) => match serde_json::from_slice(&bytes.unwrap_or_default()) {
                Ok(Order::Erase(order)) => erase(&order, intake),
                Ok(Order::RenewLogKey { by }) => renew_log_key(&by, intake),
                Err(error) => Answer::Refused {
                    why: error.to_string(),
                },
            },
            // Those behind it must not wait for it for ever.
            Err(error @ durable::Error::TooLarge { .. }) => Answer::Refused {
                why: error.to_string(),
            },
            Err(error) => return Err(error),
        };
        let text = serde_json::to_vec(&answer).unwrap_or_default();
        durable::replace(&answer_path(&path), &text, 0o600)?;
        durable::remove(&path)?;
    }
    Ok(())
}

fn erase(order: &Erase, intake: &Intake) -> Answer {
    let count = order
        .entries
        .iter()
        .try_fold(0_u64, |count, (first, last)| {
            count.checked_add(last.checked_sub(*first)?.checked_add(1)?)
        });
    if order.entries.len() > MOST_RUNS || count.is_none_or(|count| count > MOST_ENTRIES) {
        return Answer::Refused {
            why: format!("an order is of {MOST_RUNS} runs and {MOST_ENTRIES} entries at most"),
        };
    }
    let numbers: Vec<u64> = order
        .entries
        .iter()
        .flat_map(|(first, last)| *first..=*last)
        .collect();
    match intake.erase(&numbers, &order.by, &order.reason) {
        Ok(receipt) => Answer::Done(Done {
            seq: receipt.seq,
            key: None,
        }),
        Err(error) => Answer::Refused {
            why: error.to_string(),
        },
    }
}

fn renew_log_key(by: &str, intake: &Intake) -> Answer {
    match intake.rotate_log_key(by) {
        Ok(rotated) => Answer::Done(Done {
            seq: rotated.receipt.seq,
            key: Some(rotated.key),
        }),
        Err(error) => Answer::Refused {
            why: error.to_string(),
        },
    }
}

fn answer_path(order: &Path) -> PathBuf {
    order.with_extension("answer")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use daypass_journal::identity::Identity;
    use daypass_journal::trust::{Trust, TrustedLog};
    use daypass_journal::verify::{self, LogKey, verify};
    use daypass_journal::writer::{Options, Writer};

    use super::*;
    use crate::intake::Ledger;
    use crate::ledger::HostJournal;

    #[test]
    fn an_order_that_is_too_large_or_too_long_is_refused_and_the_next_one_is_answered() {
        let dir = tempfile::tempdir().unwrap();
        let orders = dir.path().join("orders");
        let order = |entries: Vec<(u64, u64)>| {
            Order::Erase(Erase {
                entries,
                by: "root".into(),
                reason: "asked".into(),
            })
        };
        let endless = leave(&orders, &order(vec![(0, u64::MAX)])).unwrap();
        let many = leave(&orders, &order(vec![(5, 5); MOST_RUNS + 1])).unwrap();
        let turned = leave(&orders, &order(vec![(9, 3)])).unwrap();
        let large = orders.join("00000000000000000001-1.json");
        fs::write(&large, vec![b' '; 70_000]).unwrap();
        let (intake, _entries) = crate::fixture::intake();
        perform(&orders, &intake).unwrap();
        for path in [endless, many, turned, large] {
            let answer = answer(&path).unwrap();
            assert!(matches!(answer, Some(Answer::Refused { .. })), "{answer:?}");
        }
        assert!(durable::waiting(&orders, ORDERS).unwrap().is_empty());
    }

    #[test]
    fn the_log_is_handed_over_when_that_is_ordered() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, keys) = (dir.path().join("journal"), dir.path().join("keys"));
        let identity = Identity::create(&keys, "o/host/db1/0").unwrap();
        let writer = Writer::open(&journal, &keys, Options::default()).unwrap().0;
        let ledger: Arc<dyn Ledger> = Arc::new(HostJournal::of(writer));
        let open = move || Ok(Arc::clone(&ledger));
        let intake = Intake::start(Box::new(open), Box::new(|_| {})).unwrap();
        let orders = dir.path().join("orders");
        let path = leave(&orders, &Order::RenewLogKey { by: "alice".into() }).unwrap();
        perform(&orders, &intake).unwrap();
        let Some(Answer::Done(Done {
            seq,
            key: Some(key),
        })) = answer(&path).unwrap()
        else {
            panic!("not done");
        };
        intake.finish(&serde_json::json!({"action": "agent.stop"}));
        let log = TrustedLog::new(&identity.log_vkey(), &identity.epoch_vkey()).unwrap();
        let trust = Trust {
            logs: vec![log],
            ..Trust::default()
        };
        let report = verify(&journal, &trust, verify::Options::default());
        assert_eq!(report.exit_code(), 0, "{report}");
        assert_eq!(report.log_keys, [LogKey { seq, key }]);
    }

    #[test]
    fn an_order_is_found_and_its_answer_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let orders = dir.path().join("orders");
        assert!(durable::waiting(&orders, ORDERS).unwrap().is_empty());
        let order = Order::RenewLogKey { by: "root".into() };
        let path = leave(&orders, &order).unwrap();
        assert_eq!(
            durable::waiting(&orders, ORDERS).unwrap(),
            std::slice::from_ref(&path)
        );
        assert_eq!(answer(&path).unwrap(), None);
        let done = Answer::Done(Done { seq: 7, key: None });
        fs::write(answer_path(&path), serde_json::to_vec(&done).unwrap()).unwrap();
        assert_eq!(answer(&path).unwrap(), Some(done));
        assert_eq!(answer(&path).unwrap(), None);
    }
}
