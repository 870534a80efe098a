//! What people are told. What happened is in the errors themselves, with what to do where there is one thing to do;
//! here they are put into sentences, and here stands what comes next.

use std::error::Error;
use std::fmt::Write as _;

/// After `init`.
pub(crate) const AFTER_INIT: &str = "\
The line above is the request of this collector. Nothing in it is secret. On the CA's machine, as root:

    daypass-ca collector add < REQUEST > ANSWER

and back here:

    daypass-collector accept < ANSWER";

/// After `accept`.
pub(crate) const AFTER_ACCEPT: &str = "\
The CA knows this collector. Start it:

    systemctl enable --now daypass-collector

Hosts learn of it from the CA's signed state, and forward their journals by themselves.";

/// An error with all its causes, in one paragraph. A cause that the message before it quotes is not said twice.
pub(crate) fn explain(error: &dyn Error) -> String {
    format!("daypass-collector: {}", sentence(error))
}

/// The same without the program's name.
pub(crate) fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let message = source.to_string();
        if !said.contains(&message) {
            // Writing to a string cannot fail.
            let _ = write!(text, ": {message}");
        }
        said = message;
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the lid is shut")]
    struct Lid(#[source] Hinge);

    #[derive(Debug, thiserror::Error)]
    #[error("the hinge is rusty")]
    struct Hinge;

    #[test]
    fn causes_are_told_once() {
        assert_eq!(
            explain(&Lid(Hinge)),
            "daypass-collector: the lid is shut: the hinge is rusty"
        );
    }
}
