//! Each event is lost once. The reconcile brings the cluster to the same state, takes back no more than it may, and never
//! touches what secret2eks did not create.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{alone_on_the_cluster, name};
use serde_json::json;
use testbed::cloud::Cloud;

use super::life::{Customer, Suite, TAKE_BACK_LIMIT};
use super::routed::until;
use crate::support::run_cli;

/// A stack that receives no event about its secrets: there is no trail, and the rule for the native event is off.
async fn without_events(cloud: &'static Cloud, prefix: &str) -> Result<Suite> {
    let suite = Suite::deploy(cloud, prefix).await?;
    let rule = suite.variant.stack.resource("CurrentVersionChanged")?;
    run_cli(cloud, &["events", "disable-rule", "--name", rule]).await?;
    Ok(suite)
}

#[test]
fn every_change_whose_event_was_lost_reaches_the_cluster_by_the_reconcile() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = without_events(cloud, "lost").await?;
        let elsewhere = name("elsewhere");
        suite.add_namespace(&elsewhere, &[]).await?;
        let secret = suite.create("customer", &[]).await?;
        let answer = suite.reconcile().await?;
        ensure!(answer["requested"] == 1 && answer["takenBack"] == 0, "created: {answer}");
        secret.arrived("first").await?;

        secret.put("second").await?;
        suite.reconcile().await?;
        secret.arrived("second").await?;

        secret.set(&[("secret2eks/namespace", &elsewhere)]).await?;
        let answer = suite.reconcile().await?;
        ensure!(answer["requested"] == 1 && answer["takenBack"] == 0, "moved: {answer}");
        secret.arrived_in(&elsewhere, "second").await?;
        // It leaves the old place after it has arrived at the new one. The operator reports that a moment later.
        until("the reconcile takes the copy back", async || Ok(suite.reconcile().await?["takenBack"] == 1))
            .await?;
        secret.left().await?;

        secret.delete().await?;
        let answer = suite.reconcile().await?;
        ensure!(answer["takenBack"] == 1, "deleted: {answer}");
        secret.left_from(&elsewhere).await?;
        secret.restore().await?;
        suite.reconcile().await?;
        secret.arrived_in(&elsewhere, "second").await?;

        secret.remove_tag("secret2eks/namespace").await?;
        suite.reconcile().await?;
        secret.left_from(&elsewhere).await
    })
}

#[test]
fn a_cluster_that_is_right_is_left_as_it_is() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = without_events(cloud, "right").await?;
        let secrets = [suite.delivered("one").await?, suite.delivered("two").await?];
        let before = states(&secrets).await?;
        for _ in 0..2 {
            let answer = suite.reconcile().await?;
            ensure!(answer["outcome"] == "reconciled" && answer["secrets"] == 2, "{answer}");
            ensure!(answer["requested"] == 0 && answer["takenBack"] == 0, "{answer}");
        }
        ensure!(states(&secrets).await? == before, "something was written");
        Ok(())
    })
}

async fn states(secrets: &[Customer<'_>]) -> Result<Vec<String>> {
    let mut states = Vec::new();
    for secret in secrets {
        let object = secret.external_secret().await?.context("no ExternalSecret")?;
        // The operator writes the status by itself. What secret2eks writes changes an annotation or the specification.
        let (annotations, generation) =
            (&object["metadata"]["annotations"], &object["metadata"]["generation"]);
        states.push(format!("{annotations} {generation}"));
    }
    Ok(states)
}

#[test]
fn a_mass_deletion_is_stopped_and_a_person_can_allow_it() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = without_events(cloud, "mass").await?;
        let mut secrets = Vec::new();
        for _ in 0..=TAKE_BACK_LIMIT {
            secrets.push(suite.delivered("customer").await?);
        }
        for secret in &secrets {
            secret.delete().await?;
        }
        // What is missing is still delivered.
        let new = suite.create("new", &[]).await?;
        let answer = suite.order(&json!({"Action": "reconcile"})).await?;
        ensure!(answer.kind() == "delivery.take_back_withheld", "{answer:?}");
        new.arrived("first").await?;
        for secret in &secrets {
            ensure!(secret.external_secret().await?.is_some(), "{} was taken back", secret.name);
        }
        let unexplained = suite.order(&json!({"Action": "reconcile", "TakeBackUpTo": 100})).await?;
        ensure!(unexplained.kind() == "event.invalid", "{unexplained:?}");
        let allowed = json!({"Action": "reconcile", "TakeBackUpTo": 100, "By": "a test", "Reason": "all customers leave"});
        let answer = suite.order(&allowed).await?.value()?;
        ensure!(answer["takenBack"] == secrets.len(), "{answer}");
        for secret in &secrets {
            secret.left().await?;
        }
        new.arrived("first").await
    })
}

#[test]
fn a_secret_whose_tags_name_a_wrong_place_keeps_its_credentials_in_the_old_one() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = without_events(cloud, "typo").await?;
        let secret = suite.delivered("customer").await?;
        let missing = name("missing");
        for (namespace, own) in
            [(missing.as_str(), secret.name.as_str()), (suite.namespace.as_str(), "No Name")]
        {
            secret.set(&[("secret2eks/namespace", namespace), ("secret2eks/name", own)]).await?;
            let event = json!({
                "source": "aws.secretsmanager", "detail-type": "AWS API Call via CloudTrail",
                "detail": {
                    "eventName": "TagResource",
                    "requestParameters": {"secretId": secret.arn, "tags": [{"key": "secret2eks/name"}]},
                },
            });
            let followed = suite.order(&event).await?.value()?;
            ensure!(followed["takenBack"] == 0, "{namespace}/{own}: {followed}");
            let answer = suite.reconcile().await?;
            ensure!(answer["takenBack"] == 0 && answer["requested"] == 1, "{namespace}/{own}: {answer}");
            secret.arrived("first").await?;
            ensure!(secret.external_secret().await?.is_some(), "{namespace}/{own}: it was taken back");
        }
        Ok(())
    })
}

