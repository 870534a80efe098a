//! Which accounts are managed: every name of a uid, all of a group, and what holds when the file that says so is damaged.

use std::time::Duration;

use daypass_tests::{CAROL, Result, Site, Wish};

use crate::Rows;
use crate::others::{from_olga, others_get_in};
use crate::windows::carol_gets;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const ROWS: &Rows = &[
    ("a_new_name_of_a_managed_uid_opens_to_nobody", second_name),
    (
        "a_group_is_put_under_management_with_all_who_are_in_it",
        group,
    ),
    (
        "with_the_list_of_managed_accounts_damaged_sshd_keeps_planted_keys_out_and_others_get_in",
        damaged,
    ),
];

/// sshd's block does not know it; the uid is what PAM's gate goes by.
fn second_name(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let key = site
        .network
        .host("laptop")?
        .read("/home/olga/.ssh/id_ed25519.pub")?;
    db1.script(
        "useradd --non-unique --uid $(id -u deploy) --create-home sneak; umask 077; mkdir ~sneak/.ssh; \
         cat > ~sneak/.ssh/authorized_keys; chown -R deploy: ~sneak",
    )
    .input(key)
    .ok()?;
    let options = ["-v", "-oLogLevel=DEBUG"];
    let tried = from_olga(site, &options, "sneak@db1", "id");
    // In no file of daypass's does it stand by now.
    let known = db1.root(["grep", "sneak", "/etc/daypass/managed"]).run();
    db1.script("userdel --force sneak; rm -rf /home/sneak; daypass-agent manage deploy")
        .ok()?;
    let (tried, known) = (tried?, known?);
    assert!(!known.success(), "{known}");
    assert!(!tried.success() && tried.stdout.is_empty(), "{tried}");
    let words = tried.stderr();
    assert!(words.contains("Server accepts key"), "{tried}");
    site.await_entry(
        "db1",
        "login.denied",
        &["\"account\":\"sneak\"", "no-verdict"],
    )
    .map(drop)
}

fn group(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    db1.script(
        "groupadd visitors; useradd --create-home --gid visitors first; \
         useradd --create-home --groups visitors second; usermod --groups visitors deploy",
    )
    .ok()?;
    let said = db1
        .root(["daypass-agent", "manage", "--group", "visitors"])
        .run();
    let managed = db1.root(["cat", "/etc/daypass/managed"]).run();
    db1.script(
        "daypass-agent unmanage first; daypass-agent unmanage second; usermod --groups '' deploy; \
         userdel --remove first; userdel --remove second; groupdel visitors",
    )
    .ok()?;
    let (said, managed) = (said?, managed?.stdout());
    assert!(said.success(), "{said}");
    for name in ["first", "second", "deploy", "porter"] {
        let is_there = managed.split_whitespace().any(|word| word == name);
        assert!(is_there, "{name}: {managed}");
    }
    Ok(())
}

/// The module can tell nobody apart then. sshd's own block, which names the accounts, still stands.
fn damaged(site: &Site) -> Result<()> {
    let (db1, laptop) = (site.network.host("db1")?, site.network.host("laptop")?);
    let key = laptop.read("/home/olga/.ssh/id_ed25519.pub")?;
    db1.script(
        "umask 077; cd ~deploy; mkdir -p .ssh; cat > .ssh/authorized_keys; chown -R deploy: .ssh",
    )
    .input(key)
    .ok()?;
    db1.script(
        "cp -a /etc/daypass/managed /root/managed; echo '1001 deploy !' > /etc/daypass/managed",
    )
    .ok()?;
    let others = others_get_in(site);
    let planted = from_olga(site, &["-v", "-oLogLevel=DEBUG"], "deploy@db1", "id");
    db1.script("mv /root/managed /etc/daypass/managed; rm -r ~deploy/.ssh")
        .ok()?;
    others?;
    let planted = planted?;
    assert!(!planted.success() && planted.stdout.is_empty(), "{planted}");
    assert!(
        !planted.stderr().contains("Server accepts key"),
        "{planted}"
    );
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    site.person(CAROL)
        .ssh("deploy@db1", &["true"])
        .ok()
        .map(drop)
}
