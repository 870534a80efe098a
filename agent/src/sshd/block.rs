//! The text of the files that we generate for sshd.

use std::fmt::Write as _;
use std::path::Path;

use crate::managed::Managed;

const HEAD: &str = "# Written by daypass-agent. Changes made here are lost.\n";

/// What holds for managed accounts, as sshd writes it in `sshd_config` and, in lower case, in
/// the output of `sshd -T`.
///
/// The order counts: sshd 9.2 takes an `AuthorizedPrincipalsCommand` only as long as no `AuthorizedKeysCommand` was read,
/// and the last such one.
pub(super) const DIRECTIVES: [(&str, &str); 13] = [
    ("AuthenticationMethods", "publickey"),
    ("PubkeyAuthentication", "yes"),
    ("TrustedUserCAKeys", "/etc/daypass/ssh/user_ca.pub"),
    ("RevokedKeys", "/etc/daypass/ssh/revoked_keys"),
    (
        "AuthorizedPrincipalsCommand",
        "/usr/lib/daypass/daypass-principals %u %i %s %t %k",
    ),
    ("AuthorizedPrincipalsCommandUser", "daypass-principals"),
    ("AuthorizedPrincipalsFile", "none"),
    ("AuthorizedKeysFile", "none"),
    ("AuthorizedKeysCommand", "none"),
    ("HostbasedAuthentication", "no"),
    ("PermitUserRC", "no"),
    // No window can permit one, and no extension of a certificate stops what a site permits.
    ("PermitTunnel", "no"),
    ("Banner", "/etc/daypass/ssh/banner"),
];

/// What we wish for besides, and contractors do not depend on: sshd says which key it refused. A site that wants other
/// levels for the same accounts says so before us.
const WISHES: [(&str, &str); 1] = [("LogLevel", "VERBOSE")];

/// The Match block for every name of every managed uid; `None` when nobody is managed.
///
/// `Match all` ends it, so that whatever is read after it is global again.
#[must_use]
pub fn block(managed: &Managed) -> Option<String> {
    let names: Vec<&str> = managed
        .iter()
        .flat_map(|(_, names)| names.iter().map(String::as_str))
        .collect();
    if names.is_empty() {
        return None;
    }
    let mut text = format!("{HEAD}Match User {}\n", names.join(","));
    for (directive, value) in DIRECTIVES.into_iter().chain(WISHES) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    {directive} {value}");
    }
    text.push_str("Match all\n");
    Some(text)
}

/// The lines that let clients recognise this host by its certificates.
#[must_use]
pub fn host_certificates<'a>(certificates: impl IntoIterator<Item = &'a Path>) -> String {
    let mut text = HEAD.to_owned();
    for path in certificates {
        let _ = writeln!(text, "HostCertificate {}", path.display());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_managed_means_no_block() {
        assert_eq!(block(&Managed::default()), None);
    }

    #[test]
    fn the_block_names_every_name_and_ends_itself() {
        let managed = Managed::parse("1001 deploy deploy2\n1005 backup\n").unwrap();
        let text = block(&managed).unwrap();
        assert!(
            text.contains("\nMatch User deploy,deploy2,backup\n"),
            "{text}"
        );
        assert!(text.ends_with("\nMatch all\n"), "{text}");
        assert!(text.contains("\n    AuthorizedKeysFile none\n"), "{text}");
        assert!(text.contains("\n    LogLevel VERBOSE\n"), "{text}");
    }

    #[test]
    fn the_principals_command_is_read_before_the_keys_command() {
        let place = |name| {
            DIRECTIVES
                .iter()
                .position(|(directive, _)| *directive == name)
        };
        assert!(place("AuthorizedPrincipalsCommand") < place("AuthorizedKeysCommand"));
    }

    #[test]
    fn host_certificates_stand_outside_any_match() {
        let text = host_certificates([Path::new("/etc/daypass/ssh/a-cert.pub")]);
        assert!(text.ends_with("\nHostCertificate /etc/daypass/ssh/a-cert.pub\n"));
        assert!(!text.contains("Match"));
    }
}
