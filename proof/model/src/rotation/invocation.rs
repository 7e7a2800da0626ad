//! One invocation of rotation-mq, effect by effect.

use contract::Kind;
use rotation_mq::event::StepName;
use rotation_mq::ownership::Claim;
use rotation_mq::version_state::Decision;

use super::world::{Id, Login, Mark, NEEDED, User, World, ids};
use crate::mutation::Mutation;
use crate::suite::rotation::{self as suite, Changes};

/// What an invocation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Work {
    /// `createSecret`.
    Create,
    /// `setSecret`.
    Set,
    /// `testSecret`.
    Test,
    /// `finishSecret`.
    Finish,
    /// `revokePrevious`.
    Revoke,
}

impl Work {
    /// The four steps, in their order.
    pub const STEPS: [Self; 4] = [Self::Create, Self::Set, Self::Test, Self::Finish];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => StepName::CreateSecret.as_str(),
            Self::Set => StepName::SetSecret.as_str(),
            Self::Test => StepName::TestSecret.as_str(),
            Self::Finish => StepName::FinishSecret.as_str(),
            Self::Revoke => "revokePrevious",
        }
    }
}

/// How far an invocation has come: what it does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum At {
    /// Read and decide.
    Start,
    /// `createSecret` stores the value.
    Store(Login),
    /// `createSecret` found that another call stored one.
    ReadAgain,
    /// `setSecret` writes the tag with the pair's first user.
    Pin(Changes, User),
    /// It removes permissions that the active user does not have.
    Remove(Changes),
    /// It sets password, tags and mark.
    Password(Changes),
    /// It makes the other changes of permissions.
    Grant(Changes),
    /// It looks whether the write was still right. Holds the version that was AWSCURRENT when it decided.
    LookAgain(Id),
    /// It restores the password of a version that is in use. Holds also the number of looks so far.
    Restore(Id, u8),
    /// It looks whether the restored version is still in use. Holds the same.
    Restored(Id, u8),
    /// `finishSecret` moves AWSCURRENT from this version. Whether its own version was AWSPENDING when it looked.
    Promote(Id, bool),
    /// It requests the delivery.
    Request,
    /// `revokePrevious` makes the password random. Holds the version that was AWSCURRENT when it began.
    Scramble(Id),
    /// It looks whether a rotation has taken the user, and tries the leaked login. Holds the same, and the round.
    Watch(Id, u8),
    /// It gives the user the password of this version. Holds also the version that was AWSCURRENT when it began, and the
    /// number of looks so far.
    GiveBack(Id, Id, u8),
    /// It looks whether the version that it gave back is still in use. Holds the same.
    GivenBack(Id, Id, u8),
}

/// One invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Invocation {
    /// What it does.
    pub work: Work,
    /// The token of its event, or the version to revoke.
    pub version: Id,
    /// Whether Secrets Manager waits for its answer.
    pub awaited: bool,
    /// How far it has come.
    pub at: At,
}

/// How one effect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The invocation goes on.
    At(At),
    /// It answers.
    Done,
    /// It fails, and reports this kind.
    Failed(Kind),
}

/// What a step reads before it decides, and the answer of the preamble.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// Whether the version is AWSCURRENT already.
    pub already_current: bool,
    /// AWSCURRENT.
    pub current: Id,
    /// Its value.
    pub login: Login,
    /// The pending value.
    pub pending: Option<Login>,
    /// The first user of the pair.
    pub base: User,
    /// The user whose turn it is.
    pub next: User,
}

