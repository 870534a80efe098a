//! Who reads what: the pages of one answer, and a live view that asks twice a second, are one reading.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use daypass_protocol::name::Name;

/// A reading that goes on is journalled anew after this.
const READING: Duration = Duration::from_secs(600);
/// Readings remembered at most.
const REMEMBERED: usize = 10_000;

/// Readings that were journalled lately.
#[derive(Default)]
pub(super) struct Readers {
    seen: Mutex<HashMap<(Name, String), Instant>>,
}

impl Readers {
    /// The query without what only says where to go on, when it is to be journalled.
    pub(super) fn news(&self, person: &Name, query: &str) -> Option<String> {
        let asked: Vec<&str> = query
            .split('&')
            .filter(|pair| {
                !pair.is_empty()
                    && !pair.starts_with("cursor=")
                    && !pair.starts_with("before=")
                    && !pair.starts_with("limit=")
                    && !pair.starts_with("wait=")
            })
            .collect();
        let asked = asked.join("&");
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        let key = (person.clone(), asked.clone());
        match seen.get(&key) {
            Some(since) if now.saturating_duration_since(*since) < READING => None,
            _ => {
                seen.insert(key, now);
                Some(asked)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_of_one_answer_are_one_reading() {
        let readers = Readers::default();
        let carol = "carol".parse().unwrap();
        assert_eq!(
            readers.news(&carol, "user=bob&limit=9"),
            Some("user=bob".to_owned())
        );
        assert_eq!(readers.news(&carol, "user=bob&cursor=a.1.2"), None);
        assert_eq!(readers.news(&carol, ""), Some(String::new()));
        assert_eq!(
            readers.news(&"dave".parse().unwrap(), ""),
            Some(String::new())
        );
    }
}
