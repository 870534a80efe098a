//! A collector's witness key and the one after it: what the collector may say of them, and what follows.
//!
//! The key before names the next one, and both cosign; then the next one says that it stands alone. What is said twice changes
//! nothing, so that an answer that is lost may be asked for again.

use daypass_journal::witness::has_vouched;
use daypass_protocol::digest::Pin;
use daypass_protocol::witness_key::{SignedWitnessSuccession, Step, WitnessSuccession};

use super::{CollectorRefusal, witness_key};
use crate::store::{AdmittedCollector, FormerWitness};

/// What follows from a succession.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is so already.
    Nothing,
    /// The heir is named beside the key before it.
    Begins,
    /// The heir takes its place.
    Ends,
}

/// Checks what `caller` says against itself and this CA, and that the key that has to has signed it.
///
/// # Errors
/// What is wrong with it.
pub fn check(
    signed: &SignedWitnessSuccession,
    ca: Pin,
    caller: &AdmittedCollector,
) -> Result<WitnessSuccession, CollectorRefusal> {
    let said = signed
        .read_unverified()
        .map_err(|error| CollectorRefusal::Unsaid(error.to_string()))?;
    if said.ca != ca {
        return Err(CollectorRefusal::OtherCa {
            expected: ca,
            found: said.ca,
        });
    }
    if said.url.as_str() != caller.url {
        return Err(CollectorRefusal::OtherCollector {
            caller: caller.url.clone(),
            found: said.url.to_string(),
        });
    }
    let (before, heir) = (witness_key(&said.witness)?, witness_key(&said.heir)?);
    if before.name() != heir.name() {
        return Err(CollectorRefusal::WitnessName {
            expected: before.name().to_owned(),
            found: heir.name().to_owned(),
        });
    }
    let signer = match said.step {
        Step::Begins => &before,
        Step::Ends => &heir,
    };
    if !has_vouched(signer, &signed.succession, &signed.signature) {
        return Err(CollectorRefusal::NotVouched {
            signer: signer.to_string(),
        });
    }
    Ok(said)
}

/// What follows from it for the collector that says it, by what is known of all of them.
///
/// # Errors
/// When it does not follow from the keys that are known.
pub fn judge(
    said: &WitnessSuccession,
    known: &[AdmittedCollector],
    former: &[FormerWitness],
) -> Result<Change, CollectorRefusal> {
    let url = said.url.as_str();
    let own = known.iter().find(|one| one.url == url);
    let own = own.ok_or_else(|| CollectorRefusal::Unknown {
        url: url.to_owned(),
    })?;
    let is_named = own.witness == said.witness && own.heir.as_ref() == Some(&said.heir);
    match said.step {
        Step::Begins if is_named => Ok(Change::Nothing),
        Step::Ends if is_named => Ok(Change::Ends),
        Step::Ends if has_taken_over(said, own, former) => Ok(Change::Nothing),
        Step::Begins if own.witness == said.witness && own.heir.is_some() => {
            Err(CollectorRefusal::UnderWay {
                url: url.to_owned(),
            })
        }
        Step::Begins if own.witness == said.witness => {
            is_fresh(&said.heir, known, former).map(|()| Change::Begins)
        }
        Step::Begins | Step::Ends => Err(CollectorRefusal::OtherWitness {
            url: url.to_owned(),
        }),
    }
}

fn has_taken_over(
    said: &WitnessSuccession,
    own: &AdmittedCollector,
    former: &[FormerWitness],
) -> bool {
    own.witness == said.heir
        && former.iter().any(|one| {
            one.url == own.url
                && one.witness == said.witness
                && one.heir.as_ref() == Some(&said.heir)
        })
}

fn is_fresh(
    heir: &str,
    known: &[AdmittedCollector],
    former: &[FormerWitness],
) -> Result<(), CollectorRefusal> {
    let known = known
        .iter()
        .find(|one| one.witnesses().any(|key| key == heir))
        .map(|one| &one.url);
    let former = former.iter().find(|one| one.witness == heir);
    match known.or(former.map(|one| &one.url)) {
        Some(url) => Err(CollectorRefusal::HeirTaken { url: url.clone() }),
        None => Ok(()),
    }
}

/// Whether a key that this collector had once was followed by the one that it has, by its own word each time.
pub fn leads(witness: &str, collector: &AdmittedCollector, former: &[FormerWitness]) -> bool {
    let mut key = witness;
    // Each step is another row, so there are no more steps than rows.
    for _ in former {
        let row = former
            .iter()
            .find(|one| one.url == collector.url && one.witness == key);
        let Some(heir) = row.and_then(|one| one.heir.as_deref()) else {
            return false;
        };
        if heir == collector.witness {
            return true;
        }
        key = heir;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collector(witness: &str) -> AdmittedCollector {
        AdmittedCollector {
            url: "https://log:7444".to_owned(),
            names: vec!["log".to_owned()],
            witness: witness.to_owned(),
            heir: None,
            certificate: [0; 32],
            added: 1,
            expires: 2,
        }
    }

    fn former(witness: &str, heir: Option<&str>) -> FormerWitness {
        FormerWitness {
            witness: witness.to_owned(),
            url: "https://log:7444".to_owned(),
            heir: heir.map(str::to_owned),
        }
    }

    #[test]
    fn a_key_leads_to_the_one_of_today_by_every_renewal_between() {
        let rows = [
            former("one", Some("two")),
            former("two", Some("three")),
            former("gone", None),
        ];
        let today = collector("three");
        for (key, does) in [
            ("one", true),
            ("two", true),
            ("three", false),
            ("gone", false),
            ("never", false),
        ] {
            assert_eq!(leads(key, &today, &rows), does, "{key}");
        }
        // Removed and made anew: nothing leads there.
        assert!(!leads("one", &collector("other"), &rows));
        let elsewhere = AdmittedCollector {
            url: "https://log2:7444".to_owned(),
            ..today
        };
        assert!(!leads("one", &elsewhere, &rows));
    }

    #[test]
    fn rows_that_lead_in_a_circle_end() {
        let rows = [former("one", Some("two")), former("two", Some("one"))];
        assert!(!leads("one", &collector("three"), &rows));
    }
}
