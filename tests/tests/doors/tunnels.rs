//! Whole networks through a login (`ssh -w`), which no window permits.

use std::time::Duration;

use daypass_tests::{CAROL, Result, SOON, Site, Wish};

use crate::Rows;
use crate::windows::carol_gets;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const ROWS: &Rows = &[(
    "a_site_that_permits_tunnels_permits_contractors_none",
    tunnel,
)];

/// A site's own sshd carries whole networks for whom it likes. Each account has its device on both machines, since making one
/// is root's; a client opens its own before it asks.
const TUNNELS: &str = "\
    mkdir -p /dev/net; [ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200; chmod 666 /dev/net/tun; \
    number=0; for user in $users; do \
        ip tuntap add dev tun$number mode tun user $user; ip link set tun$number up; number=$((number + 1)); \
    done";
const NO_TUNNELS: &str =
    "for device in tun0 tun1; do ip link del $device 2>/dev/null || true; done";

fn tunnel(site: &Site) -> Result<()> {
    let (db1, laptop) = (site.network.host("db1")?, site.network.host("laptop")?);
    let sshd = "/etc/ssh/sshd_config.d/20-tunnel.conf";
    let played = (|| -> Result<()> {
        laptop
            .script(&format!("users='olga carol'; {TUNNELS}"))
            .ok()?;
        db1.script(&format!("users='olga deploy'; {TUNNELS}"))
            .ok()?;
        db1.write(sshd, "PermitTunnel yes\n")?;
        db1.reload_sshd()?;
        tunnels(site)
    })();
    db1.script(&format!("rm -f {sshd}; {NO_TUNNELS}")).ok()?;
    db1.reload_sshd()?;
    laptop.script(NO_TUNNELS).ok()?;
    played
}

fn tunnels(site: &Site) -> Result<()> {
    // The far end has its device once it is in use.
    let used = |number: u8| {
        let link = format!("ip -o link show tun{number}");
        format!("until {link} | grep -q LOWER_UP; do :; done; echo through")
    };
    // Her own goes on for as long as its network stands.
    let ssh = [
        "ssh",
        "-oBatchMode=yes",
        "-oStrictHostKeyChecking=no",
        "-oUserKnownHostsFile=/dev/null",
        "-w0:0",
        "olga@db1",
        &used(0),
    ];
    let mut olga = site.network.host("laptop")?.user("olga", ssh).spawn()?;
    olga.await_text("through", SOON)?;
    drop(olga);
    for permit in ["pty", "pty,port-forwarding,agent-forwarding,X11-forwarding"] {
        carol_gets(site, &Wish::deploy_on("db1", HOUR).with("--permit", permit))?;
        let ssh = [
            "timeout",
            "60",
            "ssh",
            "-oBatchMode=yes",
            "-oExitOnForwardFailure=yes",
            "-w1:1",
            "deploy@db1",
            &used(1),
        ];
        let carol = site.person(CAROL).command(ssh).run()?;
        assert_eq!(carol.stdout(), "", "{permit}: {carol}");
        // Refused by sshd: she was in, and her own end of it stood.
        assert!(
            carol.stderr().contains("Tunnel forwarding failed"),
            "{permit}: {carol}"
        );
    }
    Ok(())
}