/// As `Step::find` does.
///
/// # Errors
/// What the step reports.
pub fn find(world: &World, step: StepName, token: Id, broken: Option<Mutation>) -> Result<Found, Kind> {
    let secret = &world.secret;
    let already_current = match suite::decide(step, secret, token) {
        Decision::Proceed => false,
        Decision::AlreadyCurrent => true,
        Decision::Refuse(_) if broken == Some(Mutation::LateStepAccepted) => false,
        Decision::Refuse(refusal) => return Err(refused(refusal)),
    };
    let login = secret.login(secret.current).ok_or(Kind::SecretNotFound)?;
    let pending = if already_current { None } else { secret.login(token) };
    let previous = secret.previous.and_then(|id| secret.login(id)).map(|login| login.user);
    let base = if already_current || broken == Some(Mutation::PairOfValue) {
        suite::pair(None, login.user, None)
    } else {
        suite::pair(secret.pin, login.user, previous)
    };
    let base = base.ok_or(Kind::PairTaken)?;
    let next = suite::next_user(login, secret.single, base).ok_or(Kind::SecretInvalid)?;
    let next = if broken == Some(Mutation::WrongUser) { login.user } else { next };
    Ok(Found { already_current, current: secret.current, login, pending, base, next })
}

/// As `Step::fitting_pending` does.
///
/// # Errors
/// `pending.missing` and `pending.stale`.
pub fn fitting(world: &World, found: &Found, broken: Option<Mutation>) -> Result<Login, Kind> {
    let pending = found.pending.ok_or(Kind::PendingMissing)?;
    let fits = suite::fits(found.login, pending, world.secret.single, found.next);
    if fits || broken == Some(Mutation::StaleAccepted) { Ok(pending) } else { Err(Kind::PendingStale) }
}

/// As `claim::refuse_what_is_not_ours` does.
///
/// # Errors
/// `pair.taken`.
pub fn refuse_what_is_not_ours(
    world: &World,
    found: &Found,
    next: User,
    pending_logs_in: bool,
    broken: Option<Mutation>,
) -> Result<(), Kind> {
    let seen = |user: User| {
        let mark = world.account(user).map(|account| account.mark);
        mark.map(|mark| match (mark, broken) {
            (Mark::Theirs, Some(Mutation::MarkIgnored)) => Mark::None,
            (mark, _) => mark,
        })
    };
    let active = (found.login.user, seen(found.login.user).ok_or(Kind::CurrentUserMissing)?);
    let claim = suite::claim(active, (next, seen(next))).ok_or(Kind::PairTaken)?;
    let is_ours = claim == Claim::Ours
        || pending_logs_in
        || broken == Some(Mutation::ProofSkipped)
        || a_version_logs_in(world, found.current, next);
    if is_ours { Ok(()) } else { Err(Kind::PairTaken) }
}

/// Whether a stored version, also one without a label, logs in as the user.
fn a_version_logs_in(world: &World, current: Id, user: User) -> bool {
    ids().any(|id| {
        let login = world.secret.login(id).filter(|login| id != current && login.user == user);
        login.is_some_and(|login| world.accepts(login))
    })
}

/// As `test_secret::equal_grants` does.
///
/// # Errors
/// `pending.grants_unequal`, and `current.user_missing`.
pub fn equal_grants(world: &World, active: User, inactive: User) -> Result<(), Kind> {
    let active = world.account(active).ok_or(Kind::CurrentUserMissing)?;
    let equal = world.account(inactive).is_some_and(|inactive| suite::equal_grants(active, inactive));
    if equal { Ok(()) } else { Err(Kind::PendingGrantsUnequal) }
}

/// Logs in over AMQPS, and opens the vhost.
///
/// # Errors
/// `refused` if the password is wrong, and `vhost.not_permitted`.
pub fn log_in(world: &World, login: Login, refused: Kind) -> Result<(), Kind> {
    let account = world.account(login.user).filter(|account| account.password == login.password);
    let account = account.ok_or(refused)?;
    if account.permissions & NEEDED == 0 { Err(Kind::VhostNotPermitted) } else { Ok(()) }
}

fn refused(refusal: rotation_mq::version_state::Refusal) -> Kind {
    use rotation_mq::version_state::Refusal;
    match refusal {
        Refusal::RotationNotEnabled => Kind::RotationNotEnabled,
        Refusal::UnknownVersion => Kind::RotationVersionUnknown,
        Refusal::NotPending => Kind::RotationVersionNotPending,
    }
}
