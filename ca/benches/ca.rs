//! What issuing costs: `cargo xtask bench ca`. Ratios within one run on one file system, which `TMPDIR` chooses.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use daypass_protocol::api::{About, CertificateWish, Issued};
use daypass_protocol::roster::Role;
use daypass_protocol::sshsig;
use daypass_protocol::statement::Verb;
use daypass_transport::client::{Client, Request};
use rusqlite::{Connection, params};

#[path = "../tests/house/mod.rs"]
mod house;

use house::{House, Someone};

/// People who ask at the same time.
const CLIENTS: usize = 32;
/// How long each measurement takes.
const WHILE: Duration = Duration::from_secs(8);
/// Requests one after the other.
const ALONE: usize = 400;
/// What the full database holds.
const WINDOWS: u32 = 100_000;
const CERTIFICATES: u32 = 1_000_000;

fn main() -> io::Result<()> {
    // `cargo test --all-targets` starts benches too, without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let out = &mut io::stdout().lock();
    let (mut house, cody) = company();

    let (each, took) = together(&house, &cody);
    let rate = each.len() as f64 / took.as_secs_f64();
    writeln!(
        out,
        "issued over HTTPS, {CLIENTS} clients     {rate:8.0} /s   p50 {:.1?}  p99 {:.1?}",
        at(&each, 0.5),
        at(&each, 0.99)
    )?;
    let keygen = keygen(&house)?;
    writeln!(
        out,
        "ssh-keygen -s, a process each       {keygen:8.0} /s   {:.1} times slower",
        rate / keygen
    )?;

    // `daypass login` is a program that connects, asks once and ends.
    alone(
        out,
        "one login alone, p50               ",
        &house,
        &cody,
        || once(&house),
    )?;
    let kept = lasting(&house);
    let single = alone(
        out,
        "the same over a kept connection    ",
        &house,
        &cody,
        || kept.clone(),
    )?;

    house.crash();
    fill(&house);
    house.start();
    let kept = lasting(&house);
    let full = middle(|| issue(&house, &kept, &cody));
    writeln!(
        out,
        "with {WINDOWS} windows, {CERTIFICATES} certificates {full:8.2?}   {:.2} of the same before",
        full.as_secs_f64() / single.as_secs_f64()
    )?;
    Ok(())
}

/// A CA with an open window of Cody's, that tells nobody to wait.
fn company() -> (House, Someone) {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let mut house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.crash();
    house.limit = u32::MAX;
    house.start();
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    house
        .say(&bob, Verb::Approve, &window)
        .expect("the window is approved");
    (house, cody)
}

/// A client that connects for what it asks, as people's programs do.
fn once(house: &House) -> Client {
    Client::new(&house.url(), &house.root(), None).expect("a client")
}

fn lasting(house: &House) -> Client {
    Client::lasting(&house.url(), &house.root(), None).expect("a client")
}

/// Asks for one certificate.
fn issue(house: &House, client: &Client, who: &Someone) {
    let wish = CertificateWish {
        host: "db1".parse().expect("a name"),
        account: "deploy".parse().expect("a name"),
        key: who.public(),
        window: None,
    };
    let body = serde_json::to_vec(&wish).expect("JSON");
    let header = house.header(who, "POST", "/v1/certificates", &body);
    let request = Request::post("/v1/certificates", &body).authorized(&header);
    client.call::<Issued>(&request).expect("a certificate");
}

/// Every client asks as fast as it is answered: how long each answer took, in order, and all of them.
fn together(house: &House, who: &Someone) -> (Vec<Duration>, Duration) {
    let begun = Instant::now();
    let mut each: Vec<Duration> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let client = lasting(house);
                    let mut each = Vec::new();
                    while begun.elapsed() < WHILE {
                        each.push(timed(|| issue(house, &client, who)));
                    }
                    each
                })
            })
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().expect("a client that ends"))
            .collect()
    });
    let took = begun.elapsed();
    each.sort_unstable();
    (each, took)
}

