//! Rows K: custom resources of CloudFormation. The function is the probe, whose script has the name of the logical id.

use anyhow::{Context as _, Result, ensure};
use aws::Stack;
use serde_json::{Value, json};

use crate::support::{Shared, entries, shared};

/// Sets what the probe does for a resource: an object from `RequestType` to actions.
fn script(shared: &Shared, logical_id: &str, script: &Value) -> Result<()> {
    Ok(std::fs::write(shared.probe_folder.join(format!("{logical_id}.json")), script.to_string())?)
}

/// An answer with these fields.
fn answer(fields: &Value) -> Value {
    json!({"do": "answer", "fields": fields})
}

/// A script that answers each request with this id.
fn answers(id: &str) -> Value {
    let same = answer(&json!({"PhysicalResourceId": id}));
    json!({"Create": [same], "Update": [same], "Delete": [answer(&json!({}))]})
}

fn probe(shared: &Shared, properties: &Value) -> Result<Value> {
    let mut all = json!({"ServiceToken": shared.stack.output("ProbeArn")?, "ServiceTimeout": 20});
    for (name, value) in properties.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    Ok(json!({"Type": "Custom::Probe", "Properties": all}))
}

/// A resource that fails after the resource `after`.
fn failing(after: &str) -> Value {
    let properties = json!({"DashboardName": "never", "DashboardBody": "{\"widgets\": [\"\"x\"\"]}"});
    json!({"Type": "AWS::CloudWatch::Dashboard", "DependsOn": after, "Properties": properties})
}

async fn deploy(shared: &Shared, name: &str, template: &Value) -> Result<Stack> {
    let path = shared.probe_folder.join(format!("{name}.yaml"));
    std::fs::write(&path, template.to_string())?;
    shared.aws.deploy(name, &path, &[], &[]).await
}

/// Why the deployment failed, after its rollback.
async fn fails(shared: &Shared, name: &str, template: &Value) -> Result<String> {
    let failed = deploy(shared, name, template).await.err().context("it was deployed")?;
    Ok(format!("{failed:#}"))
}

/// The requests for a resource, as `RequestType PhysicalResourceId`, and the whole events.
fn requests(shared: &Shared, logical_id: &str) -> Result<(Vec<String>, Vec<Value>)> {
    let events = entries(shared)?.into_iter().filter_map(|mut entry| entry.get_mut("event").map(Value::take));
    let events: Vec<Value> = events.filter(|event| event["LogicalResourceId"] == logical_id).collect();
    let line = |event: &Value| {
        let text = |key: &str| event[key].as_str().unwrap_or("-").to_owned();
        format!("{} {}", text("RequestType"), text("PhysicalResourceId"))
    };
    Ok((events.iter().map(line).collect(), events))
}

#[tokio::test]
async fn a_custom_resource_is_requested_asynchronously_and_its_answer_is_its_id_and_its_attributes()
-> Result<()> {
    let shared = shared().await?;
    let fail = json!({"do": "fail", "type": "Probe.Asked", "message": "once", "times": 1});
    let answered = answer(&json!({"PhysicalResourceId": "first", "Data": {"Color": "red"}}));
    script(shared, "Asked", &json!({"Create": [fail, answered]}))?;
    let resource = probe(shared, &json!({"Number": 5, "Flag": true, "List": [{"A": 1, "B": ""}]}))?;
    let outputs =
        json!({"Id": {"Value": {"Ref": "Asked"}}, "Color": {"Value": {"Fn::GetAtt": ["Asked", "Color"]}}});
    let stack =
        deploy(shared, "asked", &json!({"Resources": {"Asked": resource}, "Outputs": outputs})).await?;
    assert_eq!((stack.output("Id")?, stack.output("Color")?), ("first", "red"));

    let (lines, events) = requests(shared, "Asked")?;
    assert_eq!(lines, ["Create -", "Create -"], "Lambda repeats the event");
    assert_eq!(events.first(), events.last());
    let event = events.first().context("no event")?;
    assert_eq!(event["ResourceType"], "Custom::Probe");
    let properties = &event["ResourceProperties"];
    assert_eq!(properties["Number"], "5", "numbers and booleans become texts: {properties}");
    assert_eq!(properties["Flag"], "true");
    assert_eq!(properties["List"], json!([{"A": "1", "B": ""}]));
    assert_eq!(event.get("PhysicalResourceId"), None);
    assert_eq!(event.get("OldResourceProperties"), None);
    let url = event["ResponseURL"].as_str().unwrap_or_default();
    assert!(url.starts_with(shared.aws.endpoint()), "{url}");
    assert!(url.contains("%7CAsked%7C") && url.contains("&Signature="), "{url}");
    Ok(())
}

