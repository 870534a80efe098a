//! The same without daypass, on the machine that has it: an sshd on a port of its own and a sudo, both with PAM stacks from which the
//! module is left out. A second machine would differ in more than that.

use daypass_tests::{Host, Result, Site};

use crate::scene::{self, PLAIN};

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
    systemd-run --quiet --unit=ssh-stock --property=Type=notify \
        /usr/local/sbin/sshd-stock -D -f /etc/ssh/stock_config
";

/// Both listen again before this is over.
const DRAW: &str = "
    for name in sshd_config stock_config; do echo \"# $1\" >> /etc/ssh/$name; done
    # One after the other: the directory that both want is made anew by the first.
    systemctl restart ssh
    systemctl restart ssh-stock
";

/// `db1`'s other sshd, which trusts certificates by `ca`.
pub(crate) fn sshd(db1: &Host, ca: &str) -> Result<()> {
    db1.write("/etc/ssh/stock-ca.pub", ca)?;
    for step in [STACKS, SSHD] {
        db1.root(["sh", "-ec", step]).ok()?;
    }
    Ok(())
}

/// Has both draw other delays. sshd answers no step of a login before 5 to 9.3 ms are over, or twice, four times as much where the step
/// took longer; how many they are hangs on the user's name, the host's keys and the configuration's text (OpenSSH: auth2.c,
/// `user_specific_delay`). Within one draw, two users or two sshds differ by more than what is measured.
pub(crate) fn draw(db1: &Host, turn: usize) -> Result<()> {
    let turn = turn.to_string();
    db1.root(["sh", "-ec", DRAW, "draw", &turn]).ok()?;
    Ok(())
}

/// A user of db1's whose sudo asks a PAM service without the module.
pub(crate) fn sudoer(site: &Site, user: &str) -> Result<()> {
    scene::another(site, user)?;
    let db1 = site.network.host("db1")?;
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
