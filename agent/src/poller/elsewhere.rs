//! Where states come from while the CA is out of reach: the collectors that the last one named. What they hand on is the CA's
//! own signed word, judged as if the CA had said it; nothing else of theirs is believed.

use daypass_protocol::state::{Collector, SignedState, State};
use daypass_protocol::token::CaUrl;

use super::Source;
use crate::enrolment::Enrolment;
use crate::layout::Layout;

/// Finds the way to collectors.
pub trait Elsewhere: Send {
    /// A source at each of these, in their order; those that cannot be set up are left out.
    fn sources(&self, collectors: &[Collector]) -> Vec<(CaUrl, Box<dyn Source>)>;
}

/// The way of an enrolled host: by its own client certificate.
#[derive(Debug)]
pub struct ByCertificate(pub Layout);

impl Elsewhere for ByCertificate {
    fn sources(&self, collectors: &[Collector]) -> Vec<(CaUrl, Box<dyn Source>)> {
        // Read anew: the certificate is renewed from time to time.
        let Ok(enrolment) = Enrolment::load(&self.0) else {
            return Vec::new();
        };
        let client = |collector: &Collector| {
            let client = enrolment.client_for(&collector.url).ok()?;
            Some((collector.url.clone(), Box::new(client) as Box<dyn Source>))
        };
        collectors.iter().filter_map(client).collect()
    }
}

/// Whether a state that somebody hands on may be news to who knows `known`. It is taken at its word here, and checked when it
/// is taken over.
pub(super) fn is_news(signed: &SignedState, known: &State) -> bool {
    signed.read_unverified().is_ok_and(|found| {
        found.incarnation != known.incarnation
            || (found.number, found.time) > (known.number, known.time)
    })
}
