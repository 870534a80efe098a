//! The `v` that every document begins with.

/// Stands in JSON as the number `N`; any other number is refused, so that a reader never guesses at a version that it
/// does not know.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Version<const N: u64>;

impl<const N: u64> serde::Serialize for Version<N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(N)
    }
}

impl<'de, const N: u64> serde::Deserialize<'de> for Version<N> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = u64::deserialize(deserializer)?;
        if found == N {
            Ok(Self)
        } else {
            Err(serde::de::Error::custom(format_args!(
                "version {found} is not known here, only {N} is"
            )))
        }
    }
}
