//! Lines that no rule can be about are passed over before anything of them is read: most of what comes in is.

use regex::bytes::Regex;

/// Finds the actions that rules are about.
#[derive(Clone, Debug)]
pub(crate) struct Sieve {
    /// `None` holds everything back.
    wanted: Option<Regex>,
}

impl Sieve {
    /// Holds everything back.
    pub(super) fn open() -> Self {
        Self { wanted: None }
    }

    /// Of rules that are about these actions each; one that names none is about all.
    pub(super) fn of<'a>(rules: impl Iterator<Item = &'a [String]>) -> Self {
        let mut words: Vec<String> = Vec::new();
        for actions in rules {
            if actions.is_empty() {
                return Self::open();
            }
            words.extend(actions.iter().map(|word| regex::escape(word)));
        }
        words.sort();
        words.dedup();
        // A word, or the part of one before a dot, as JSON writes it.
        let pattern = format!("\"(?:{})[\".]", words.join("|"));
        Self {
            wanted: Regex::new(&pattern).ok(),
        }
    }

    /// Whether a rule may be about this line. A line with escapes may spell anything.
    pub(crate) fn holds_back(&self, line: &[u8]) -> bool {
        let Some(wanted) = &self.wanted else {
            return true;
        };
        line.contains(&b'\\') || wanted.is_match(line)
    }
}

#[cfg(test)]
mod tests {
    use super::super::RuleSet;

    #[test]
    fn what_no_rule_is_about_passes_and_nothing_else() {
        let rules = RuleSet::defaults().unwrap();
        let sieve = rules.sieve();
        for line in [
            r#"{"seq":7,"action":"sudo.request"}"#,
            r#"{"seq":7,"action" : "alarm.fork"}"#,
            r#"{"seq":7,"\u0061ction":"x"}"#,
            r#"{"seq":7,"action":"\u0073udo.request"}"#,
        ] {
            assert!(sieve.holds_back(line.as_bytes()), "{line}");
        }
        for line in [
            r#"{"seq":7,"action":"agent.heartbeat"}"#,
            r#"{"action":"sudo.end"}"#,
        ] {
            assert!(!sieve.holds_back(line.as_bytes()), "{line}");
        }
    }
}
