//! What daypass costs on a host, side by side with none of it in the same run. `cargo xtask bench host` builds the
//! optimised packages and starts it; started with names of parts, it measures those alone. The figures are printed and never judged: machines differ.
#![forbid(unsafe_code)]

mod ends;
mod figures;
mod log_server;
mod logins;
mod many;
mod scene;
mod stock;
mod sudo;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use daypass_tests::{Result, Site, write_to};

/// Beside the roots that all hosts are made from: on a disk, wherever `/run` and `/tmp` are.
const ON_DISK: &str = "/var/cache/daypass-hosts";

/// What is measured, by name.
type Part = (&'static str, fn(&Site) -> Result<()>);
const PARTS: [Part; 7] = [
    ("logins", logins::measure),
    ("sudo", sudo::measure),
    ("windows", ends::of_windows),
    ("revocations", ends::revocations),
    ("rush", many::rush),
    ("sessions", many::sessions),
    ("module", many::module),
];

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    match measure(&asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-host: {error}");
            ExitCode::FAILURE
        }
    }
}

/// All parts, or those that are asked for.
fn measure(asked: &[String]) -> Result<()> {
    let disk = Disk::make()?;
    let site = scene::set()?;
    figures::head();
    let is_asked = |(name, _): &&Part| asked.is_empty() || asked.iter().any(|word| word == name);
    let measured = PARTS
        .iter()
        .filter(is_asked)
        .try_for_each(|(_, part)| part(&site));
    // The machines first, then what one of them wrote.
    drop(site);
    drop(disk);
    measured
}

/// What db1 writes to: a journal in memory would be durable for nothing. The server writes into memory: two machines on one disk
/// would wait for each other, as two machines do not; what its disk costs is `bench collector`'s to tell.
struct Disk(PathBuf);

impl Disk {
    fn make() -> Result<Self> {
        let directory = Path::new(ON_DISK).join(format!("bench-{}", std::process::id()));
        write_to("db1", &directory)?;
        Ok(Self(directory))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("bench-host: cannot remove {}: {error}", self.0.display());
        }
    }
}
