//! Accounts that the site itself shuts, by sshd's settings or by another module of PAM's: who is kept out so had an open window, and asks
//! why.

use std::time::Duration;

use daypass_tests::{CAROL, Result, Site, Wish};

use crate::Rows;
use crate::windows::carol_gets;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const ROWS: &Rows = &[
    (
        "an_account_that_sshd_lets_nobody_into_is_told_with_sshds_reason",
        by_sshd,
    ),
    (
        "a_login_that_another_module_of_pams_denies_is_told_as_that",
        by_pam,
    ),
];

fn by_sshd(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let db1 = site.network.host("db1")?;
    let list = "/etc/ssh/sshd_config.d/05-list.conf";
    db1.write(list, "DenyUsers deploy\n")?;
    let denied = db1.reload_sshd().and_then(|()| comes_in(site));
    db1.root(["rm", list]).ok()?;
    db1.reload_sshd()?;
    assert!(!denied?);
    told_and_over(site, &["account-barred", "listed in DenyUsers"])
}

fn by_pam(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let db1 = site.network.host("db1")?;
    db1.script(
        "sed -i.kept '1i account required pam_succeed_if.so quiet user != deploy' /etc/pam.d/sshd",
    )
    .ok()?;
    let denied = comes_in(site);
    db1.root(["mv", "/etc/pam.d/sshd.kept", "/etc/pam.d/sshd"])
        .ok()?;
    assert!(!denied?);
    told_and_over(site, &["denied-by-pam", "another module did"])
}

/// The entry says why, of which account and from where; and once it is mended there is nothing left of it.
fn told_and_over(site: &Site, why: &[&str]) -> Result<()> {
    let whose = ["\"account\":\"deploy\"", "\"address\":\"192.0.2."];
    site.await_entry("db1", "login.denied", &[&whose, why].concat())?;
    assert!(comes_in(site)?);
    Ok(())
}

fn comes_in(site: &Site) -> Result<bool> {
    let said = site.person(CAROL).ssh("deploy@db1", &["id", "-un"]).run()?;
    Ok(said.stdout() == "deploy\n")
}
