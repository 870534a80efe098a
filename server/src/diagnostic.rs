//! Everything that `daypass-server` says: what happened, and what to do next.

use std::error::Error;
use std::fmt::Write as _;

use crate::init::InitError;
use crate::programs::{ProgramError, Status};

/// Before the CA is made.
pub(crate) const MAKES_CA: &str = "Making the certificate authority, under the user daypass-ca.";
/// Before the collector is made.
pub(crate) const MAKES_COLLECTOR: &str = "Making the collector, under the user daypass-collector.";

/// What comes next.
pub fn of_done(status: &Status) -> String {
    format!(
        "\nCA and collector run, and will after every boot. The CA's pin, by which everybody knows it:

    {pin}
{next}
The line for everybody's daypass setup; nothing in it is secret:

    {setup}

For each host, an admin on their own machine, or root here, makes the line that enrols it:

    daypass host token db1            # here: daypass-ca host token db1
    daypass host token --group db --uses 20 --for 1d

and it is pasted on the host, by root:

    apt install daypass-host
    daypass-agent enroll
",
        pin = status.ca,
        setup = status.setup,
        next = of_roster(status),
    )
}

/// What the first admin does, while it is not done.
fn of_roster(status: &Status) -> String {
    if status.active {
        return String::new();
    }
    let admin = status.admins.first().map_or("NAME", String::as_str);
    format!(
        "
Next, {admin}, on their own machine, compares the pin and signs the first roster:

    daypass setup {setup} --person {admin}
    daypass roster sign --pin {pin}

Until then the CA answers nothing else. The collector waits for it and needs nobody afterwards.
",
        setup = status.setup,
        pin = status.ca,
    )
}

/// What is said when it failed: the error with its causes, then what to do.
pub fn of_error(error: &InitError) -> String {
    let mut text = format!("daypass-server: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            let _ = write!(text, ": {said}");
        }
        cause = error.source();
    }
    let advice = match error {
        InitError::NotRoot => "Run it as root: sudo daypass-server init …".to_owned(),
        InitError::SetUp(status) => {
            let next = of_roster(status);
            if next.is_empty() {
                "Nothing was changed. How it fares: daypass-ca status".to_owned()
            } else {
                format!("Nothing was changed.\n{next}")
            }
        }
        InitError::Program(ProgramError::Run { .. }) => {
            "The package daypass-server brings the programs: apt install --reinstall daypass-server"
                .to_owned()
        }
        InitError::Program(_) | InitError::Unit { .. } => {
            "Mend that and run the same line again; it goes on from there.".to_owned()
        }
        InitError::Output(_) => "daypass-ca status says it again.".to_owned(),
    };
    let _ = write!(text, "\n{advice}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(active: bool) -> Status {
        Status {
            ca: "ab12".to_owned(),
            setup: "daypass-setup-1.x".to_owned(),
            active,
            admins: if active {
                vec![]
            } else {
                vec!["alice".to_owned()]
            },
            collectors: Vec::new(),
        }
    }

    #[test]
    fn the_first_admins_next_line_is_said_until_it_is_done() {
        let first = of_done(&status(false));
        for part in [
            "daypass setup daypass-setup-1.x --person alice",
            "daypass roster sign --pin ab12",
            "daypass-ca host token db1",
        ] {
            assert!(first.contains(part), "{part}: {first}");
        }
        let later = of_done(&status(true));
        assert!(!later.contains("roster sign"), "{later}");
        assert!(later.contains("daypass host token"), "{later}");
    }

    #[test]
    fn a_second_run_says_that_nothing_was_changed_and_what_is_still_to_do() {
        let said = of_error(&InitError::SetUp(Box::new(status(false))));
        for part in [
            "set up already",
            "Nothing was changed",
            "roster sign --pin ab12",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }

    #[test]
    fn a_failure_half_way_says_that_the_same_line_goes_on() {
        let said = of_error(&InitError::Unit {
            unit: "daypass-ca.service",
            log: "cannot listen on [::]:7443".to_owned(),
        });
        assert!(said.contains("cannot listen"), "{said}");
        assert!(said.contains("run the same line again"), "{said}");
    }
}
