//! What the files under `/proc` say, as text. Others choose much of it: the name of a program, its arguments, its groups.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::connection::Endpoint;
use super::process::Ids;

/// `ESTABLISHED` in `/proc/net/tcp`.
const ESTABLISHED: &str = "01";

/// A number in `/proc/PID/stat`, whose fields are counted as in proc(5), from the third on.
#[must_use]
pub fn number(stat: &str, field: usize) -> Option<u64> {
    // The second field is the program's name in brackets, and may hold anything, brackets included.
    let (_, rest) = stat.rsplit_once(") ")?;
    let word = rest.split(' ').nth(field.checked_sub(3)?)?;
    // tty_nr is printed as a signed number.
    let signed = || word.parse::<i64>().map(i64::cast_unsigned);
    word.parse().or_else(|_| signed()).ok()
}

/// Uids and groups in `/proc/PID/status`.
#[must_use]
pub fn ids(status: &str) -> Option<Ids> {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let real = field("Uid:")?.split_ascii_whitespace().next()?;
    let groups = field("Groups:")?.split_ascii_whitespace().map(str::parse);
    Some(Ids {
        real_uid: real.parse().ok()?,
        groups: groups.collect::<Result<_, _>>().ok()?,
    })
}

/// The unified hierarchy's path in `/proc/PID/cgroup` where systemd uses it, else that of systemd's own old one. The one
/// that it does not use is there as well, and says `/`.
#[must_use]
pub fn systemd_path(cgroup: &str) -> Option<&str> {
    // By the line's beginning: whoever was lent a group names those below it, and may put anything into a path.
    let named = |is_ours: fn(&str, &str) -> bool| {
        let path = cgroup.lines().find_map(|line| {
            let (hierarchy, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            is_ours(hierarchy, controllers).then_some(path)
        })?;
        (path != "/").then_some(path)
    };
    named(|hierarchy, controllers| hierarchy == "0" && controllers.is_empty())
        .or_else(|| named(|_, controllers| controllers == "name=systemd"))
}

/// The words of a command line as `/proc/PID/cmdline` has them, each behind the other, ended by a NUL.
#[must_use]
pub fn words(cmdline: &[u8]) -> Vec<Vec<u8>> {
    let whole = cmdline.strip_suffix(b"\0").unwrap_or(cmdline);
    whole.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
}

/// The far end of the connection in a line of `/proc/net/tcp`, when it stands and is one of these sockets.
#[must_use]
pub fn established(line: &str, inodes: &BTreeSet<u64>) -> Option<Endpoint> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, _, remote, state, _, _, _, _, _, inode, ..] = words[..] else {
        return None;
    };
    if state != ESTABLISHED || !inodes.contains(&inode.parse().ok()?) {
        return None;
    }
    let (address, port) = remote.split_once(':')?;
    Some(Endpoint {
        address: parse_address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
    })
}

/// Addresses stand there as 32-bit words in the machine's byte order.
fn parse_address(hex: &str) -> Option<IpAddr> {
    let words: Option<Vec<u32>> = (0..hex.len() / 8)
        .map(|i| u32::from_str_radix(hex.get(8 * i..8 * i + 8)?, 16).ok())
        .collect();
    let bytes: Vec<u8> = words?.into_iter().flat_map(u32::to_ne_bytes).collect();
    match *bytes {
        [a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d).into()),
        _ => Some(IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hierarchy_that_systemd_uses_counts() {
        let scope = "/user.slice/user-1001.slice/session-3.scope";
        for text in [
            format!("0::{scope}\n"),
            format!("9:name=systemd:/\n8:pids:/\n0::{scope}\n"),
            format!("1:name=systemd:{scope}\n0::/\n"),
            format!("1:name=systemd:{scope}\n0::{scope}\n"),
        ] {
            assert_eq!(systemd_path(&text), Some(scope), "{text}");
        }
        assert_eq!(systemd_path("0::/\n"), None);
    }

    #[test]
    fn a_group_that_is_called_like_another_hierarchy_is_none() {
        let own = "/user.slice/user-1001.slice/user@1001.service/app.slice/1:name=systemd:";
        for text in [
            format!("1:name=systemd:{own}0::/user.slice/session-3.scope\n0::/\n"),
            format!("8:pids:{own}/user.slice/session-3.scope\n1:name=systemd:{own}\n0::/\n"),
        ] {
            assert!(
                systemd_path(&text).is_some_and(|path| path.starts_with(own)),
                "{text}"
            );
        }
    }

    #[test]
    fn addresses_are_read_in_the_kernels_form() {
        let v4 = if cfg!(target_endian = "little") {
            "0100007F"
        } else {
            "7F000001"
        };
        assert_eq!(parse_address(v4), Some("127.0.0.1".parse().unwrap()));
        assert_eq!(parse_address("7F"), None);
    }
}
