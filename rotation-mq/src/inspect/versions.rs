//! The labelled versions of a secret and their values.

use contract::SecretValueError;

use crate::Rotation;
use crate::error::RotationError;
use crate::secret_store::{Description, StoreError, Version};
use crate::version_state::{AWSCURRENT, AWSPENDING};

/// More are not read. A secret has three labels of AWS, and rarely one of its owner.
const READ: usize = 10;

/// A labelled version, and its value or why it cannot be used.
pub struct ReadVersion {
    /// The version's id.
    pub id: String,
    /// Its staging labels.
    pub stages: Vec<String>,
    /// Its value, if its login can be read.
    pub version: Option<Version>,
    /// What is wrong with the value. Its login may be known nevertheless.
    pub problem: Option<RotationError>,
}

impl ReadVersion {
    /// Whether the staging label `stage` is attached to it.
    pub fn has(&self, stage: &str) -> bool {
        self.stages.iter().any(|own| own == stage)
    }
}

/// Reads the values, AWSCURRENT first. If Secrets Manager does not answer, it is not asked for the others.
pub async fn read(rotation: &Rotation, description: &Description) -> Vec<ReadVersion> {
    let mut all = Vec::new();
    let mut unanswered = false;
    for (id, stages) in description.versions.in_order().take(READ) {
        let is = |stage: &str| stages.iter().any(|own| own == stage);
        let (version, problem) = if unanswered {
            (None, None)
        } else {
            value(rotation, &description.arn, id, is(AWSCURRENT) || is(AWSPENDING)).await
        };
        unanswered |= matches!(&problem, Some(StoreError::Aws(error)) if error.kind().is_transient());
        let problem =
            problem.map(|source| failed(&description.arn, !is(AWSCURRENT) && is(AWSPENDING), source));
        all.push(ReadVersion { id: id.to_owned(), stages: stages.to_vec(), version, problem });
    }
    all
}

/// Reads one value. If a rotation would refuse it, its login is read nevertheless.
async fn value(
    rotation: &Rotation,
    secret: &str,
    id: &str,
    strictly: bool,
) -> (Option<Version>, Option<StoreError>) {
    let store = &rotation.secrets;
    let read =
        if strictly { store.strict_version(secret, id).await } else { store.version(secret, id).await };
    match read {
        Ok(version) => (version, None),
        Err(StoreError::Invalid { version, source: source @ SecretValueError::NearMiss { .. } }) => {
            let login = store.version(secret, id).await.ok().flatten();
            (login, Some(StoreError::Invalid { version, source }))
        }
        Err(error) => (None, Some(error)),
    }
}

fn failed(secret: &str, is_pending: bool, source: StoreError) -> RotationError {
    match source {
        StoreError::Invalid { .. } | StoreError::Binary { .. } if is_pending => {
            RotationError::PendingUnreadable { secret: secret.to_owned(), source }
        }
        source => RotationError::Secret { what: "read the value of", secret: secret.to_owned(), source },
    }
}

/// A secret that is not for RabbitMQ is not inspected.
///
/// # Errors
/// `secret.invalid` if AWSCURRENT names another engine.
pub fn refuse_another_engine(versions: &mut [ReadVersion]) -> Result<(), RotationError> {
    let is_another = |error: &RotationError| {
        let RotationError::Secret { source: StoreError::Invalid { source, .. }, .. } = error else {
            return false;
        };
        *source == SecretValueError::WrongEngine
    };
    let current = versions.iter_mut().find(|version| version.has(AWSCURRENT));
    match current.and_then(|current| current.problem.take_if(|problem| is_another(problem))) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
