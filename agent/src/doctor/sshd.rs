//! sshd's own settings that matter to contractors and to those beside them.

use crate::sshd::Effective;

/// As many logins at once as there may be contractors with a tool that logs in in parallel.
const ENOUGH_STARTUPS: u32 = 50;

/// A setting worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// More logins at once than this are dropped at random.
    MaxStartups {
        /// The value.
        value: String,
    },
    /// Refused contractors have their address turned away for a while, with everybody who shares it.
    Penalties,
    /// root may log in with a password.
    RootByPassword,
}

/// What there is to say of a configuration.
#[must_use]
pub(super) fn settings(effective: &Effective) -> Vec<Setting> {
    let mut settings = Vec::new();
    if let Some(value) = effective.value("maxstartups") {
        let first = value.split(':').next().and_then(|first| first.parse().ok());
        if first.is_some_and(|first: u32| first < ENOUGH_STARTUPS) {
            settings.push(Setting::MaxStartups {
                value: value.to_owned(),
            });
        }
    }
    let penalised = effective
        .value("persourcepenalties")
        .is_some_and(|value| value != "no");
    let spares = |list: &str| !list.is_empty() && list != "none";
    if penalised && !effective.all("persourcepenaltyexemptlist").any(spares) {
        settings.push(Setting::Penalties);
    }
    if effective.value("permitrootlogin") == Some("yes")
        && effective.value("passwordauthentication") == Some("yes")
    {
        settings.push(Setting::RootByPassword);
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<Setting> {
        settings(&Effective::parse(text))
    }

    #[test]
    fn the_defaults_of_sshd_10_are_worth_two_words() {
        let text = "maxstartups 10:30:100\npersourcepenalties crash:90 authfail:5 min:15\n\
            persourcepenaltyexemptlist none\npermitrootlogin without-password\npasswordauthentication yes\n";
        let value = "10:30:100".to_owned();
        assert_eq!(
            of(text),
            [Setting::MaxStartups { value }, Setting::Penalties]
        );
    }

    #[test]
    fn a_configuration_that_was_thought_about_is_worth_none() {
        let text = "maxstartups 100:30:200\npersourcepenalties authfail:5\n\
            persourcepenaltyexemptlist 192.0.2.0/24\npermitrootlogin no\n";
        assert_eq!(of(text), []);
        assert_eq!(of("maxstartups 100\npersourcepenalties no\n"), []);
    }

    #[test]
    fn root_by_password_is_told() {
        let text = "permitrootlogin yes\npasswordauthentication yes\n";
        assert_eq!(of(text), [Setting::RootByPassword]);
    }
}