#[tokio::test]
async fn an_update_carries_the_old_properties_and_another_id_is_a_replacement() -> Result<()> {
    let shared = shared().await?;
    let template = |text: &str| -> Result<Value> {
        Ok(json!({"Resources": {"Changed": probe(shared, &json!({"Text": text}))?}}))
    };
    script(shared, "Changed", &answers("one"))?;
    deploy(shared, "changed", &template("a")?).await?;
    deploy(shared, "changed", &template("b")?).await?;
    script(shared, "Changed", &answers("two"))?;
    deploy(shared, "changed", &template("c")?).await?;
    shared.aws.delete_stack("changed").await?;
    let (lines, events) = requests(shared, "Changed")?;
    assert_eq!(lines, ["Create -", "Update one", "Update one", "Delete one", "Delete two"]);
    let texts = |of: &str| -> Vec<Value> { events.iter().map(|event| event[of]["Text"].clone()).collect() };
    assert_eq!(json!(texts("ResourceProperties")), json!(["a", "b", "c", "b", "c"]));
    assert_eq!(json!(texts("OldResourceProperties")), json!([null, "a", "b", null, null]));
    Ok(())
}

#[tokio::test]
async fn an_answer_that_aws_does_not_take_fails_the_resource() -> Result<()> {
    let shared = shared().await?;
    let id = "PhysicalResourceId";
    let cases = [
        ("TooLong", json!({id: "x", "Data": {"Text": "x".repeat(4_096)}}), "too long"),
        ("NoId", json!({}), id),
        ("LongId", json!({id: "x".repeat(1_025)}), id),
        ("Unknown", json!({id: "x", "Status": "DONE"}), "Status"),
        ("Foreign", json!({id: "x", "RequestId": "another"}), "RequestId"),
        ("NoReason", json!({id: "x", "Status": "FAILED"}), "Reason"),
        ("NullReason", json!({id: "x", "Reason": null}), "Reason"),
    ];
    for (case, fields, words) in cases {
        script(shared, case, &json!({"Create": [answer(&fields)], "Delete": [answer(&json!({}))]}))?;
        let template = json!({"Resources": {case: probe(shared, &json!({}))?}});
        let message = fails(shared, &format!("refused-{}", case.to_lowercase()), &template).await?;
        ensure!(message.contains(words), "{case}: {message}");
    }
    Ok(())
}

