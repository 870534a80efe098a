//! The same without daypass, on the machine that has it: an sshd on a port of its own and a sudo, both with PAM stacks from which the
//! module is left out. A second machine would differ in more than that.

use daypass_tests::{Host, Result};

use crate::scene::PLAIN;

/// Where that sshd listens.
pub(crate) const PORT: &str = "2222";
/// Whose sudo knows nothing of daypass.
pub(crate) const STOCK: &str = "stock";

/// Each `common-*` without the module.
const STACKS: &str = "
    for kind in auth account password session session-noninteractive; do
        sed '/daypass/d' /etc/pam.d/common-$kind > /etc/pam.d/stock-$kind
    done
";

/// sshd names its PAM service after its own program; from OpenSSH 9.8 on that is another one, and a setting says it.
const SSHD: &str = "
    sed 's/common-/stock-/' /etc/pam.d/sshd > /etc/pam.d/sshd-stock
    cp /usr/sbin/sshd /usr/local/sbin/sshd-stock
    { sed '/^Include/d' /etc/ssh/sshd_config
      printf '%s\\n' 'Port 2222' 'PidFile /run/sshd-stock.pid' 'MaxStartups 400' \
          'TrustedUserCAKeys /etc/ssh/stock-ca.pub'
    } > /etc/ssh/stock_config
    if sshd -T -o PAMServiceName=sshd-stock > /dev/null 2>&1; then
        echo 'PAMServiceName sshd-stock' >> /etc/ssh/stock_config
    fi
    systemd-run --quiet --unit=ssh-stock /usr/local/sbin/sshd-stock -D -f /etc/ssh/stock_config
    timeout 10 sh -c 'until ss -ltn | grep -q :2222; do :; done'
";

/// `db1`'s other sshd, which trusts certificates by `ca`.
pub(crate) fn sshd(db1: &Host, ca: &str) -> Result<()> {
    db1.write("/etc/ssh/stock-ca.pub", ca)?;
    for step in [STACKS, SSHD] {
        db1.root(["sh", "-ec", step]).ok()?;
    }
    Ok(())
}

/// A user of `db1` whose sudo asks a PAM service without the module.
pub(crate) fn sudoer(db1: &Host, user: &str) -> Result<()> {
    db1.add_user(user)?;
    db1.root(["sh", "-ec", STACKS]).ok()?;
    let service = "sed 's/common-/stock-/' /etc/pam.d/sudo > /etc/pam.d/sudo-stock";
    db1.root(["sh", "-ec", service]).ok()?;
    let rules = format!(
        "Defaults:{user} pam_service=sudo-stock\n{user} ALL=(ALL) NOPASSWD: /usr/bin/true\n"
    );
    db1.write(&format!("/etc/sudoers.d/{user}"), rules)
}

/// A certificate of the ordinary user's by a CA of its own; its public key.
pub(crate) fn certify(laptop: &Host) -> Result<String> {
    let make = "cd .ssh && ssh-keygen -q -t ed25519 -N '' -f ca && ssh-keygen -q -t ed25519 -N '' -f stock && \
         ssh-keygen -q -s ca -I stock -n plain -V +1d stock.pub && cat ca.pub";
    laptop.user(PLAIN, ["sh", "-ec", make]).ok()
}
