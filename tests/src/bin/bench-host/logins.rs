//! What a login waits for.

use daypass_tests::{CAROL, Result, Site};

use crate::figures::{Samples, row, timed};
use crate::scene::{self, PLAIN, QUIET, Server, forward, window};
use crate::stock::{self, PORT};

/// Logins of each kind: their times scatter by tens of milliseconds, whatever is measured.
const LOGINS: usize = 200;
/// Of one kind, before it is the next one's turn.
const TURN: usize = 4;

pub(crate) fn measure(site: &Site) -> Result<()> {
    forward(site, "before-sudo")?;
    window(site)?;
    let ca = stock::certify(site.network.host("laptop")?)?;
    stock::sshd(site.network.host("db1")?, &ca)?;
    let quiet = QUIET.join(" ");
    let certificates = "ls .local/share/daypass/certificates/*-cert.pub";
    let certificate = site
        .person(CAROL)
        .command(["sh", "-c", certificates])
        .ok()?;
    let certificate = certificate.lines().next().unwrap_or_default();
    let contractor = format!(
        "ssh {quiet} -oIdentitiesOnly=yes -oCertificateFile={certificate} -i .ssh/id_ed25519 deploy@db1 true"
    );
    // The same kind of login, with a certificate, at a stock sshd.
    let stock = format!(
        "ssh {quiet} -p {PORT} -oIdentitiesOnly=yes -oCertificateFile=.ssh/stock-cert.pub -i .ssh/stock plain@db1 true"
    );
    let kinds = [
        (CAROL, contractor),
        (PLAIN, stock),
        (PLAIN, format!("ssh {quiet} plain@db1 true")),
        (PLAIN, format!("ssh {quiet} -p {PORT} plain@db1 true")),
    ];
    scene::let_server(site, Server::StandsAside)?;
    let mut times = [const { Vec::new() }; 4];
    let db1 = site.network.host("db1")?;
    for turn in 0..LOGINS / TURN {
        stock::draw(db1, turn)?;
        // The agent looks at a configuration that has changed.
        let (who, first) = &kinds[0];
        site.person(who).command(["bash", "-c", first]).ok()?;
        for (index, (who, ssh)) in kinds.iter().enumerate() {
            let line = timed(ssh, TURN);
            let said = site.person(who).command(["bash", "-c", &line]).ok()?;
            times[index].extend(Samples::parse(&said));
        }
    }
    scene::let_server(site, Server::Answers)?;
    let [with, stock, ordinary, without] = times.map(Samples::of);
    let against = |samples: &Samples, other: &Samples| {
        let times = samples.at(50) / other.at(50);
        format!("{}, {times:.2} times", samples.spelled())
    };
    let goal = "<= 1.05 times";
    row(
        "ssh host true by certificate, without daypass",
        &stock.spelled(),
        "",
    );
    row("ssh host true, a contractor", &against(&with, &stock), goal);
    row(
        "ssh host true by key, without daypass",
        &without.spelled(),
        "",
    );
    row(
        "ssh host true, an ordinary user",
        &against(&ordinary, &without),
        goal,
    );
    row(
        "the contractor's against the key's",
        &against(&with, &without),
        "",
    );
    Ok(())
}
