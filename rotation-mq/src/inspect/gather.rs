//! Reads everything of one secret. What cannot be read becomes a problem among the facts.

use contract::{Kind, Login};
use futures_util::future::join_all;
use tokio::time::{Duration, Instant, timeout_at};

use super::broker::Look;
use super::facts::{BrokerSeen, ConnectionSeen, Facts, VersionSeen};
use super::turn::turn;
use super::versions::{self, ReadVersion};
use super::{finding, logins, proof};
use crate::Rotation;
use crate::amazon_mq::BrokerLookupError;
use crate::amqp_login::LoginError;
use crate::broker_access::BrokerAccess;
use crate::error::{Credentials, RotationError};
use crate::ownership::Mark;
use crate::secret_store::{Description, StoreError, Version};
use crate::version_state::{AWSCURRENT, AWSPENDING, Versions};

/// The longest time for all questions to the management API.
const MANAGEMENT: Duration = Duration::from_secs(20);
/// Time kept back for the judgement and the answer.
const RESERVE: Duration = Duration::from_secs(2);

/// Reads a secret, its users and its broker, until `deadline`. Returns also the staging labels that it found.
///
/// The management API is asked before the logins, so that their connections are not listed.
///
/// # Errors
/// When the secret cannot be described, or is for another engine than RabbitMQ.
pub async fn gather(
    rotation: &Rotation,
    secret: &str,
    deadline: Instant,
) -> Result<(Versions, Facts), RotationError> {
    let description = rotation.secrets.describe(secret).await.map_err(|source| RotationError::Secret {
        what: "describe",
        secret: secret.to_owned(),
        source,
    })?;
    let mut read = versions::read(rotation, &description).await;
    versions::refuse_another_engine(&mut read)?;
    let mut facts = nothing_yet(rotation, &description);
    let turn = turn(rotation, &description, &read, &mut facts);
    let access = match read.iter().find_map(|version| version.version.as_ref()) {
        Some(basis) => open(rotation, &description, basis, &mut facts).await,
        None => None,
    };
    let until = deadline.checked_sub(RESERVE).unwrap_or(deadline);
    let current = read.first().filter(|first| first.has(AWSCURRENT)).and_then(|first| first.version.as_ref());
    if let (Some(access), Some(current), Some(turn)) = (&access, current, &turn) {
        facts.is_own_admin = access.is_own_admin();
        let mut look = Look::of(access.as_admin(&current.value), &mut facts);
        let users = turn.users();
        let reads = look.at(&users, current.value.vhost());
        let ends = (Instant::now() + MANAGEMENT).min(until);
        let certificate = certificate(rotation, access);
        let (reads, ends) = tokio::join!(timeout_at(ends, reads), certificate);
        if reads.is_err() {
            facts.problems.push(finding(&RotationError::TimedOut(MANAGEMENT)));
        }
        if let Some(broker) = &mut facts.broker {
            broker.certificate_ends_ms = ends;
        }
        turn.refusals(rotation, access, current, &mut facts);
    } else if let (Some(access), Some(broker)) = (&access, &mut facts.broker) {
        broker.certificate_ends_ms = certificate(rotation, access).await;
    }
    let logins = join_all(read.iter().map(|version| log_in(rotation, version, until))).await;
    facts.versions = read.iter().zip(logins).map(|(version, login)| seen(version, login)).collect();
    if let (Some(access), Some(current)) = (&access, current) {
        let proofs = proof::prove(rotation, access, &description.arn, current, &mut facts);
        let _ = timeout_at(until, proofs).await;
    }
    forget_what_does_not_answer(rotation, &read, &facts);
    Ok((description.versions, facts))
}

