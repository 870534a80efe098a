//! What commands leave for the service, and what it answers: two files beside each other in a directory of root's and of the
//! service's. An order is removed once it is carried out, so that a stop in between loses none.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::durable;

/// Bytes of an order or an answer, at most.
const MOST: u64 = 64 * 1024;
/// How the name of an order ends, and that of its answer.
const ORDER: &str = ".order";
const ANSWER: &str = ".answer";
/// Of the files.
const FILE_MODE: u32 = 0o640;
/// How often an answer is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// Something to do.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// Erase what names a person.
    Erase {
        /// Whom.
        person: String,
        /// Who says so.
        by: String,
        /// Why.
        reason: String,
    },
    /// Hand our own journal over to a new log key.
    RenewLogKey {
        /// Who says so.
        by: String,
    },
    /// Have another witness key cosign beside the one of now.
    RenewWitnessKey,
    /// Have that one cosign alone.
    FinishWitnessKey,
    /// Put the index that was made anew in place of the one that serves.
    Reindexed,
}

/// What became of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// It is done.
    Done {
        /// How many entries or segments it was about.
        count: u64,
        /// Segments that are lost, in which it is done when they are back.
        #[serde(default)]
        waiting: u64,
    },
    /// Our own journal has another log key.
    Renewed {
        /// The entry that says so.
        entry: u64,
        /// The key, as a vkey.
        key: String,
    },
    /// The witness key's renewal has begun, or is over.
    WitnessKey {
        /// The key that is new, as a vkey.
        key: String,
        /// Why the CA has not been told of it yet; absent where it has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        untold: Option<String>,
    },
    /// It is not; it stays to be tried again where that may help.
    Failed {
        /// Why.
        why: String,
    },
}

/// Leaves an order in `dir`, durably; the answer will be beside the path that is returned.
///
/// # Errors
/// When the file cannot be written.
pub fn leave(dir: &Path, order: &Order) -> io::Result<PathBuf> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let name = format!("{:020}-{}{ORDER}", since.as_nanos(), std::process::id());
    let path = dir.join(name);
    durable::replace(&path, FILE_MODE, &serde_json::to_vec(order)?)?;
    Ok(path)
}

/// Waits for the answer to an order; `None` when none comes in time.
///
/// # Errors
/// When it cannot be read.
pub fn answer(order: &Path, patience: Duration) -> io::Result<Option<Answer>> {
    let path = order.with_extension(&ANSWER[1..]);
    let begun = Instant::now();
    while begun.elapsed() < patience {
        match read(&path) {
            Ok(answer) => {
                std::fs::remove_file(&path)?;
                return Ok(Some(answer));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => std::thread::sleep(LOOK),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The orders in `dir`, oldest first. A file that is none is answered so.
///
/// # Errors
/// When the directory cannot be read.
pub fn waiting(dir: &Path) -> io::Result<Vec<(PathBuf, Order)>> {
    let mut paths = Vec::new();
    for file in std::fs::read_dir(dir)? {
        let path = file?.path();
        if path.to_str().is_some_and(|path| path.ends_with(ORDER)) {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    let mut orders = Vec::new();
    for path in paths {
        match read(&path) {
            Ok(order) => orders.push((path, order)),
            // Answered just now, by another thread of the service.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => fulfil(
                &path,
                &Answer::Failed {
                    why: format!("the order cannot be read: {error}"),
                },
            )?,
        }
    }
    Ok(orders)
}

/// Answers an order, which is one no longer.
///
/// # Errors
/// When the answer cannot be written.
pub fn fulfil(order: &Path, answer: &Answer) -> io::Result<()> {
    let path = order.with_extension(&ANSWER[1..]);
    durable::replace(&path, FILE_MODE, &serde_json::to_vec(answer)?)?;
    match std::fs::remove_file(order) {
        // One that cannot be read is answered by whoever comes to it.
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> io::Result<T> {
    let bytes = std::fs::read(path)?;
    if bytes.len() as u64 > MOST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too long"));
    }
    Ok(serde_json::from_slice(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_there_until_it_is_answered_and_the_answer_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let order = Order::Erase {
            person: "carol".to_owned(),
            by: "root".to_owned(),
            reason: "asked on 3 May".to_owned(),
        };
        let path = leave(dir.path(), &order).unwrap();
        std::fs::write(dir.path().join("0.order"), "{\"erase\":{}}").unwrap();
        assert_eq!(waiting(dir.path()).unwrap(), [(path.clone(), order)]);
        assert_eq!(answer(&path, Duration::ZERO).unwrap(), None);
        let done = Answer::Done {
            count: 3,
            waiting: 1,
        };
        fulfil(&path, &done).unwrap();
        assert_eq!(waiting(dir.path()).unwrap(), []);
        assert_eq!(answer(&path, Duration::from_secs(9)).unwrap(), Some(done));
        let other = answer(&dir.path().join("0.order"), Duration::from_secs(9)).unwrap();
        assert!(matches!(other, Some(Answer::Failed { .. })), "{other:?}");
    }
}
