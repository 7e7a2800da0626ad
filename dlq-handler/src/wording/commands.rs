//! What to do, with the commands to type: first those of `secops`, then those of the AWS CLI. No command holds a secret
//! value, and each can be repeated.
//!
//! A value from outside is in a command only if it has the form of its kind. A word in capital letters replaces any
//! other value, as in the playbooks. The value itself is in the alert, as text.

use contract::{Area, Argument, Foreign, Kind};

use super::{Places, Told, secops};
use crate::message::function_of_reconcile;

pub(super) fn next_steps(told: Told<'_>, places: &Places, playbook: &str) -> Vec<String> {
    let incident = &told.announcement.incident;
    let explain = format!("`{} explain {}`", secops::program(places), incident.kind);
    let mut steps = vec![format!("Follow the playbook: {playbook}\nIn a terminal: {explain}")];
    let secret = argument(told.subject, Argument::Secret);
    if secret == Argument::Secret.placeholder() && told.area.is_about_secrets() {
        steps.push(
            "Do not paste the name above into a shell: it is not the name or ARN of a secret. In the commands \
            below, replace SECRET with the secret that you mean."
                .to_owned(),
        );
    }
    steps.extend(secops::steps(told, places, secret));
    if let Some(log) = log(told) {
        steps.push(log);
    }
    match told.area {
        Area::Rotation => steps.extend(rotation(secret)),
        Area::Delivery if incident.kind == Kind::DeliveryHeldBack => {
            steps.extend(roll_back(secret, incident.detail.version.as_deref()));
        }
        Area::Delivery => {
            if let Some(function) = &places.secret2eks {
                let version = incident.detail.version.as_deref();
                let version = version.map_or("CURRENT", |version| argument(version, Argument::Version));
                steps.push(format!(
                    "Without secops, request the delivery with two commands:\n`echo '{{\"secretArn\":\"{secret}\",\"versionId\":\"{version}\",\"attempt\":1}}' > \
                     request.json; aws lambda invoke --function-name {function} --invocation-type Event --payload fileb://request.json answer.json`"
                ));
            }
            steps.push("You get one more message when a delivery has succeeded.".to_owned());
        }
        Area::Revocation | Area::Adoption => {
            steps.push("The playbook has the commands without secops. Each is safe to repeat.".to_owned());
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
        Area::Access => {
            if let Some(id) = incident.detail.request_id.as_deref().filter(|id| !id.is_empty()) {
                let id = argument(id, Argument::Request);
                steps.push(format!(
                    "See the call in CloudTrail:\n`aws cloudtrail lookup-events --lookup-attributes \
                     AttributeKey=EventId,AttributeValue={id} --query 'Events[].CloudTrailEvent' --output text`"
                ));
            }
            steps.push(
                "When you know that it was allowed, or have dealt with it, close the incident as the playbook says. It \
                 ends by itself after a week without such a call."
                    .to_owned(),
            );
        }
        Area::Inspection => {
            steps.push("You get one more message when an inspection has found nothing.".to_owned());
        }
        Area::Function | Area::Alarm | Area::Message => {}
    }
    steps
}

pub(super) fn argument(text: &str, argument: Argument) -> &str {
    Foreign::new(text).argument(argument).unwrap_or_else(|| argument.placeholder())
}

/// The version that logs in is a part of the message: it is not certain enough to be typed for people.
fn roll_back(secret: &str, version: Option<&str>) -> [String; 2] {
    let version = version.map_or("REFUSED", |version| argument(version, Argument::Version));
    [
        format!(
            "Move AWSCURRENT back to the version that logs in. What happened, above, names it: write it in the place of \
            WORKING.\n`aws secretsmanager update-secret-version-stage --secret-id {secret} --version-stage AWSCURRENT \
            --remove-from-version-id {version} --move-to-version-id WORKING`"
        ),
        "You get one more message when that version is delivered.".to_owned(),
    ]
}

fn rotation(secret: &str) -> [String; 3] {
    [
        format!(
            "Without secops, check whether a rotation is in progress. If it is, a version has AWSPENDING and not \
            AWSCURRENT:\n`aws \
            secretsmanager describe-secret --secret-id {secret} --query '[RotationEnabled, VersionIdsToStages]'`"
        ),
        format!(
            "Then rotate without secops. If the answer is \"a previous rotation isn't complete\", Secrets \
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
