//! Requests without CloudFormation: Terraform's event by its shape, and `ensureUser`. Repeated and parallel ones.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::Cloud;
use testbed::schema::valid;

use super::{PATTERNS, clone_of, permissions, properties, secret_of, with};
use crate::support::{converged, current_logs_in, mark_of};

/// What `aws_lambda_invocation` sends with `lifecycle_scope = "CRUD"`: the input, and `tf` with the previous input.
/// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lambda_invocation>
fn terraform(action: &str, input: &Value, previous: Option<&Value>) -> Value {
    with(input, &json!({"tf": {"action": action, "prev_input": previous}}))
}

async fn ask(cloud: &Cloud, event: &Value) -> Result<Value> {
    valid("broker-user-event", event)?;
    cloud.invoke_function(cloud.broker_user_function()?, event).await?.value()
}

#[test]
fn terraform_creates_updates_and_destroys_a_user() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("terraform");
        let arn = secret_of(cloud, &user).await?;
        let first = properties(cloud, &user, &arn);
        let answer = ask(cloud, &terraform("create", &first, None)).await?;
        let password = cloud.value(&arn, "AWSCURRENT").await?["password"].as_str().map(str::to_owned);
        let password = password.context("no password")?;
        // Terraform stores the answer in its state.
        ensure!(!answer.to_string().contains(&password), "the answer contains the password");
        current_logs_in(cloud, &arn).await?;
        let version = cloud.rotate_successfully(&arn).await?;
        converged(cloud, &user, &arn, &version).await?;

        let changes = json!({
            "Permissions": [{"Vhost": "/", "Configure": "", "Write": "^refunds$", "Read": "^payment"}],
            "TopicPermissions": [{"Vhost": "/", "Exchange": "amq.topic", "Write": "^refunds", "Read": ""}],
            // A number and a text: CloudFormation makes each number a text.
            "Limits": {"MaxConnections": 7, "MaxChannels": "9"},
        });
        let second = with(&first, &changes);
        ask(cloud, &terraform("update", &second, Some(&first))).await?;
        let management = cloud.broker.management()?;
        let (grants, of_clone) =
            (management.grants(&user).await?, management.grants(&clone_of(&user)).await?);
        ensure!(grants == of_clone, "{grants} and {of_clone}");
        ensure!(grants["permissions"]["\"/\""][1] == "^refunds$", "{grants}");
        ensure!(grants["limits"] == json!({"max-connections": 7, "max-channels": 9}), "{grants}");
        ensure!(grants["topic_permissions"].to_string().contains("^refunds"), "{grants}");
        current_logs_in(cloud, &arn).await?;

        ask(cloud, &terraform("delete", &second, Some(&second))).await?;
        for one in [user.clone(), clone_of(&user)] {
            ensure!(management.user(&one).await?.is_none(), "{one} is left");
        }
        // Again: there is nothing left to delete.
        ask(cloud, &terraform("delete", &second, Some(&second))).await.map(drop)
    })
}

#[test]
fn terraform_replaces_a_user_whose_name_changes() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (old, new) = (name("before"), name("after"));
        let (old_arn, new_arn) = (secret_of(cloud, &old).await?, secret_of(cloud, &new).await?);
        let (first, second) = (properties(cloud, &old, &old_arn), properties(cloud, &new, &new_arn));
        ask(cloud, &terraform("create", &first, None)).await?;
        ask(cloud, &terraform("update", &second, Some(&first))).await?;
        current_logs_in(cloud, &new_arn).await
    })
}

#[test]
fn any_pipeline_ensures_a_user_as_often_as_it_likes() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("ensured");
        let arn = secret_of(cloud, &user).await?;
        let event = with(&properties(cloud, &user, &arn), &json!({"Action": "ensureUser"}));
        ask(cloud, &event).await?;
        let mark = mark_of(cloud, &user).await?;
        let management = cloud.broker.management()?;
        let before = management.user(&user).await?;
        ask(cloud, &event).await?;
        ensure!(management.user(&user).await? == before, "the second request changed the user");
        // What somebody changed by hand is corrected.
        management.set_permissions(&user, "/", [".*", ".*", ".*"]).await?;
        ask(cloud, &event).await?;
        ensure!(permissions(cloud, &user).await? == json!(PATTERNS), "other permissions");
        // After a rotation, it is the same pair.
        let version = cloud.rotate_successfully(&arn).await?;
        ask(cloud, &event).await?;
        converged(cloud, &user, &arn, &version).await?;
        ensure!(mark_of(cloud, &user).await? == mark, "another mark");
        Ok(())
    })
}

#[test]
fn an_update_that_writes_nothing_does_not_wait_for_a_rotation() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("unchanged");
        let arn = secret_of(cloud, &user).await?;
        let own = properties(cloud, &user, &arn);
        ask(cloud, &terraform("create", &own, None)).await?;
        cloud.rotate_successfully(&arn).await?;
        let version = cloud.begin_rotation(&arn).await?;
        // CloudFormation sends the old properties in a rollback. A refusal would leave the stack in UPDATE_ROLLBACK_FAILED.
        let update = terraform("update", &own, Some(&own));
        tokio::time::timeout(Duration::from_secs(30), ask(cloud, &update)).await.context("it waited")??;
        cloud.steps(&arn, &version).await?;
        converged(cloud, &user, &arn, &version).await
    })
}

#[test]
fn requests_at_the_same_time_end_as_one() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("parallel");
        let arn = secret_of(cloud, &user).await?;
        let own = properties(cloud, &user, &arn);
        let created = terraform("create", &own, None);
        let ensured = with(&own, &json!({"Action": "ensureUser"}));
        let answers = tokio::join!(
            ask(cloud, &created),
            ask(cloud, &created),
            ask(cloud, &ensured),
            ask(cloud, &ensured)
        );
        for answer in [answers.0, answers.1, answers.2, answers.3] {
            answer?;
        }
        ensure!(permissions(cloud, &user).await? == json!(PATTERNS), "other permissions");
        current_logs_in(cloud, &arn).await?;
        let version = cloud.rotate_successfully(&arn).await?;
        converged(cloud, &user, &arn, &version).await
    })
}

#[test]
fn an_event_of_another_form_is_refused() -> Result<()> {
    on_the_cloud(async |cloud| {
        let own = properties(cloud, &name("form"), "not an ARN");
        let events = [
            json!({}),
            own.clone(),
            with(&own, &json!({"Action": "ensureUser"})),
            with(&own, &json!({"Action": "deleteUser"})),
            terraform("read", &own, None),
            json!({"RequestType": "Create", "ResponseURL": "https://localhost:1/", "ResourceProperties": own}),
        ];
        for event in events {
            let answer = cloud.invoke_function(cloud.broker_user_function()?, &event).await?;
            ensure!(!answer.kind().is_empty(), "{event}: {answer:?}");
        }
        Ok(())
    })
}