#[tokio::test]
async fn a_resource_without_an_accepted_upload_fails_after_its_service_timeout() -> Result<()> {
    let shared = shared().await?;
    let mut typed = answer(&json!({"PhysicalResourceId": "x"}));
    typed["content-type"] = json!("application/json");
    for (case, actions) in [("Silent", json!([])), ("Typed", json!([typed]))] {
        script(shared, case, &json!({"Create": actions, "Delete": [answer(&json!({}))]}))?;
        let template = json!({"Resources": {case: probe(shared, &json!({"ServiceTimeout": 1}))?}});
        let message = fails(shared, &case.to_lowercase(), &template).await?;
        ensure!(message.contains("did not receive a response"), "{case}: {message}");
        // The id of the Delete is made up.
        let (lines, _) = requests(shared, case)?;
        let expected = format!("Delete {}-{case}-", case.to_lowercase());
        ensure!(lines.iter().any(|line| line.starts_with(&expected)), "{lines:?}");
    }
    let template = json!({"Resources": {"Endless": probe(shared, &json!({"ServiceTimeout": 3_601}))?}});
    let message = fails(shared, "endless", &template).await?;
    ensure!(message.contains("ServiceTimeout"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_create_that_fails_is_deleted_with_the_id_that_it_answered() -> Result<()> {
    let shared = shared().await?;
    let failed = json!({"PhysicalResourceId": "none/1", "Status": "FAILED", "Reason": "it is taken"});
    script(shared, "Failed", &json!({"Create": [answer(&failed)], "Delete": [answer(&json!({}))]}))?;
    let template = json!({"Resources": {"Failed": probe(shared, &json!({}))?}});
    let message = fails(shared, "failed", &template).await?;
    ensure!(message.contains("it is taken"), "{message}");
    assert_eq!(requests(shared, "Failed")?.0, ["Create -", "Delete none/1"]);

    // An update that adds the resource.
    script(shared, "Added", &json!({"Create": [answer(&failed)], "Delete": [answer(&json!({}))]}))?;
    let topic = json!({"Topic": {"Type": "AWS::SNS::Topic"}});
    deploy(shared, "added", &json!({"Resources": topic})).await?;
    let template = json!({"Resources": {"Topic": topic["Topic"], "Added": probe(shared, &json!({}))?}});
    fails(shared, "added", &template).await?;
    assert_eq!(requests(shared, "Added")?.0, ["Create -", "Delete none/1"]);
    Ok(())
}

#[tokio::test]
async fn a_rollback_sends_the_old_properties_and_deletes_the_replacement() -> Result<()> {
    let shared = shared().await?;
    for (id, with_new, expected) in [
        ("InPlace", "one", vec!["Create -", "Update one", "Update one"]),
        ("Replaced", "two", vec!["Create -", "Update one", "Update two", "Delete two"]),
    ] {
        let stack = format!("rollback-{}", id.to_lowercase());
        script(shared, id, &answers("one"))?;
        deploy(shared, &stack, &json!({"Resources": {id: probe(shared, &json!({"Text": "a"}))?}})).await?;
        // The first Update answers the new id, the second one the old id.
        let first = answer(&json!({"PhysicalResourceId": with_new}));
        let mut first_only = first.clone();
        first_only["times"] = json!(1);
        let second = answer(&json!({"PhysicalResourceId": "one"}));
        script(shared, id, &json!({"Update": [first_only, second], "Delete": [answer(&json!({}))]}))?;
        let changed = probe(shared, &json!({"Text": "b"}))?;
        fails(shared, &stack, &json!({"Resources": {id: changed, "Broken": failing(id)}})).await?;
        let (lines, events) = requests(shared, id)?;
        assert_eq!(lines, expected);
        let back = events.get(2).context("no second Update")?;
        assert_eq!(back["ResourceProperties"]["Text"], "a");
        assert_eq!(back["OldResourceProperties"]["Text"], "b");
    }
    Ok(())
}

#[tokio::test]
async fn an_update_that_fails_is_sent_back() -> Result<()> {
    let shared = shared().await?;
    script(shared, "SentBack", &answers("one"))?;
    let template = |text: &str| -> Result<Value> {
        Ok(json!({"Resources": {"SentBack": probe(shared, &json!({"Text": text}))?}}))
    };
    deploy(shared, "sent-back", &template("a")?).await?;
    let mut failed = answer(&json!({"Status": "FAILED", "Reason": "not now"}));
    failed["times"] = json!(1);
    script(shared, "SentBack", &json!({"Update": [failed, answer(&json!({}))]}))?;
    let message = fails(shared, "sent-back", &template("b")?).await?;
    ensure!(message.contains("not now"), "{message}");
    assert_eq!(requests(shared, "SentBack")?.0, ["Create -", "Update one", "Update one"]);
    Ok(())
}

#[tokio::test]
async fn what_is_retained_except_on_create_goes_with_the_rollback_of_its_creation_only() -> Result<()> {
    let shared = shared().await?;
    let kept = || -> Result<Value> {
        let mut resource = probe(shared, &json!({}))?;
        resource["DeletionPolicy"] = json!("RetainExceptOnCreate");
        Ok(resource)
    };
    script(shared, "RolledBack", &answers("one"))?;
    let template = json!({"Resources": {"RolledBack": kept()?, "Broken": failing("RolledBack")}});
    fails(shared, "rolled-back", &template).await?;
    assert_eq!(requests(shared, "RolledBack")?.0, ["Create -", "Delete one"]);

    script(shared, "Kept", &answers("one"))?;
    deploy(shared, "kept", &json!({"Resources": {"Kept": kept()?}})).await?;
    shared.aws.delete_stack("kept").await?;
    assert_eq!(requests(shared, "Kept")?.0, ["Create -"]);
    Ok(())
}

#[tokio::test]
async fn a_delete_that_fails_keeps_the_stack() -> Result<()> {
    let shared = shared().await?;
    let failed = answer(&json!({"Status": "FAILED", "Reason": "still in use"}));
    let created = answer(&json!({"PhysicalResourceId": "one"}));
    script(shared, "Undeleted", &json!({"Create": [created], "Delete": [failed]}))?;
    deploy(shared, "undeleted", &json!({"Resources": {"Undeleted": probe(shared, &json!({}))?}})).await?;
    let kept = shared.aws.delete_stack("undeleted").await.err().context("it was deleted")?;
    ensure!(format!("{kept:#}").contains("still in use"), "{kept:#}");
    script(shared, "Undeleted", &answers("one"))?;
    shared.aws.delete_stack("undeleted").await
}