fn nothing_yet(rotation: &Rotation, description: &Description) -> Facts {
    let mut facts = Facts {
        secret_arn: description.arn.clone(),
        name: description.name.clone(),
        now_ms: (rotation.now)().as_millisecond(),
        rotation_enabled: description.rotation_enabled,
        next_rotation_ms: description.next_rotation_ms,
        tags: description.tags.clone(),
        mark: Mark::of(&description.arn),
        strategy: None,
        is_own_admin: false,
        versions: Vec::new(),
        users: Vec::new(),
        vhost: None,
        broker: None,
        connections: Vec::<ConnectionSeen>::new(),
        problems: Vec::new(),
    };
    let secret = || description.arn.clone();
    if let Some(tag) = rotation.config.rotation_tag.as_ref().filter(|_| description.rotation_enabled)
        && let Err(source) = tag.check(&description.tags)
    {
        facts.problems.push(finding(&RotationError::Tag { secret: secret(), source }));
    }
    if description.versions.with_stage(AWSCURRENT).is_none() {
        let (what, source) = ("read the current value of", StoreError::NoValue);
        facts.problems.push(finding(&RotationError::Secret { what, secret: secret(), source }));
    }
    facts
}

/// Finds the broker and its admin. Without an admin, the logins are still tried.
async fn open<'a>(
    rotation: &'a Rotation,
    description: &Description,
    basis: &Version,
    facts: &mut Facts,
) -> Option<BrokerAccess<'a>> {
    let opened = BrokerAccess::open(rotation.lookup(), &description.arn, &basis.value).await;
    let name = basis.value.broker().to_string();
    let reported = rotation.amazon_mq.reported(&name).unwrap_or_default();
    let mut broker =
        BrokerSeen { name, state: reported.state, version: reported.version, certificate_ends_ms: None };
    if let Err(RotationError::BrokerLookup(BrokerLookupError::NotRunning { state, .. })) = &opened {
        broker.state = Some(state.clone());
    }
    let is_found = !matches!(opened, Err(RotationError::BrokerLookup(_))) || broker.state.is_some();
    facts.broker = is_found.then_some(broker);
    opened.inspect_err(|error| facts.problems.push(finding(error))).ok()
}

async fn certificate(rotation: &Rotation, access: &BrokerAccess<'_>) -> Option<i64> {
    // The login reports why there is no connection.
    let end = rotation.amqp.certificate_ends(&access.endpoints).await.ok().flatten();
    end.map(jiff::Timestamp::as_millisecond)
}

async fn log_in(
    rotation: &Rotation,
    version: &ReadVersion,
    until: Instant,
) -> Option<Result<(), RotationError>> {
    let value = &version.version.as_ref()?.value;
    let credentials = if version.has(AWSCURRENT) {
        Credentials::Current
    } else if version.has(AWSPENDING) {
        Credentials::Pending
    } else {
        Credentials::Checked
    };
    let started = Instant::now();
    let attempt = async {
        match credentials {
            // An older version, which may be revoked.
            Credentials::Checked => logins::log_in_once(rotation, value, credentials).await,
            _ => logins::log_in(rotation, value, credentials).await,
        }
    };
    let login = timeout_at(until, attempt).await;
    Some(login.unwrap_or_else(|_| {
        let source = LoginError::NoAnswer(started.elapsed());
        Err(RotationError::login(value.username(), credentials)(source))
    }))
}

fn seen(version: &ReadVersion, login: Option<Result<(), RotationError>>) -> VersionSeen {
    let value = version.version.as_ref();
    let unreadable = version.problem.as_ref().map(finding);
    VersionSeen {
        id: version.id.clone(),
        stages: version.stages.clone(),
        created_at_ms: value.and_then(|version| version.created_at_ms),
        user: value.map(|version| version.value.username().to_owned()),
        login: login.as_ref().map_or(Login::Unknown, logins::outcome),
        unreadable,
        problem: login.and_then(Result::err).map(|error| finding(&error)),
    }
}

/// The endpoints may have changed. The next inspection asks Amazon MQ again.
fn forget_what_does_not_answer(rotation: &Rotation, read: &[ReadVersion], facts: &Facts) {
    let is_out_of_reach = |kind| matches!(kind, Kind::BrokerUnreachable | Kind::BrokerTlsRefused);
    for (version, seen) in read.iter().zip(&facts.versions) {
        let problem = seen.problem.as_ref().filter(|problem| is_out_of_reach(problem.kind));
        if let Some(version) = version.version.as_ref().filter(|_| problem.is_some()) {
            rotation.amazon_mq.forget(&version.value.broker().to_string());
        }
    }
}
