//! Secrets Manager's part of the state: the versions of the secret, their labels and its tags.

/// The place of a version among those of the secret.
pub type Id = u8;
/// A version has the number of its place as its password.
pub type Password = u8;
/// How many versions the secret may have.
pub const VERSIONS: usize = 9;

/// The places of all versions.
pub fn ids() -> impl Iterator<Item = Id> {
    (0..VERSIONS).filter_map(|at| Id::try_from(at).ok())
}

/// A user of the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum User {
    /// `payment`.
    First,
    /// `payment_clone`.
    Second,
    /// `billing`, of another application.
    Stranger,
    /// `billing_clone`.
    StrangersSecond,
}

impl User {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::First, Self::Second, Self::Stranger, Self::StrangersSecond];

    /// Its name on the broker.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "payment",
            Self::Second => "payment_clone",
            Self::Stranger => "billing",
            Self::StrangersSecond => "billing_clone",
        }
    }

    /// The user with this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|user| user.name() == name)
    }
}

/// What a version holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Login {
    /// The broker user.
    pub user: User,
    /// Its password.
    pub password: Password,
}

/// A version of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// It does not exist.
    Absent,
    /// It has labels but no value.
    Empty,
    /// It has a value, which never changes.
    Holds(Login),
}

/// Secrets Manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Secret {
    /// By [`Id`].
    pub versions: [Version; VERSIONS],
    /// AWSCURRENT.
    pub current: Id,
    /// AWSPREVIOUS.
    pub previous: Option<Id>,
    /// AWSPENDING.
    pub pending: Option<Id>,
    /// Whether rotation is enabled.
    pub enabled: bool,
    /// The tag `rotation-mq/user`.
    pub pin: Option<User>,
    /// Whether it has the tags of a delivery.
    pub routed: bool,
    /// The tag `secret2eks/delivered`.
    pub receipt: Option<Id>,
    /// Whether it has one user only.
    pub single: bool,
    /// The versions that a person made AWSCURRENT although they did not log in, one bit each.
    pub wrong_by_hand: u16,
    /// The versions that became AWSCURRENT when they were no longer AWSPENDING, one bit each.
    pub late: u16,
    /// Whether the receipt was overtaken before it was written: what it says was true, but no longer.
    pub is_receipt_late: bool,
}

impl Secret {
    /// What a version holds.
    #[must_use]
    pub fn login(&self, id: Id) -> Option<Login> {
        match self.versions.get(usize::from(id)) {
            Some(Version::Holds(login)) => Some(*login),
            _ => None,
        }
    }

    /// Whether AWSPENDING is attached to another version than AWSCURRENT.
    #[must_use]
    pub fn is_pending_elsewhere(&self) -> bool {
        self.pending.is_some_and(|pending| pending != self.current)
    }

    /// A place for one more version.
    #[must_use]
    pub fn free(&self) -> Option<Id> {
        let at = self.versions.iter().position(|version| *version == Version::Absent)?;
        Id::try_from(at).ok()
    }

    /// Stores something in a place.
    pub fn put(&mut self, id: Id, version: Version) {
        if let Some(place) = self.versions.get_mut(usize::from(id)) {
            *place = version;
        }
    }

    /// AWSCURRENT moves, and AWSPREVIOUS moves to the version that it left (rows L2 and V4).
    pub fn make_current(&mut self, id: Id) {
        if self.current != id {
            self.previous = Some(self.current);
            self.current = id;
        }
    }
}
