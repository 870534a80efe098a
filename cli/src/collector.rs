//! The collector, as its readers see it: under the CA's X.509 root, each request signed as towards the CA.

use daypass_protocol::forwarding::{Entries, log_path};
use daypass_protocol::token::CaUrl;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ca::{Ca, Call, Wire};
use crate::diagnostic::Failure;

/// `--collector[=URL]`: without a URL the first that the CA's state names.
pub(crate) const NAMED_BY_CA: &str = "";

/// A collector of the configured CA, asked as the person whose machine it is.
pub(crate) struct Collector<'a> {
    ca: &'a Ca,
    wire: Wire,
}

/// The value of `--collector`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Which {
    /// The first that the CA's state names.
    NamedByCa,
    /// The one at this address.
    At(CaUrl),
}

impl std::str::FromStr for Which {
    type Err = daypass_protocol::token::InvalidUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            NAMED_BY_CA => Ok(Self::NamedByCa),
            url => url.parse().map(Self::At),
        }
    }
}

impl<'a> Collector<'a> {
    /// Finds it; the collector itself is not asked yet.
    pub(crate) fn find(ca: &'a Ca, which: &Which) -> Result<Self, Failure> {
        let url = match which {
            Which::At(url) => url.clone(),
            Which::NamedByCa => {
                let named = ca.announced()?.collectors.into_iter().next();
                named.ok_or(Failure::NoCollector)?.url
            }
        };
        let wire = ca.wire_to(&url)?;
        Ok(Self { ca, wire })
    }

    /// The entries that a query (`key=value&…`, encoded) finds.
    pub(crate) fn entries(&self, query: &str) -> Result<Entries, Failure> {
        let path = format!("/v1/entries?{query}");
        self.wire.call(Call::Get(&path), Some(self.ca))
    }

    /// The answer to a question.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.wire.call(Call::Get(path), Some(self.ca))
    }

    /// The answer to something that is sent.
    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        wish: &impl Serialize,
    ) -> Result<T, Failure> {
        let body =
            serde_json::to_vec(wish).map_err(|error| self.wire.garbled(error.to_string()))?;
        self.wire.call(Call::Post(path, &body), Some(self.ca))
    }

    /// The newest checkpoint of a journal: a signed note.
    pub(crate) fn checkpoint(&self, origin: &str) -> Result<String, Failure> {
        let path = format!("{}/checkpoint", log_path(origin));
        let note = self.wire.fetch(Call::Get(&path), Some(self.ca))?;
        String::from_utf8(note).map_err(|error| self.wire.garbled(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_by_its_address_or_by_the_ca() {
        assert_eq!("".parse(), Ok(Which::NamedByCa));
        let url = "https://c.example:7444";
        assert_eq!(url.parse(), Ok(Which::At(url.parse().expect("a URL"))));
        assert!("./journal".parse::<Which>().is_err());
    }
}
