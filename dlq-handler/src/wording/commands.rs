//! What to do, with the commands to type. No command holds a secret value, and each can be repeated.
//!
//! A value from outside is in a command only if it has the form of its kind. A word in capital letters replaces any
//! other value, as in the playbooks. The value itself is in the alert, as text.

use contract::{Area, Argument, Foreign};

use super::{Places, Told};
use crate::message::function_of_reconcile;

pub(super) fn next_steps(told: Told<'_>, places: &Places, playbook: &str) -> Vec<String> {
    let incident = &told.announcement.incident;
    let mut steps = vec![format!("Follow the playbook: {playbook}")];
    let secret = argument(told.subject, Argument::Secret);
    if secret == Argument::Secret.placeholder() && matches!(told.area, Area::Rotation | Area::Delivery) {
        steps.push(
            "Do not paste the name above into a shell: it is not the name or ARN of a secret. In the commands \
            below, replace SECRET with the secret that you mean."
                .to_owned(),
        );
    }
    if let Some(log) = log(told) {
        steps.push(log);
    }
    match told.area {
        Area::Rotation => steps.extend(rotation(secret)),
        Area::Delivery => {
            if let Some(function) = &places.secret2eks {
                let version = incident.detail.version.as_deref();
                let version = version.map_or("CURRENT", |version| argument(version, Argument::Version));
                steps.push(format!(
                    "After you have fixed the cause, request the delivery again:\n`echo '{{\"secretArn\":\"{secret}\",\"versionId\":\"{version}\",\"attempt\":1}}' > \
                     request.json; aws lambda invoke --function-name {function} --invocation-type Event --payload fileb://request.json answer.json`"
                ));
            }
            steps.push("You get one more message when a delivery has succeeded.".to_owned());
        }
        Area::Revocation => {
            steps.push("Repeat the revocation as the playbook says. It is safe to repeat.".to_owned());
        }
        Area::Adoption => {
            steps.push("Repeat the adoption as the playbook says. It is safe to repeat.".to_owned());
        }
        Area::Connections => {
            steps.push(
                "You get one more message when two rotations, one for each user, have succeeded and reported no such \
                connection."
                    .to_owned(),
            );
        }
        Area::Function if function_of_reconcile(told.subject).is_some() => {
            steps.push("You get one more message when a reconcile has succeeded.".to_owned());
        }
        Area::Function | Area::Alarm | Area::Message => {}
    }
    steps
}

fn argument(text: &str, argument: Argument) -> &str {
    Foreign::new(text).argument(argument).unwrap_or_else(|| argument.placeholder())
}

fn rotation(secret: &str) -> [String; 3] {
    [
        format!(
            "Check whether a rotation is in progress. If it is, a version has AWSPENDING and not AWSCURRENT:\n`aws \
            secretsmanager describe-secret --secret-id {secret} --query '[RotationEnabled, VersionIdsToStages]'`"
        ),
        format!(
            "After you have fixed the cause, rotate. If the answer is \"a previous rotation isn't complete\", Secrets \
            Manager still repeats the failed rotation, which then finishes by itself.\n`aws secretsmanager \
            rotate-secret --secret-id {secret}`"
        ),
        "You get one more message when a rotation has succeeded.".to_owned(),
    ]
}

/// The log of the failed invocation.
fn log(told: Told<'_>) -> Option<String> {
    let detail = &told.announcement.incident.detail;
    let function = detail.function.as_deref().filter(|name| !name.is_empty())?;
    let request = detail.request_id.as_deref().filter(|id| !id.is_empty())?;
    let (function, request) = (argument(function, Argument::Function), argument(request, Argument::Request));
    Some(format!(
        "Read the log of the failed invocation:\n`aws logs filter-log-events --log-group-name /aws/lambda/{function} --filter-pattern \
         '\"{request}\"' --query 'events[].message' --output text`"
    ))
}
