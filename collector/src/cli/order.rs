//! What commands have the running service do: the order is left, and its answer awaited.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::layout::Layout;
use crate::orders::{self, Answer, Order};
use crate::ownership::{self, OwnershipError};

/// Why it is not done, as far as is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderError {
    /// Files cannot be given to the service's user.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// The order could not be left, or its answer not be read.
    #[error("the service cannot be told in {}", path.display())]
    Untold {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No answer.
    #[error(
        "the service has not answered for {} minutes; the order in {} stays, and it will carry it out",
        patience.as_secs() / 60, path.display()
    )]
    NoAnswer {
        /// The order.
        path: PathBuf,
        /// How long it was awaited.
        patience: Duration,
    },
    /// The service says why not.
    #[error("the service could not do it: {why}")]
    Failed {
        /// Why.
        why: String,
    },
    /// It says what nobody asked for.
    #[error("the service answered something else than was asked; are both of one version?")]
    Unfitting,
}

/// Has the service carry out `order`; `fits` takes what the command understands out of the answer.
pub(super) fn carry_out<T>(
    layout: &Layout,
    order: &Order,
    patience: Duration,
    fits: impl FnOnce(Answer) -> Option<T>,
) -> Result<T, OrderError> {
    let untold = |source| OrderError::Untold {
        path: layout.orders(),
        source,
    };
    let path = orders::leave(&layout.orders(), order).map_err(untold)?;
    ownership::restore(&layout.orders())?;
    match orders::answer(&path, patience).map_err(untold)? {
        Some(Answer::Failed { why }) => Err(OrderError::Failed { why }),
        Some(answer) => fits(answer).ok_or(OrderError::Unfitting),
        None => Err(OrderError::NoAnswer { path, patience }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// What the command says where the service answers so, in a directory of its own.
    fn said(answer: Option<Answer>) -> Result<u64, OrderError> {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        std::fs::create_dir(layout.orders()).unwrap();
        let patience = match answer {
            Some(_) => Duration::from_secs(60),
            None => Duration::ZERO,
        };
        let orders = layout.orders();
        std::thread::scope(|scope| {
            if let Some(answer) = answer {
                scope.spawn(move || {
                    let begun = Instant::now();
                    while begun.elapsed() < patience {
                        if let Some((order, _)) = orders::waiting(&orders).unwrap().pop() {
                            return orders::fulfil(&order, &answer).unwrap();
                        }
                    }
                });
            }
            carry_out(
                &layout,
                &Order::RenewWitnessKey,
                patience,
                |answer| match answer {
                    Answer::Done { count, .. } => Some(count),
                    _ => None,
                },
            )
        })
    }

    #[test]
    fn an_answer_that_fits_is_taken_and_any_other_is_told() {
        let done = Answer::Done {
            count: 3,
            waiting: 0,
        };
        assert_eq!(said(Some(done)).unwrap(), 3);
        let failed = Answer::Failed {
            why: "no room".to_owned(),
        };
        let failed = said(Some(failed)).unwrap_err().to_string();
        assert_eq!(failed, "the service could not do it: no room");
        let other = Answer::Renewed {
            entry: 1,
            key: String::new(),
        };
        assert!(matches!(said(Some(other)), Err(OrderError::Unfitting)));
        assert!(matches!(said(None), Err(OrderError::NoAnswer { .. })));
    }

    #[test]
    fn where_an_order_cannot_be_left_it_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().join("not here"));
        let error = carry_out(&layout, &Order::RenewWitnessKey, Duration::ZERO, Some);
        assert!(matches!(error, Err(OrderError::Untold { .. })));
    }
}
