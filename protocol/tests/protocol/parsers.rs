//! Every parser of outside bytes against arbitrary input: never a panic, and what is taken comes back the same.

use crate::company::{Company, key};
use daypass_protocol::certificate::{self, KeyId};
use daypass_protocol::cidr::Cidr;
use daypass_protocol::digest::{Digest, Nonce};
use daypass_protocol::grant::Grant;
use daypass_protocol::http_auth::Credential;
use daypass_protocol::key::{Fingerprint, Key};
use daypass_protocol::name::{Account, HostName, Name};
use daypass_protocol::roster::Roster;
use daypass_protocol::sshsig::Signature;
use daypass_protocol::strict_json;
use daypass_protocol::time::Time;
use daypass_protocol::token::{CaUrl, InviteLine, JoinToken, SetupLine};
use daypass_protocol::window::{FrozenWindow, WindowId};
use proptest::prelude::*;
use std::fmt::{Debug, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Taken or refused; if taken, written exactly as it was read.
fn comes_back<T: FromStr<Err: Debug> + Display>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text);
    }
}

fn every_parser(text: &str) {
    comes_back::<Name>(text);
    comes_back::<HostName>(text);
    comes_back::<Account>(text);
    comes_back::<Time>(text);
    comes_back::<Digest>(text);
    comes_back::<Nonce>(text);
    comes_back::<WindowId>(text);
    comes_back::<Cidr>(text);
    comes_back::<KeyId>(text);
    comes_back::<Key>(text);
    comes_back::<Fingerprint>(text);
    comes_back::<CaUrl>(text);
    comes_back::<Signature>(text);
    _ = text.parse::<JoinToken>();
    _ = text.parse::<SetupLine>();
    _ = text.parse::<InviteLine>();
    _ = FrozenWindow::parse(text);
    _ = Roster::parse(text);
    _ = Grant::parse(text);
    _ = Credential::from_header(text);
    _ = certificate::parse(text);
    _ = strict_json::parse_value(text.as_bytes(), 1 << 20);
}

/// Texts that nearly are something: honest ones with a few bytes changed.
fn nearly() -> impl Strategy<Value = String> {
    let company = Company::new();
    let window = company.window();
    let id = window.document().id;
    let honest = vec![
        window.text().to_owned(),
        id.to_string(),
        format!("daypass/{id}/carl"),
        window.hash().to_string(),
        key("carl").to_string(),
        key("carl").fingerprint().to_string(),
        company
            .says(daypass_protocol::statement::Verb::Request, "carl", &window)
            .signature
            .to_string(),
        "2026-11-23T10:00:00Z".to_owned(),
        "192.0.2.0/24".to_owned(),
        "2001:db8::/32".to_owned(),
        "https://[2001:db8::1]:7443".to_owned(),
    ];
    (
        proptest::sample::select(honest),
        proptest::collection::vec((any::<prop::sample::Index>(), any::<char>()), 0..3),
    )
        .prop_map(|(text, changes)| {
            let mut characters: Vec<_> = text.chars().collect();
            for (place, character) in changes {
                let place = place.index(characters.len());
                characters[place] = character;
            }
            characters.into_iter().collect()
        })
}

proptest! {
    #[test]
    fn arbitrary_text_is_taken_or_refused(text in ".{0,200}") {
        every_parser(&text);
    }

    #[test]
    fn text_that_nearly_is_something_is_taken_or_refused(text in nearly()) {
        every_parser(&text);
    }

    #[test]
    fn window_ids_come_back_and_sort_by_time(earlier in 0i64..200_000_000_000, gap in 1u64..1_000_000, random: [u8; 10], other: [u8; 10]) {
        let (first, second) = (Time::from_unix(earlier), Time::from_unix(earlier).plus(gap));
        let (first, second) = (WindowId::new(first, random), WindowId::new(second, other));
        prop_assert_eq!(first.to_string().parse::<WindowId>().unwrap(), first);
        prop_assert!(first < second && first.to_string() < second.to_string());
    }

    #[test]
    fn times_come_back(seconds in 0i64..253_402_300_800) {
        let time = Time::from_unix(seconds);
        prop_assert_eq!(time.unix(), seconds);
        prop_assert_eq!(time.to_string().parse::<Time>().unwrap(), time);
    }

    #[test]
    fn an_ipv4_network_holds_what_its_bits_say(network: u32, prefix in 0u8..=32, address: u32) {
        let mask = (0..32).fold(0u32, |mask, bit| mask << 1 | u32::from(bit < prefix));
        let text = format!("{}/{prefix}", Ipv4Addr::from_bits(network & mask));
        let cidr: Cidr = text.parse().unwrap();
        let inside = address & mask == network & mask;
        prop_assert_eq!(cidr.contains(Ipv4Addr::from_bits(address).into()), inside);
        prop_assert_eq!(cidr.contains(Ipv4Addr::from_bits(address).to_ipv6_mapped().into()), inside);
        prop_assert!(cidr.contains(Ipv4Addr::from_bits(network).into()));
    }

    #[test]
    fn an_ipv6_network_holds_what_its_bits_say(network: u128, prefix in 0u8..=128, address: u128) {
        let mask = (0..128).fold(0u128, |mask, bit| mask << 1 | u128::from(bit < prefix));
        let text = format!("{}/{prefix}", Ipv6Addr::from_bits(network & mask));
        if let Ok(cidr) = text.parse::<Cidr>() {
            let address = IpAddr::from(Ipv6Addr::from_bits(address));
            prop_assert_eq!(cidr.contains(address), matches!(address.to_canonical(), IpAddr::V6(v6) if v6.to_bits() & mask == network & mask));
        }
    }
}

#[test]
fn networks_have_one_form() {
    for text in [
        "192.0.2.1",
        "192.0.2.1/24",
        "192.0.2.0/33",
        "192.0.2.0/+24",
        "192.0.2.0/024",
        "192.0.2/24",
        "::ffff:192.0.2.0/120",
        "2001:0db8::/32",
        "2001:DB8::/32",
        "/24",
        "192.0.2.0/",
        "any",
    ] {
        assert!(text.parse::<Cidr>().is_err(), "{text}");
    }
}

#[test]
fn numbers_that_json_can_hide_differences_in_are_refused() {
    let text = Company::new().window().text().to_owned();
    for ttl in ["600.0", "6e2", "\"600\"", "-600", "1e400"] {
        assert!(
            FrozenWindow::parse(&text.replace(":600,", &format!(":{ttl},"))).is_err(),
            "{ttl}"
        );
    }
}
