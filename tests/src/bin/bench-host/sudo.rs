//! What a sudo waits for. The collector is another machine, but for `before-sudo`, where it is awaited; with it on this one, what it
//! does with one call slows the next one down, and that is told as well; so is what calls take where somebody else wants all processors.

use daypass_tests::{CAROL, Result, Site};

use crate::figures::{Samples, Turns, row, timed};
use crate::log_server;
use crate::scene::{PLAIN, QUIET, busily, forward, window, without_collector};
use crate::stock::{self, STOCK};

/// Rounds, and sudo calls of each kind in a round.
pub(crate) const ROUNDS: usize = 24;
pub(crate) const SUDOS: usize = 20;

pub(crate) fn measure(site: &Site) -> Result<()> {
    window(site)?;
    stock::sudoer(site, STOCK)?;
    forward(site, "async")?;
    let elsewhere = without_collector(site, || rounds(site))?;
    forward(site, "async")?;
    let busy = without_collector(site, || busily(site, || rounds(site)))?;
    let here = rounds(site)?;
    forward(site, "before-sudo")?;
    let witnessed = rounds(site)?;
    let stock = elsewhere.ordinary.without().spelled();
    row("sudo -n true, without daypass", &stock, "");
    let ordinary = [
        ("an ordinary user", &elsewhere, "<= +0.4 ms"),
        ("an ordinary user, collector here", &here, ""),
        ("an ordinary user, busy machine", &busy, ""),
    ];
    for (who, turns, goal) in ordinary {
        let name = format!("sudo -n true, {who}");
        row(&name, &turns.ordinary.spelled(), goal);
    }
    let contractor = [
        ("async", &elsewhere, "<= +0.6 ms"),
        ("async, collector here", &here, ""),
        ("async, busy machine", &busy, ""),
        ("before-sudo", &witnessed, "<= +5 ms"),
    ];
    for (how, turns, goal) in contractor {
        let name = format!("sudo -n true, a contractor, {how}");
        row(&name, &turns.contractor.spelled(), goal);
    }
    log_server::measure(site)
}

/// What calls took that are made by turns.
#[derive(Default)]
struct Calls {
    ordinary: Turns,
    contractor: Turns,
}

fn rounds(site: &Site) -> Result<Calls> {
    let mut taken = Calls::default();
    for _ in 0..ROUNDS {
        let without = calls(site, STOCK)?;
        taken.ordinary.add(&without, calls(site, PLAIN)?);
        let line = timed("sudo -n /usr/bin/true", SUDOS);
        let said = site.person(CAROL).ssh("deploy@db1", &[&line]).ok()?;
        taken.contractor.add(&without, Samples::parse(&said));
    }
    Ok(taken)
}

/// The times of one round's calls by this user of db1's, who has come by ssh as contractors do: a session's control groups and
/// environment cost something as well.
pub(crate) fn calls(site: &Site, user: &str) -> Result<Vec<f64>> {
    let line = timed("sudo -n /usr/bin/true", SUDOS);
    let place = format!("{user}@db1");
    let ssh = ["ssh"].into_iter().chain(QUIET).chain([&*place, &*line]);
    let said = site.person(PLAIN).command(ssh).ok()?;
    Ok(Samples::parse(&said))
}
