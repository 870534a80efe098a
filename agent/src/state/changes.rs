//! What a state that was taken over changed.

/// What a state that was taken over changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The roster's number, if it is a new one.
    pub roster: Option<u64>,
    /// The first new roster that the recovery key signed, in the admins' stead.
    pub recovery: Option<u64>,
    /// Statements that stop windows and were not known before.
    pub stops: usize,
    /// Revocations of people, keys, certificates or hosts that were not known before.
    pub revoked: usize,
    /// Narrowings of windows that were not known before.
    pub narrowed: usize,
    /// Statements in the state that count for nothing, where they are other ones by their number than before.
    pub unusable: usize,
    /// How many there is no room to remember, where that is another number than before.
    pub without_place: Option<usize>,
    /// The user-CA keys are others than before.
    pub user_ca: bool,
    /// The CA counts anew: it was restored or rebuilt.
    pub incarnation: bool,
}

impl Changes {
    /// Is there anything that a person might want to know?
    #[must_use]
    pub fn is_notable(&self) -> bool {
        *self != Self::default()
    }
}