#[test]
fn a_wrong_prefix_and_a_refused_description_take_nothing_back() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = without_events(cloud, "wrong-prefix").await?;
        let secret = suite.delivered("customer").await?;
        let region_and_account = format!("{}:{}", cloud.aws.region(), cloud.aws.account());
        let prefix = format!("arn:aws:secretsmanager:{region_and_account}:secret:no-such-prefix/");
        cloud.add_variables(suite.function()?, &[("SECRETS_ARN_PREFIX", &prefix)]).await?;
        let answer = suite.reconcile().await?;
        ensure!(answer["secrets"] == 0 && answer["takenBack"] == 0, "{answer}");
        ensure!(secret.external_secret().await?.is_some());
        // The list is empty, but the objects are this function's.
        let prefix = format!("arn:aws:secretsmanager:{region_and_account}:secret:{}/", suite.variant.name);
        cloud.add_variables(suite.function()?, &[("SECRETS_ARN_PREFIX", &prefix)]).await?;
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DescribeSecret", "Resource": "*",
        }]});
        let put = cloud.secrets.put_resource_policy().secret_id(&secret.arn);
        put.resource_policy(policy.to_string()).send().await?;
        secret.remove_tag("secret2eks/namespace").await?;
        let answer = suite.order(&json!({"Action": "reconcile"})).await?;
        ensure!(answer.kind() == "aws.access_denied", "{answer:?}");
        ensure!(secret.external_secret().await?.is_some());
        cloud.secrets.delete_resource_policy().secret_id(&secret.arn).send().await?;
        suite.reconcile().await?;
        secret.left().await
    })
}

#[test]
fn objects_of_others_are_left_and_so_is_a_copy_that_somebody_made() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = without_events(cloud, "foreign").await?;
        let (kubernetes, secret) = (cloud.kubernetes()?, suite.delivered("customer").await?);
        let mut copy = secret.external_secret().await?.context("no ExternalSecret")?;
        let (plain, copied) = (name("plain"), name("copied"));
        let (labels, annotations) =
            (copy["metadata"]["labels"].clone(), copy["metadata"]["annotations"].clone());
        copy.as_object_mut().map(|fields| fields.remove("status"));
        for (own, labels, annotations) in [(&plain, &json!({}), &json!({})), (&copied, &labels, &annotations)]
        {
            copy["metadata"] = json!({"namespace": suite.namespace, "name": own, "labels": labels, "annotations": annotations});
            copy["spec"]["target"]["name"] = json!(own);
            kubernetes.apply_manifests(&copy.to_string()).await?;
        }
        secret.delete().await?;
        let answer = suite.reconcile().await?;
        ensure!(answer["takenBack"] == 1, "{answer}");
        for own in [&plain, &copied] {
            ensure!(kubernetes.external_secret(&suite.namespace, own).await?.is_some(), "{own} is gone");
        }
        secret.left().await
    })
}

#[test]
fn the_event_of_a_call_that_was_refused_or_changed_another_tag_does_nothing() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = without_events(cloud, "refused-call").await?;
        let secret = suite.create("customer", &[]).await?;
        let call = |name: &str, error: Option<&str>| {
            json!({
                "source": "aws.secretsmanager", "detail-type": "AWS API Call via CloudTrail", "resources": [],
                "detail": {
                    "eventName": name, "errorCode": error,
                    "requestParameters": {"secretId": secret.arn, "tags": [{"key": "team", "value": "x"}]},
                },
            })
        };
        for event in [call("TagResource", None), call("DeleteSecret", Some("AccessDenied"))] {
            let answer = suite.order(&event).await?.value()?;
            ensure!(answer["outcome"] == "notForKubernetes", "{answer}");
        }
        // An event is a hint: the secret exists, so it is delivered, and nothing is taken back.
        let answer = suite.order(&call("DeleteSecret", None)).await?.value()?;
        ensure!(
            answer == json!({"outcome": "followed", "requested": true, "takenBack": 0, "leftToReconcile": 0})
        );
        secret.arrived("first").await
    })
}

#[test]
fn the_events_of_a_mass_deletion_take_nothing_back_and_the_reconcile_decides_about_all() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = without_events(cloud, "mass-events").await?;
        let mut secrets = Vec::new();
        for _ in 0..=TAKE_BACK_LIMIT {
            secrets.push(suite.delivered("customer").await?);
        }
        for secret in &secrets {
            secret.delete().await?;
            let event = json!({
                "source": "aws.secretsmanager", "detail-type": "AWS API Call via CloudTrail",
                "detail": {"eventName": "DeleteSecret", "requestParameters": {"secretId": secret.arn}},
            });
            let answer = suite.order(&event).await?.value()?;
            ensure!(answer["takenBack"] == 0 && answer["leftToReconcile"] == 1, "{answer}");
        }
        let answer = suite.order(&json!({"Action": "reconcile"})).await?;
        ensure!(answer.kind() == "delivery.take_back_withheld", "{answer:?}");
        for secret in &secrets {
            ensure!(secret.external_secret().await?.is_some(), "{} was taken back", secret.name);
        }
        // All but one were deleted by mistake.
        for secret in secrets.iter().skip(1) {
            secret.restore().await?;
        }
        let answer = suite.reconcile().await?;
        ensure!(answer["takenBack"] == 1, "{answer}");
        secrets.first().context("no secret")?.left().await
    })
}
