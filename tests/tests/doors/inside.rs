//! A contractor's session that is open while something breaks, and what they get in it.

use daypass_tests::{CAROL, Error, Result, Running, SOON, Site};

/// What a contractor gets meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gets {
    /// In, or what was asked for.
    Served,
    /// No, and a word on whom to ask.
    Refused,
    /// No, by sudo itself, which has no rule for it.
    Nothing,
    /// The session is over.
    Ended,
}

/// A contractor's session that is open all the while, with a shell that does what it is told.
pub(crate) struct Inside(Running);

impl Inside {
    pub(crate) fn enter(site: &Site) -> Result<Self> {
        let mut shell = site.person(CAROL).ssh("deploy@db1", &["sh"]).spawn()?;
        shell.write(b"echo inside\n")?;
        shell.await_text("inside", SOON)?;
        Ok(Self(shell))
    }

    pub(crate) fn sudo(&mut self, when: &str) -> Result<()> {
        let line = format!("sudo -n /usr/bin/id -un 2>&1; echo {when} $?\n");
        self.0.write(line.as_bytes())
    }

    pub(crate) fn gets(&mut self, when: &str, what: Gets) -> Result<()> {
        match what {
            Gets::Served => self.0.await_text(&format!("root\n{when} 0\n"), SOON),
            Gets::Refused => {
                self.0.await_text(&format!("{when} 1\n"), SOON)?;
                let (said, _) = self.0.so_far();
                let last = said.rsplit_once(&format!("{when} 1\n"));
                let told = last.is_some_and(|(before, _)| {
                    let own = before.rsplit(" 0\n").next().unwrap_or_default();
                    own.contains("whoever runs") || own.contains("daypass request")
                });
                assert!(told, "{said}");
                Ok(())
            }
            Gets::Nothing => self.0.await_text(&format!("{when} 1\n"), SOON),
            Gets::Ended => daypass_tests::until("the session's end", SOON, || {
                Ok::<_, Error>(self.0.has_ended())
            }),
        }
    }
}
