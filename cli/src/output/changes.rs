//! What two lists of facts do not share, for whoever is about to sign the second.

use super::inert::inert;

/// One inert line a fact: what goes marked `-`, then what comes marked `+`.
pub(crate) fn changes(before: &[String], after: &[String]) -> Vec<String> {
    let only = |sign: &'static str, of: &[String], without: &[String]| -> Vec<String> {
        of.iter()
            .filter(|fact| !without.contains(fact))
            .map(|fact| format!("    {sign} {}", inert(fact)))
            .collect()
    };
    let mut lines = only("-", before, after);
    lines.extend(only("+", after, before));
    lines
}
