//! The requests that only look: a secret with its broker users and its broker, the login of one version, and the routes of
//! the function. Nothing here writes to a secret or to a broker.
//!
//! An inspection gathers facts with calls, and then judges them (`judge`, pure). One thing that cannot be read is a
//! finding, and does not hide the rest.

use contract::{Finding, InspectRequest, Inspection, cut};
use lambda_boundary::causes;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use crate::Rotation;
use crate::error::RotationError;
use crate::subject::Subject;

mod broker;
mod check_login;
mod facts;
mod gather;
mod judge;
mod logins;
mod proof;
mod routes;
mod turn;
mod versions;

/// The longest message of a finding, in bytes.
const MESSAGE_LIMIT: usize = 1_000;
/// The most looks at a secret whose staging labels move.
const LOOKS: usize = 3;
/// Less time is not enough for another look.
const TIME_FOR_ANOTHER: Duration = Duration::from_secs(20);

/// Answers one request. `deadline` is when the answer must be ready.
///
/// # Errors
/// When there is no such secret or version, the function may not read it, or it is not a secret of a RabbitMQ user.
pub async fn answer(
    rotation: &Rotation,
    request: &InspectRequest,
    subject: &Subject,
    deadline: Instant,
) -> Result<Value, RotationError> {
    let _ = subject.step.set(match request {
        InspectRequest::Inspect { .. } => "inspect",
        InspectRequest::CheckLogin { .. } => "checkLogin",
        InspectRequest::Routes {} => "routes",
    });
    match request {
        InspectRequest::Inspect { secret_id } => Ok(json!(inspect(rotation, secret_id, deadline).await?)),
        InspectRequest::CheckLogin { secret_id, version_id } => {
            Ok(json!(check_login::check_login(rotation, secret_id, version_id).await?))
        }
        InspectRequest::Routes {} => Ok(json!(routes::routes(rotation).await)),
    }
}

/// Looks at everything of one secret. A rotation may run meanwhile. So if something is wrong, and the staging labels have
/// moved since or the pending version had no value yet, it looks again, a few times at most.
async fn inspect(rotation: &Rotation, secret: &str, deadline: Instant) -> Result<Inspection, RotationError> {
    let mut looks = 1;
    loop {
        let (seen, facts) = gather::gather(rotation, secret, deadline).await?;
        let awaits_a_value = judge::awaits_a_value(&facts);
        let inspection = judge::judge(facts);
        let is_late = Instant::now() + TIME_FOR_ANOTHER > deadline;
        if inspection.findings.is_empty() || looks == LOOKS || is_late {
            return Ok(inspection);
        }
        match rotation.secrets.describe(secret).await {
            Ok(now) if awaits_a_value || now.versions != seen => looks += 1,
            _ => return Ok(inspection),
        }
    }
}

/// A failure as a finding.
fn finding(error: &RotationError) -> Finding {
    let kind = error.kind();
    let chain: Vec<String> = std::iter::once(error.to_string()).chain(causes(error)).collect();
    Finding { kind, severity: kind.severity(), message: cut(&chain.join(": "), MESSAGE_LIMIT) }
}
