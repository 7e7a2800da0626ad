//! What to do, with the commands to type. No command holds a secret, and each can be repeated.
//!
//! A value from outside stands in a command only when it is one of its kind. In the place of any other stands a word,
//! as in the playbooks; the text itself is in the alert, as text.

use contract::{Area, Argument, Foreign};

use super::{Places, Told};

pub(super) fn next_steps(told: Told<'_>, places: &Places, playbook: &str) -> Vec<String> {
    let incident = &told.announcement.incident;
    let mut steps = vec![format!("Follow the playbook: {playbook}")];
    let secret = argument(told.subject, Argument::Secret);
    if secret == Argument::Secret.placeholder() && matches!(told.area, Area::Rotation | Area::Delivery) {
        steps.push(
            "Do not paste the name above into a shell: it is not the name or ARN of a secret. In the commands \
             below, write the secret that you mean for SECRET."
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
                    "When the cause is gone, ask for the delivery again:\n`echo '{{\"secretArn\":\"{secret}\",\"versionId\":\"{version}\",\"attempt\":1}}' > \
                     request.json; aws lambda invoke --function-name {function} --invocation-type Event --payload fileb://request.json answer.json`"
                ));
            }
            steps.push("You get one more message when it is delivered.".to_owned());
        }
        Area::Revocation => {
            steps.push("Repeat the revocation as the playbook says; it is safe to repeat.".to_owned());
        }
        Area::Adoption => {
            steps.push("Repeat the adoption as the playbook says; it is safe to repeat.".to_owned());
        }
        Area::Connections => {
            steps.push(
                "You get one more message when two rotations have succeeded, one for each user, that report no such \
                 session."
                    .to_owned(),
            );
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
            "See whether a rotation is under way (AWSPENDING on a version of its own):\n`aws secretsmanager \
             describe-secret --secret-id {secret} --query '[RotationEnabled, VersionIdsToStages]'`"
        ),
        format!(
            "When the cause is gone, rotate. It is refused (\"a previous rotation isn't complete\") while Secrets \
             Manager still repeats the failed one: that one finishes by itself then.\n`aws secretsmanager \
             rotate-secret --secret-id {secret}`"
        ),
        "You get one more message when a rotation has succeeded.".to_owned(),
    ]
}

/// The log of that very invocation.
fn log(told: Told<'_>) -> Option<String> {
    let detail = &told.announcement.incident.detail;
    let function = detail.function.as_deref().filter(|name| !name.is_empty())?;
    let request = detail.request_id.as_deref().filter(|id| !id.is_empty())?;
    let (function, request) = (argument(function, Argument::Function), argument(request, Argument::Request));
    Some(format!(
        "Its log:\n`aws logs filter-log-events --log-group-name /aws/lambda/{function} --filter-pattern \
         '\"{request}\"' --query 'events[].message' --output text`"
    ))
}
