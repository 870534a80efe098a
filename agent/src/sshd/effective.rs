//! What `sshd -T` prints: the configuration as it holds for one login.

use std::collections::BTreeMap;

use super::block::DIRECTIVES;

/// sshd's configuration for one user: lower-case keyword to value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    values: BTreeMap<String, Vec<String>>,
}

/// Another part of sshd's configuration takes precedence over ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sshd uses `{keyword} {found}` for this account, not `{expected}`")]
pub struct Overridden {
    /// The directive, as `sshd -T` prints it.
    pub keyword: String,
    /// What it should be.
    pub expected: String,
    /// What sshd would do.
    pub found: String,
}

impl Effective {
    /// Reads the output of `sshd -T`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in text.lines() {
            let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
            let keyword = keyword.to_ascii_lowercase();
            values.entry(keyword).or_default().push(value.to_owned());
        }
        Self { values }
    }

    /// The first value of a directive.
    #[must_use]
    pub fn value(&self, keyword: &str) -> Option<&str> {
        self.all(keyword).next()
    }

    /// Every value of a directive that may stand several times.
    pub fn all<'a>(&'a self, keyword: &str) -> impl Iterator<Item = &'a str> {
        self.values
            .get(&keyword.to_ascii_lowercase())
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// Does our block hold for this login in full, under PAM?
    ///
    /// # Errors
    /// The first directive that says something else.
    pub fn is_ours(&self) -> Result<(), Overridden> {
        let ours = DIRECTIVES.into_iter().chain([("UsePAM", "yes")]);
        for (directive, expected) in ours {
            let found = self.value(directive).unwrap_or("none");
            if found != expected {
                return Err(Overridden {
                    keyword: directive.to_ascii_lowercase(),
                    expected: expected.to_owned(),
                    found: found.to_owned(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> String {
        let lines = DIRECTIVES
            .iter()
            .map(|(directive, value)| format!("{} {value}\n", directive.to_ascii_lowercase()));
        lines.chain(["usepam yes\n".to_owned()]).collect()
    }

    #[test]
    fn our_own_directives_are_ours() {
        assert_eq!(Effective::parse(&ours()).is_ours(), Ok(()));
    }

    #[test]
    fn one_directive_that_differs_is_named() {
        let text = ours().replace(
            "authorizedkeysfile none",
            "authorizedkeysfile .ssh/authorized_keys",
        );
        let overridden = Effective::parse(&text).is_ours().unwrap_err();
        assert_eq!(overridden.keyword, "authorizedkeysfile");
        assert_eq!(overridden.found, ".ssh/authorized_keys");
    }

    #[test]
    fn without_pam_it_is_not_ours() {
        let text = ours().replace("usepam yes", "usepam no");
        assert_eq!(
            Effective::parse(&text).is_ours().unwrap_err().keyword,
            "usepam"
        );
    }
}
