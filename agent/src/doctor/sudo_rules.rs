//! What sudo's own rules give an account, by sudo's own word.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::command::{self, Error};

/// sudo may ask a directory service, and PAM.
const PATIENCE: Duration = Duration::from_secs(10);

/// The program that knows them. Once it has hung it is not asked again: about others it would say as little, and take as
/// long.
pub(super) struct Sudo {
    program: PathBuf,
    patience: Duration,
    hung: Option<String>,
}

impl Default for Sudo {
    fn default() -> Self {
        Self {
            program: PathBuf::from("/usr/bin/sudo"),
            patience: PATIENCE,
            hung: None,
        }
    }
}

impl Sudo {
    /// The rules of an account; none where there is no sudo.
    ///
    /// # Errors
    /// Why they are not known.
    pub(super) fn rules(&mut self, account: &str) -> Result<Vec<String>, String> {
        if let Some(why) = &self.hung {
            return Err(why.clone());
        }
        self.ask(account).map_err(|error| {
            let why = error.to_string();
            if error.is_late() {
                self.hung = Some(why.clone());
            }
            why
        })
    }

    fn ask(&self, account: &str) -> Result<Vec<String>, Error> {
        let arguments = ["-n", "-l", "-U", account];
        let output = match command::hear(self.patience, &self.program, &arguments) {
            Ok(output) => output,
            Err(Error::Start { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let said = String::from_utf8_lossy(&output.stdout);
        if output.status.success() && said.contains(ANNOUNCED) {
            return Ok(rules_of(&said));
        }
        // Of an account without rules some versions say this to the one output and succeed, others to the other and fail.
        let aside = String::from_utf8_lossy(&output.stderr);
        if [said, aside].iter().any(|text| text.contains(NO_RULES)) {
            return Ok(Vec::new());
        }
        Err(command::failed(&self.program, &arguments, &output))
    }
}

/// The line before the rules,
const ANNOUNCED: &str = "may run the following commands";
/// and the one in their stead.
const NO_RULES: &str = "is not allowed to run sudo";

/// `sudo -l` prints rules indented, after the line that announces them.
fn rules_of(listed: &str) -> Vec<String> {
    listed
        .lines()
        .skip_while(|line| !line.contains(ANNOUNCED))
        .skip(1)
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made of a sudo that does this.
    fn with(script: &str, patience: Duration) -> (tempfile::TempDir, Sudo) {
        let folder = tempfile::tempdir().unwrap();
        let sudo = Sudo {
            program: crate::sudoers::script(folder.path(), "sudo", script),
            patience,
            hung: None,
        };
        (folder, sudo)
    }

    fn of(script: &str) -> Result<Vec<String>, String> {
        with(script, PATIENCE).1.rules("deploy")
    }

    #[test]
    fn only_rules_are_taken_from_sudos_list() {
        let listed = "Matching Defaults entries for deploy on db1:\n    env_reset\n\n\
            User deploy may run the following commands on db1:\n    (ALL) NOPASSWD: ALL\n";
        assert_eq!(rules_of(listed), ["(ALL) NOPASSWD: ALL"]);
        assert_eq!(
            of(&format!("printf '{listed}'")).unwrap(),
            ["(ALL) NOPASSWD: ALL"]
        );
    }

    #[test]
    fn an_account_has_none_where_sudo_says_so_whichever_way_or_is_not_there() {
        let none = "echo User deploy is not allowed to run sudo on db1.";
        for script in [none.to_owned(), format!("{none} >&2; exit 1")] {
            assert_eq!(of(&script).unwrap(), Vec::<String>::new(), "{script}");
        }
        let mut without = Sudo {
            program: PathBuf::from("/nonexistent/sudo"),
            ..Sudo::default()
        };
        assert_eq!(without.rules("deploy"), Ok(Vec::new()));
    }

    #[test]
    fn a_sudo_that_fails_or_says_something_else_does_not_say_that_there_are_none() {
        let broken = of("echo '/etc/sudoers:7:9: syntax error' >&2; exit 1").unwrap_err();
        assert!(broken.contains("syntax error"), "{broken}");
        assert!(of("exit 0").is_err());
        assert!(of("echo 'User deploy may run the following commands on db1:'; exit 1").is_err());
    }

    #[test]
    fn a_sudo_that_hangs_is_asked_about_one_account_alone() {
        let (folder, mut sudo) = with("exec sleep 600", Duration::from_millis(300));
        let late = sudo.rules("deploy").unwrap_err();
        assert!(late.contains("did not end"), "{late}");
        // It would answer now.
        let none = "echo User backup is not allowed to run sudo on db1.";
        crate::sudoers::script(folder.path(), "sudo", none);
        assert_eq!(sudo.rules("backup"), Err(late));
    }
}
