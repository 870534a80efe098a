//! What the service does all the time: asks the CA for rosters and state, and renews its own certificate in time.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use crate::certificate::{CertificateError, Papers};
use crate::config::Config;
use crate::layout::Layout;
use crate::refresh::{Refresh, RefreshError};
use crate::server::Server;

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
    /// The alarm that was raised last.
    told: Option<String>,
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
            config,
            layout,
            told: None,
        })
    }

    /// Until the other end is dropped.
    pub(crate) fn run(mut self, server: &Server, stopped: &Receiver<()>) {
        loop {
            let mut pause = PAUSE;
            if let Err(error) = self.ask(server) {
                pause = LONG_PAUSE;
                self.tell(server, &error);
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

    /// Journals an alarm once, however often the CA repeats what it is about.
    fn tell(&mut self, server: &Server, error: &RefreshError) {
        let RefreshError::Word(error) = error else {
            return;
        };
        let (Some(alarm), text) = (error.alarm(), error.gist()) else {
            return;
        };
        if self.told.as_ref() == Some(&text) {
            return;
        }
        match server.collector().record(&alarm) {
            Ok(()) => self.told = Some(text),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "an alarm could not be journalled");
            }
        }
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
