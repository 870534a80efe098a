//! Every command and every option stands in the man page.

use clap::{Command, CommandFactory as _};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/man/daypass.1");

#[test]
fn every_command_and_option_stands_in_the_man_page() {
    let page = std::fs::read_to_string(PAGE)
        .expect("the man page")
        .replace("\\-", "-");
    let mut missing = Vec::new();
    look(&daypass_cli::cli::Cli::command(), &page, &mut missing);
    assert!(missing.is_empty(), "not in {PAGE}: {missing:?}");
}

fn look(command: &Command, page: &str, missing: &mut Vec<String>) {
    for option in command.get_arguments() {
        let long = option.get_long().map(|long| format!("--{long}"));
        let short = option.get_short().map(|short| format!("-{short}"));
        for word in [long, short].into_iter().flatten() {
            let stands = page.match_indices(&word).any(|(at, _)| {
                let next = page[at + word.len()..].chars().next();
                next.is_none_or(|next| !next.is_ascii_alphanumeric() && next != '-')
            });
            if !stands {
                missing.push(format!("{} {word}", command.get_name()));
            }
        }
    }
    for inner in command.get_subcommands() {
        if !page.contains(inner.get_name()) {
            missing.push(inner.get_name().to_owned());
        }
        look(inner, page, missing);
    }
}