/// A round trip that decides nothing.
fn ask(client: &Client) {
    client
        .call::<About>(&Request::get("/v1/about"))
        .expect("an answer");
}

/// A login that nobody else asks beside, and what it cannot do without, in turns: the machine is as busy for the one as for
/// the others. How long the login takes in the middle.
fn alone(
    out: &mut impl Write,
    what: &str,
    house: &House,
    who: &Someone,
    client: impl Fn() -> Client,
) -> io::Result<Duration> {
    let path = house.directory.path().join("raw");
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..ALONE {
        times[0].push(timed(|| issue(house, &client(), who)));
        times[1].push(timed(|| ask(&client())));
        times[2].push(timed(|| sign(who)));
        times[3].push(timed(|| {
            file.write_all(&[b'x'; 400]).expect("written");
            file.sync_data().expect("synced");
        }));
    }
    let [login, bare, signature, sync] = times.map(|mut each| {
        each.sort_unstable();
        at(&each, 0.5)
    });
    let parts = bare + signature + sync;
    writeln!(
        out,
        "{what} {login:8.2?}   {:.2} of round trip {bare:.0?} + signature {signature:.0?} + fdatasync {sync:.0?}",
        login.as_secs_f64() / parts.as_secs_f64()
    )?;
    Ok(login)
}

/// One signature as people make them.
fn sign(who: &Someone) {
    sshsig::sign("bench@v1", b"bench", sshsig::with_key(&who.key)).expect("a signature");
}

/// Certificates a second by `ssh-keygen`, a process each, as scripts make them.
fn keygen(house: &House) -> io::Result<f64> {
    let dir = house.directory.path().join("keygen");
    std::fs::create_dir(&dir)?;
    for name in ["ca", "user"] {
        let status = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(dir.join(name))
            .status()?;
        assert!(status.success());
    }
    let (begun, mut made) = (Instant::now(), 0_u32);
    while begun.elapsed() < WHILE / 2 {
        let status = Command::new("ssh-keygen")
            .args(["-q", "-s"])
            .arg(dir.join("ca"))
            .args([
                "-I",
                "id",
                "-n",
                "w-00000000000000000000000000",
                "-V",
                "+1h",
            ])
            .arg(dir.join("user.pub"))
            .status()?;
        assert!(status.success());
        made += 1;
    }
    Ok(f64::from(made) / begun.elapsed().as_secs_f64())
}

/// Years of other people's windows and certificates, and years of Cody's own that are over.
fn fill(house: &House) {
    let mut database = Connection::open(house.layout().database()).expect("the database");
    let tx = database.transaction().expect("a transaction");
    {
        let mut window = tx
            .prepare(
                "INSERT INTO windows (id, hash, document, contractor, starts, ends, submitted)
                 SELECT printf('w-%026d', ?1), printf('%064d', ?1), document, contractor,
                        starts - ?2, ends - ?2, submitted - ?2
                 FROM (SELECT * FROM windows ORDER BY ends DESC LIMIT 1)",
            )
            .expect("a statement");
        for number in 0..WINDOWS {
            window
                .execute(params![number, i64::from(number % 1000 + 1) * 86_400])
                .expect("a window");
        }
        let mut certificate = tx
            .prepare(
                "INSERT INTO certificates (serial, \"window\", person, key, host, account, valid_after, valid_before, issued)
                 SELECT ?1, printf('w-%026d', ?2), person, key, host, account, valid_after - 86400, valid_before - 86400, issued - 86400
                 FROM certificates LIMIT 1",
            )
            .expect("a statement");
        for number in 0..CERTIFICATES {
            certificate
                .execute(params![i64::from(number) + 1, number % WINDOWS])
                .expect("a certificate");
        }
    }
    tx.commit().expect("committed");
}

/// How long one takes in the middle.
fn middle(mut job: impl FnMut()) -> Duration {
    let mut each: Vec<Duration> = (0..ALONE).map(|_| timed(&mut job)).collect();
    each.sort_unstable();
    at(&each, 0.5)
}

fn at(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

fn timed(job: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    job();
    begun.elapsed()
}
