//! The chores, and the words that name them.

mod asan;
mod bench;
mod check;
mod debian;
mod demo;
mod error;
mod fuzz;
mod package;
mod privilege;
mod process;
mod say;
mod source_tree;
mod test;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use daypass_tests::Release;

use error::{Error, Result};

const USAGE: &str = "\
usage: cargo xtask CHORE

  check                     format, lints, dependencies, who may depend on whom, ignored tests
  test [--fast]             all tests, on throwaway Debian hosts; --fast: those that need no host
  test --hosts [WORD]       those on hosts alone, and of them those with the word in their names
  asan                      the PAM module and what it speaks, under AddressSanitizer
  package [--release NAME]  Debian packages, optimised, built in a root of that release (bookworm, trixie)
  demo [--keep DIR]         plays daypass' main job on a server, a host and a laptop
  bench NAME                prints what something costs, as ratios: journal, collector, log, ca, host
  fuzz [--seconds N] [NAME] every parser of bytes from outside, or one, for N seconds (240) each, under AddressSanitizer
  setup                     installs what the chores need from the distribution's packages
";

/// A chore with its options.
#[derive(Debug, PartialEq, Eq)]
enum Chore {
    Help,
    Check,
    Test(test::Scope),
    Asan,
    Package(Release),
    Demo { keep: Option<PathBuf> },
    Bench(bench::Bench),
    Fuzz(fuzz::Plan),
    Setup,
}

/// Does what the command line says. 0 done, 1 failed, 64 wrong usage.
pub(crate) fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done =
        parse(&words.iter().map(String::as_str).collect::<Vec<_>>()).and_then(|chore| run(&chore));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::failure(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn parse(words: &[&str]) -> Result<Chore> {
    match words {
        [] | ["help" | "--help" | "-h"] => Ok(Chore::Help),
        ["check"] => Ok(Chore::Check),
        ["test"] => Ok(Chore::Test(test::Scope::Everything)),
        ["test", "--fast"] => Ok(Chore::Test(test::Scope::Fast)),
        ["test", "--hosts"] => Ok(Chore::Test(test::Scope::Rows(None))),
        ["test", "--hosts", word] => Ok(Chore::Test(test::Scope::Rows(Some((*word).to_owned())))),
        ["asan"] => Ok(Chore::Asan),
        ["package"] => Ok(Chore::Package(Release::chosen()?)),
        ["package", "--release", name] => Ok(Chore::Package(name.parse()?)),
        ["demo"] => Ok(Chore::Demo { keep: None }),
        ["demo", "--keep", directory] => Ok(Chore::Demo {
            keep: Some(PathBuf::from(directory)),
        }),
        ["bench", name] => match bench::Bench::of(name) {
            Some(bench) => Ok(Chore::Bench(bench)),
            None => Err(usage(words)),
        },
        ["fuzz"] => Ok(fuzzing(fuzz::SECONDS, None)),
        ["fuzz", "--seconds", seconds] => match seconds.parse() {
            Ok(seconds) => Ok(fuzzing(seconds, None)),
            Err(_) => Err(usage(words)),
        },
        ["fuzz", "--seconds", seconds, target] => match seconds.parse() {
            Ok(seconds) => Ok(fuzzing(seconds, Some(target))),
            Err(_) => Err(usage(words)),
        },
        ["fuzz", target] if !target.starts_with('-') => Ok(fuzzing(fuzz::SECONDS, Some(target))),
        ["setup"] => Ok(Chore::Setup),
        _ => Err(usage(words)),
    }
}

fn fuzzing(seconds: u32, target: Option<&str>) -> Chore {
    Chore::Fuzz(fuzz::Plan {
        seconds,
        target: target.map(str::to_owned),
    })
}

fn usage(words: &[&str]) -> Error {
    Error::Usage {
        words: words.join(" "),
        usage: USAGE,
    }
}

fn run(chore: &Chore) -> Result<()> {
    match chore {
        Chore::Help => {
            say::text(USAGE);
            Ok(())
        }
        Chore::Check => check::run(),
        Chore::Test(scope) => test::run(scope),
        Chore::Asan => asan::run(),
        Chore::Package(release) => {
            privilege::as_root(|| package::build(*release).map(|packages| packages.say()))
        }
        Chore::Demo { keep } => privilege::as_root(|| demo::run(keep.as_deref())),
        Chore::Bench(bench) => bench::run(*bench),
        Chore::Fuzz(plan) => fuzz::run(plan),
        Chore::Setup => privilege::as_root(|| debian::install(debian::EVERYTHING)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_chore_is_wrong_usage_and_shows_the_right_one() {
        let error = parse(&["bake"]).unwrap_err();
        assert_eq!(error.exit_code(), 64);
        assert!(
            error.to_string().contains("bake") && error.to_string().contains("cargo xtask CHORE")
        );
    }

    #[test]
    fn an_unknown_release_is_refused() {
        assert!(parse(&["package", "--release", "potato"]).is_err());
    }

    #[test]
    fn fuzzing_takes_a_time_and_a_target() {
        let parsed = |words: &[&str]| match parse(words) {
            Ok(Chore::Fuzz(plan)) => Some((plan.seconds, plan.target)),
            _ => None,
        };
        let gate = Some("gate".to_owned());
        assert_eq!(parsed(&["fuzz"]), Some((240, None)));
        assert_eq!(parsed(&["fuzz", "gate"]), Some((240, gate.clone())));
        assert_eq!(parsed(&["fuzz", "--seconds", "5", "gate"]), Some((5, gate)));
        assert_eq!(parsed(&["fuzz", "--seconds"]), None);
        assert_eq!(parsed(&["fuzz", "--seconds", "long"]), None);
    }

    #[test]
    fn every_chore_of_the_usage_is_understood() {
        let chores = USAGE
            .lines()
            .skip(2)
            .filter_map(|line| line.split_whitespace().next());
        for chore in chores {
            let with_name = parse(&[chore, "collector"]);
            assert!(parse(&[chore]).or(with_name).is_ok(), "{chore}");
        }
    }
}
