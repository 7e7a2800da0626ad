//! The state of the model of a rotation: a few small numbers for each outside system.

use super::delivery::Delivery;
use super::invocation::Invocation;
pub use super::limits::{Budget, Calm, Hypothesis};
pub use super::secret::{Id, Login, Password, Secret, User, VERSIONS, Version, ids};

/// How many invocations of rotation-mq run at the same time.
pub const INVOCATIONS: usize = 3;
/// How many deliveries run at the same time.
pub const DELIVERIES: usize = 2;

/// What a stranger's user has.
pub const STRANGE: Password = 10;
/// Nobody knows it.
pub const RANDOM: Password = 11;
/// What a person stored by mistake.
pub const WRONG: Password = 12;
// A version has its own number as its password.
const _: () = assert!(VERSIONS <= STRANGE as usize && VERSIONS <= u16::BITS as usize);

/// The permission that the application needs.
pub const NEEDED: u8 = 1;
/// A permission that only one user of the pair has.
pub const EXTRA: u8 = 2;

/// Whose mark a broker user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// None.
    None,
    /// This secret's.
    Ours,
    /// Another secret's.
    Theirs,
}

/// A user as the broker knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Account {
    /// Its password.
    pub password: Password,
    /// Its mark.
    pub mark: Mark,
    /// [`NEEDED`] and [`EXTRA`].
    pub permissions: u8,
    /// Whether it belongs to another application. No function can see this.
    pub is_theirs: bool,
    /// Who wrote its password last. No function can see this.
    pub writer: Writer,
}

/// Who wrote a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writer {
    /// It was there at the beginning, or a rotation wrote it whose version was AWSPENDING.
    Rotation,
    /// A late step or a revocation restored the password of a version that was in use, or a late step wrote that of AWSCURRENT.
    Restored,
    /// A late step or a revocation restored a password for the last time, and does not look again.
    RestoredLast,
    /// A step of an abandoned attempt.
    LateStep,
    /// A step of an abandoned attempt, which was killed before it could restore the password.
    LateStepKilled,
    /// A revocation of this version.
    Revocation(Id),
    /// A revocation that was killed before it could look again.
    RevocationKilled,
    /// A rotation that a late receipt had allowed.
    LateReceipt,
    /// A person.
    Person,
}

/// What makes the operator sync: the annotations of the ExternalSecret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Annotations {
    /// The version.
    pub version: Id,
    /// The request that asked again. 0 for none.
    pub request: u8,
    /// The number of this write of the object, as its time.
    pub writes: u8,
}

/// The cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cluster {
    /// The ExternalSecret.
    pub object: Option<Annotations>,
    /// What the operator has synced last, and after which write that sync began.
    pub synced: Option<Annotations>,
    /// The version in the Kubernetes Secret.
    pub holds: Option<Id>,
    /// A sync that has read this version and not written it yet.
    pub syncing: Option<(Annotations, Id)>,
}

/// An attempt of Secrets Manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// The version that it makes.
    pub token: Id,
    /// The step, from 0. 4 after the last one.
    pub step: u8,
    /// Whether the step has been invoked and has not answered.
    pub invoked: bool,
    /// Whether a step has failed.
    pub failed: bool,
}

/// The whole state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct World {
    /// Secrets Manager.
    pub secret: Secret,
    /// The broker's users, by [`User`].
    pub broker: [Option<Account>; 4],
    /// The cluster.
    pub cluster: Cluster,
    /// The attempt in progress.
    pub attempt: Option<Attempt>,
    /// The invocations of rotation-mq, those of abandoned attempts included.
    pub invocations: [Option<Invocation>; INVOCATIONS],
    /// The deliveries.
    pub deliveries: [Option<Delivery>; DELIVERIES],
    /// Whether a delivery was requested and has not begun.
    pub requested: bool,
    /// What may still go wrong.
    pub budget: Budget,
    /// Set when the trouble is over.
    pub calm: Option<Calm>,
    /// Whether a user of another application was written.
    pub wrote_theirs: bool,
    /// Whether a rotation was refused as `pair.taken` although both users are the secret's.
    pub refused_ours: bool,
}

impl World {
    /// The user on the broker.
    #[must_use]
    pub fn account(&self, user: User) -> Option<Account> {
        self.broker.get(user as usize).copied().flatten()
    }

    /// Writes a user, and keeps what the write does not change. A new user has no permissions.
    pub fn write(&mut self, user: User, password: Password, mark: Mark, writer: Writer) {
        let before = self.account(user);
        self.wrote_theirs |= before.is_some_and(|before| before.is_theirs) && writer != Writer::Person;
        if let Some(account) = self.broker.get_mut(user as usize) {
            *account = Some(Account {
                password,
                mark,
                permissions: before.map_or(0, |before| before.permissions),
                is_theirs: before.is_some_and(|before| before.is_theirs),
                writer,
            });
        }
    }

    /// Changes a user that exists.
    pub fn change(&mut self, user: User, change: impl FnOnce(&mut Account)) {
        if let Some(Some(account)) = self.broker.get_mut(user as usize) {
            change(account);
        }
    }

    /// Whether the broker accepts the password.
    #[must_use]
    pub fn accepts(&self, login: Login) -> bool {
        self.account(login.user).is_some_and(|account| account.password == login.password)
    }

    /// Whether an application with the credentials of this version can work.
    #[must_use]
    pub fn works(&self, id: Id) -> bool {
        self.secret.login(id).is_some_and(|login| {
            self.accepts(login) && self.account(login.user).is_some_and(|user| user.permissions & NEEDED != 0)
        })
    }

    /// Whether AWSCURRENT logs in.
    #[must_use]
    pub fn current_works(&self) -> bool {
        self.works(self.secret.current)
    }

    /// Whether the user of AWSPENDING has its password, and a permission that the active user does not have.
    #[must_use]
    pub fn has_more(&self) -> bool {
        let permissions = |login: Login| self.account(login.user).map_or(0, |account| account.permissions);
        let pending = self.secret.pending.filter(|id| *id != self.secret.current);
        let active = self.secret.login(self.secret.current).map_or(0, permissions);
        pending
            .and_then(|id| self.secret.login(id))
            .is_some_and(|login| self.accepts(login) && permissions(login) & !active & EXTRA != 0)
    }

    /// Adds an invocation, if there is a place.
    pub fn invoke(&mut self, invocation: Invocation) -> bool {
        let Some(place) = self.invocations.iter_mut().find(|place| place.is_none()) else { return false };
        *place = Some(invocation);
        true
    }

    /// Whether something runs.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.invocations.iter().all(Option::is_none) && self.deliveries.iter().all(Option::is_none)
    }

    /// Sorts the places, and numbers the writes of the object from 0. States that differ only in these are the same state.
    pub fn sort(&mut self) {
        let writes = |world: &mut Self, change: &mut dyn FnMut(&mut u8)| {
            let Cluster { object, synced, syncing, .. } = &mut world.cluster;
            let syncing = syncing.as_mut().map(|(annotations, _)| annotations);
            for annotations in object.iter_mut().chain(synced).chain(syncing) {
                change(&mut annotations.writes);
            }
            world.deliveries.iter_mut().flatten().filter_map(Delivery::write_number).for_each(change);
        };
        let mut known = 0_u32;
        writes(self, &mut |write| known |= 1 << *write);
        writes(self, &mut |write| {
            let before = known & ((1 << *write) - 1);
            *write = u8::try_from(before.count_ones()).unwrap_or(u8::MAX);
        });
        self.invocations.sort_unstable();
        self.deliveries.sort_unstable();
    }
}
