//! What the service does all the time: asks the CA for rosters and state, and renews its own certificate and witness key in
//! time.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use daypass_protocol::event::Event;

use crate::certificate::{CertificateError, Papers};
use crate::clock::Now;
use crate::config::Config;
use crate::layout::Layout;
use crate::refresh::{Refresh, RefreshError};
use crate::server::Server;
use crate::witness::renewal::Renewal;

/// Between an answer of the CA's, which waits for news, and the next question.
const PAUSE: Duration = Duration::from_millis(500);
/// The same while it does not answer.
const LONG_PAUSE: Duration = Duration::from_secs(10);

/// What it is done with.
pub(crate) struct Upkeep {
    papers: Papers,
    refresh: Refresh,
    config: Config,
    layout: Layout,
    told: Told,
    witness: Renewal,
}

impl Upkeep {
    pub(crate) fn new(
        papers: Papers,
        config: Config,
        layout: Layout,
    ) -> Result<Self, CertificateError> {
        Ok(Self {
            refresh: papers.refresh(&config.ca_setup)?,
            papers,
            witness: Renewal::new(&layout),
            config,
            layout,
            told: Told::default(),
        })
    }

    /// Until the other end is dropped.
    pub(crate) fn run(mut self, server: &Server, stopped: &Receiver<()>) {
        loop {
            let mut pause = PAUSE;
            let asked = self.ask(server);
            let told = self
                .told
                .tell(&asked, |alarm| server.collector().record(alarm));
            if let Err(error) = told {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "an alarm could not be journalled");
            }
            if let Err(error) = asked {
                pause = LONG_PAUSE;
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the CA's rosters and state are those of before");
            }
            if let Err(error) = self.follow_roots(server) {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the X.509 roots are those of before");
            }
            if let Err(error) = self.renew(server) {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "this collector's certificate could not be renewed");
            }
            self.witness
                .once(server.collector(), self.refresh.client(), Now::read());
            match stopped.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn ask(&self, server: &Server) -> Result<(), RefreshError> {
        let collector = server.collector();
        self.refresh.ask(collector.authority(), |alarm| {
            tracing::error!(
                "ALARM: the CA's rosters were changed by the recovery key, by no admin"
            );
            collector.record(alarm)
        })
    }

    fn follow_roots(&mut self, server: &Server) -> Result<(), CertificateError> {
        let Some(roots) = server.collector().authority().roots() else {
            return Ok(());
        };
        if let Some(papers) = self.papers.under(&roots, &self.layout)? {
            self.take(server, papers)?;
            tracing::info!("the CA's X.509 roots are others now");
        }
        Ok(())
    }

    /// Shows these papers from now on.
    fn take(&mut self, server: &Server, papers: Papers) -> Result<(), CertificateError> {
        server.show(papers.server()?);
        self.refresh = papers.refresh(&self.config.ca_setup)?;
        self.papers = papers;
        Ok(())
    }

    fn renew(&mut self, server: &Server) -> Result<(), CertificateError> {
        if !self.papers.are_due(SystemTime::now())? {
            return Ok(());
        }
        let renewed = self.papers.renew(&self.layout, self.refresh.client())?;
        self.take(server, renewed)?;
        tracing::info!("this collector's certificate was renewed");
        Ok(())
    }
}

/// What the alarm that was raised last is about.
#[derive(Default)]
struct Told(Option<String>);

impl Told {
    /// Tells an alarm once, however often the CA repeats what it is about. Once the CA's word holds again, the next is another.
    fn tell<E>(
        &mut self,
        asked: &Result<(), RefreshError>,
        tell: impl FnOnce(&Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let word = match asked {
            Ok(()) => {
                self.0 = None;
                return Ok(());
            }
            Err(RefreshError::Word(word)) => word,
            Err(_) => return Ok(()),
        };
        let (Some(alarm), gist) = (word.alarm(), word.gist()) else {
            return Ok(());
        };
        if self.0.as_ref() != Some(&gist) {
            tell(&alarm)?;
            self.0 = Some(gist);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use daypass_protocol::state;
    use daypass_protocol::time::Time;

    use super::*;

    #[test]
    fn a_state_that_is_dated_ahead_is_told_once_until_the_cas_word_holds_again() {
        let mut told = Told::default();
        let ahead = |found| {
            let now = Time::from_unix(0);
            let found = Time::from_unix(found);
            Err(RefreshError::Word(
                state::Error::Ahead { now, found }.into(),
            ))
        };
        let mut count = |asked: &Result<(), RefreshError>, is_full: bool| {
            let mut count = 0;
            let outcome = told.tell(asked, |_| {
                count += 1;
                if is_full { Err("full") } else { Ok(()) }
            });
            assert_eq!(outcome.is_err(), is_full);
            count
        };
        assert_eq!(count(&ahead(7000), true), 1);
        assert_eq!(count(&ahead(7001), false), 1, "it was not told");
        assert_eq!(count(&ahead(7002), false), 0);
        assert_eq!(count(&Err(RefreshError::Unsigned), false), 0);
        assert_eq!(count(&ahead(7003), false), 0, "nothing held meanwhile");
        assert_eq!(count(&Ok(()), false), 0);
        assert_eq!(count(&ahead(7004), false), 1);
    }
}
