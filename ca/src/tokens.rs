//! Join tokens: what may be asked for.

use daypass_protocol::api::TokenWish;

/// Names and groups of one host, at most.
const MOST_NAMES: usize = 16;

/// How long a token may be good for, in seconds: a minute to 30 days.
const TTL: std::ops::RangeInclusive<u64> = 60..=30 * 86_400;

/// How many machines a token may enrol.
const USES: std::ops::RangeInclusive<u32> = 1..=10_000;

/// Why no token is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// Too short or too long.
    #[error("a join token can be good for 60 seconds to 30 days, not for {0} seconds")]
    Ttl(u64),
    /// Too many names.
    #[error("a host has at most {MOST_NAMES} aliases and {MOST_NAMES} groups")]
    TooManyNames,
    /// Neither a name nor a group limits it.
    #[error("a join token is for one host or for a group: name the host, or give a group")]
    Unlimited,
    /// Every machine would get the same other name.
    #[error("aliases belong to one host: name it")]
    AliasesOfMany,
    /// A name is given once.
    #[error("a token for one host serves once; for {0} machines give a group and no name")]
    NameForMany(u32),
    /// Whose place it would take is not said.
    #[error("a machine takes the place of one host: name it")]
    ReplacesUnnamed,
    /// None, or too many.
    #[error("a join token enrols {first} to {last} machines, not {0}", first = USES.start(), last = USES.end())]
    Uses(u32),
}

impl TokenRefusal {
    /// For programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ttl(_) => "token-ttl",
            Self::TooManyNames => "too-many-names",
            Self::Unlimited => "token-unlimited",
            Self::AliasesOfMany => "token-aliases",
            Self::NameForMany(_) | Self::Uses(_) => "token-uses",
            Self::ReplacesUnnamed => "token-replaces",
        }
    }
}

/// Checks what is asked for, apart from whether its names are free.
///
/// # Errors
/// What is wrong with it.
pub fn check(wish: &TokenWish) -> Result<(), TokenRefusal> {
    if !TTL.contains(&wish.ttl) {
        return Err(TokenRefusal::Ttl(wish.ttl));
    }
    if wish.aliases.len() > MOST_NAMES || wish.groups.len() > MOST_NAMES {
        return Err(TokenRefusal::TooManyNames);
    }
    if !USES.contains(&wish.uses) {
        return Err(TokenRefusal::Uses(wish.uses));
    }
    if wish.replace && wish.host.is_none() {
        return Err(TokenRefusal::ReplacesUnnamed);
    }
    match (&wish.host, wish.uses) {
        (Some(_), 1) => Ok(()),
        (Some(_), uses) => Err(TokenRefusal::NameForMany(uses)),
        (None, _) if wish.groups.is_empty() => Err(TokenRefusal::Unlimited),
        (None, _) if !wish.aliases.is_empty() => Err(TokenRefusal::AliasesOfMany),
        (None, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(host: Option<&str>, aliases: &[&str], groups: &[&str], uses: u32) -> TokenWish {
        TokenWish {
            host: host.map(|host| host.parse().unwrap()),
            aliases: aliases.iter().map(|alias| alias.parse().unwrap()).collect(),
            groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
            uses,
            ttl: 3600,
            replace: false,
        }
    }

    #[test]
    fn a_token_is_for_one_host_or_for_a_group() {
        for (wish, expected) in [
            (wish(Some("db1"), &["db"], &["prod"], 1), Ok(())),
            (wish(None, &[], &["prod"], 20), Ok(())),
            (wish(None, &[], &[], 1), Err(TokenRefusal::Unlimited)),
            (
                wish(None, &["db"], &["prod"], 2),
                Err(TokenRefusal::AliasesOfMany),
            ),
            (
                wish(Some("db1"), &[], &["prod"], 2),
                Err(TokenRefusal::NameForMany(2)),
            ),
            (wish(None, &[], &["prod"], 0), Err(TokenRefusal::Uses(0))),
            (
                wish(None, &[], &["prod"], 10_001),
                Err(TokenRefusal::Uses(10_001)),
            ),
            (
                wish(None, &[], &["prod"; 17], 1),
                Err(TokenRefusal::TooManyNames),
            ),
        ] {
            assert_eq!(check(&wish), expected, "{wish:?}");
        }
    }

    #[test]
    fn a_token_lives_a_minute_to_thirty_days() {
        for (ttl, fits) in [
            (59, false),
            (60, true),
            (2_592_000, true),
            (2_592_001, false),
        ] {
            let wish = TokenWish {
                ttl,
                ..wish(Some("db1"), &[], &[], 1)
            };
            assert_eq!(check(&wish).is_ok(), fits, "{ttl}");
        }
    }
}
