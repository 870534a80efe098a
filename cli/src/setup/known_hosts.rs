//! Host certificates: lines that let `ssh` believe the host CA, for the enrolled names and for nothing else.

/// The text of our known hosts file: one `@cert-authority` line for each key of the host CA.
///
/// `hosts` are checked names and aliases; `keys` are OpenSSH public keys without comments.
pub(super) fn text(hosts: &[String], keys: &[String]) -> String {
    if hosts.is_empty() {
        return String::new();
    }
    let names = hosts.join(",");
    keys.iter()
        .map(|key| format!("@cert-authority {names} {key} daypass-host-ca\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_believed_for_the_named_hosts_only() {
        let hosts = ["db1".to_owned(), "db1.example".to_owned()];
        let keys = ["ssh-ed25519 AAAA".to_owned(), "ssh-ed25519 BBBB".to_owned()];
        let expected = "@cert-authority db1,db1.example ssh-ed25519 AAAA daypass-host-ca\n\
                        @cert-authority db1,db1.example ssh-ed25519 BBBB daypass-host-ca\n";
        assert_eq!(text(&hosts, &keys), expected);
        assert_eq!(text(&[], &keys), "");
    }
}
