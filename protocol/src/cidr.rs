//! Networks that logins may come from.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address with a prefix length, `192.0.2.0/24` or `2001:db8::/32`; the bits after the prefix are zero, as sshd
/// demands of `source-address`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is not a [`Cidr`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Not `address/length`.
    #[error("expected an address and a prefix length, as in 192.0.2.0/24")]
    Form,
    /// The length is larger than the address.
    #[error("a prefix length of {0} is longer than the address")]
    Prefix(u8),
    /// Bits are set after the prefix.
    #[error("the address has bits set after its prefix; the network is {0}")]
    HostBits(Cidr),
    /// An IPv4 network in IPv6 clothes, which sshd would compare with neither.
    #[error("write an IPv4 network as IPv4")]
    Mapped,
}

impl Cidr {
    /// Whether this network holds the address; an IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.prefix) == self.address
    }

    /// Whether every address of `other` is one of this network's.
    pub fn covers(&self, other: Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.address)
    }
}

impl FromStr for Cidr {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (address, length) = text.split_once('/').ok_or(Error::Form)?;
        let address: IpAddr = address.parse().map_err(|_| Error::Form)?;
        let prefix: u8 = length.parse().map_err(|_| Error::Form)?;
        if address != address.to_canonical() {
            return Err(Error::Mapped);
        }
        if prefix > if address.is_ipv4() { 32 } else { 128 } {
            return Err(Error::Prefix(prefix));
        }
        let network = Self {
            address: masked(address, prefix),
            prefix,
        };
        if network.address != address {
            return Err(Error::HostBits(network));
        }
        // One network has one text (no `+8`, no `08`, no long form of an address): documents are compared as bytes.
        if network.to_string() == text {
            Ok(network)
        } else {
            Err(Error::Form)
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

serde_as_text!(Cidr);

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX
                .checked_shl(32_u32.saturating_sub(prefix))
                .unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX
                .checked_shl(128_u32.saturating_sub(prefix))
                .unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}
