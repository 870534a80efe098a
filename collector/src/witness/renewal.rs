//! The witness key is renewed: after two years, or when root orders it. The next key is named by the one before, and the CA
//! told; hosts learn of it from the state. For a month both cosign, so that whoever verifies has time to hear of it. Then the
//! next key says that it stands alone, and takes the place of the one before.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use daypass_protocol::time::Time;
use daypass_protocol::witness_key::Reason;
use daypass_transport::client::{self, Client};

use super::steps::{
    RenewalError, born, end, name_heir, settled, tell, tell_what_is_owed, under_way,
};
use crate::clock::Now;
use crate::collector::Collector;
use crate::layout::Layout;
use crate::orders::{self, Answer, Order};

/// So long a witness key cosigns alone, in seconds: two years.
const LIFE: u64 = 2 * 365 * 86_400;
/// After the CA has refused, it is asked again this much later.
const AGAIN: Duration = Duration::from_secs(600);

/// What is remembered of it from one look to the next.
pub struct Renewal {
    orders: PathBuf,
    /// When the first key was made.
    first: Option<Time>,
    refused: Option<Instant>,
    /// What was complained of last.
    told: Option<String>,
}

impl Renewal {
    /// Has not looked yet.
    pub fn new(layout: &Layout) -> Self {
        Self {
            orders: layout.orders(),
            first: None,
            refused: None,
            told: None,
        }
    }

    /// Does what there is to do: orders first, then what time brings. What cannot be done is told once, and tried again.
    pub fn once(&mut self, collector: &Collector, ca: &Client, now: Now) {
        if self.carry_out(collector, ca, now) {
            // What the CA was told just now, its state says the next time.
            return;
        }
        let outcome = self.go_on(collector, ca, now);
        let said = outcome.as_ref().err();
        let said = said.map(|error| crate::diagnostic::sentence(error));
        if let Err(error) = &outcome
            && self.told != said
        {
            let error = error as &dyn std::error::Error;
            tracing::error!(error, "the witness key stays as it is");
        }
        self.told = said;
    }

    fn go_on(&mut self, collector: &Collector, ca: &Client, now: Now) -> Result<(), RenewalError> {
        if let Some(own) = settled(collector)?
            && self.is_due(collector, now.time())?
        {
            name_heir(collector, &own, Reason::Age, now.time())?;
        }
        if self.refused.is_some_and(|last| last.elapsed() < AGAIN) {
            return Ok(());
        }
        let outcome = tell_what_is_owed(collector, ca, now.time());
        self.refused = matches!(&outcome, Err(RenewalError::Call(client::Error::Api { .. })))
            .then(Instant::now);
        outcome
    }

    /// Whether the key has cosigned alone for as long as one may.
    fn is_due(&mut self, collector: &Collector, now: Time) -> Result<bool, RenewalError> {
        let witness = collector.witness();
        if witness.heir().is_some() {
            return Ok(false);
        }
        let since = match (witness.named(), self.first) {
            (Some(named), _) => named.said.time,
            (None, Some(first)) => first,
            (None, None) => *self.first.insert(born(collector)?),
        };
        Ok(since.plus(LIFE) <= now)
    }

    /// Whether there was anything to carry out.
    fn carry_out(&self, collector: &Collector, ca: &Client, now: Now) -> bool {
        let waiting = match orders::waiting(&self.orders) {
            Ok(waiting) => waiting,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "orders cannot be looked for");
                return false;
            }
        };
        let mut any = false;
        for (path, order) in waiting {
            let done = match order {
                Order::RenewWitnessKey => begin_at_once(collector, ca, now.time()),
                Order::FinishWitnessKey => end_at_once(collector, ca, now.time()),
                Order::Erase { .. } | Order::RenewLogKey { .. } | Order::Reindexed => continue,
            };
            any = true;
            let answer = done.unwrap_or_else(|error| failed(crate::diagnostic::sentence(&error)));
            if let Err(error) = orders::fulfil(&path, &answer) {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "an order could not be answered");
            }
        }
        any
    }
}

fn failed(why: String) -> Answer {
    Answer::Failed { why }
}

fn begin_at_once(collector: &Collector, ca: &Client, now: Time) -> Result<Answer, RenewalError> {
    let own = settled(collector)?.ok_or(RenewalError::NotNamed)?;
    if let Some(named) = under_way(collector) {
        let since = named.said.time;
        return Ok(failed(format!(
            "it is being renewed already, since {since}; --finish ends that"
        )));
    }
    name_heir(collector, &own, Reason::Request, now)?;
    let named = under_way(collector).ok_or(RenewalError::NotNamed)?;
    // The key is named, and stays so: where the CA is away, it is told later.
    let untold = tell(ca, &named.signed).err();
    Ok(Answer::WitnessKey {
        key: named.said.heir,
        untold: untold
            .as_ref()
            .map(|error| crate::diagnostic::sentence(error)),
    })
}

fn end_at_once(collector: &Collector, ca: &Client, now: Time) -> Result<Answer, RenewalError> {
    settled(collector)?;
    let Some(named) = under_way(collector) else {
        return Ok(failed(
            "it is not being renewed; without --finish, this command begins that".to_owned(),
        ));
    };
    tell(ca, &named.signed)?;
    end(collector, ca, Reason::Request, now)?;
    Ok(Answer::WitnessKey {
        key: named.said.heir,
        untold: None,
    })
}
