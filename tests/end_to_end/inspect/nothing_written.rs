//! An inspection changes neither a broker nor a secret, and says no credential.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::broker::{Broker, Suite};
use testbed::cloud::Cloud;
use testbed::fault_proxy::FaultProxy;

use super::inspect_with;
use crate::support::app_on_node;

/// The calls of AWS that only read.
const READS: [&str; 3] = ["DescribeSecret", "GetSecretValue", "ListSecretVersionIds"];

/// The secret as Secrets Manager describes it, apart from when it was read.
async fn description(cloud: &Cloud, arn: &str) -> Result<String> {
    let described = cloud.secrets.describe_secret().secret_id(arn).send().await?;
    let versions = described.version_ids_to_stages().cloned().unwrap_or_default();
    let versions: std::collections::BTreeMap<_, _> = versions.into_iter().collect();
    let (tags, changed) = (described.tags(), described.last_changed_date());
    Ok(format!("{versions:?} {tags:?} {changed:?} {:?}", described.next_rotation_date()))
}

#[test]
fn neither_the_broker_s_definitions_nor_the_secret_change_and_every_request_only_reads() -> Result<()> {
    on_the_cloud(async |cloud| {
        let tools = testbed::cloud::workspace().join("target/testbed");
        let installation =
            tokio::task::spawn_blocking(move || Broker::install(Suite::from_environment()?, &tools, &|_| {}))
                .await??;
        let folder = cloud.folder().join("broker-only-looked-at");
        let node = Broker::start(&installation, &folder, &cloud.certificates).await?;
        let console = FaultProxy::https(&node.management_url(), &cloud.certificates)?;
        let aws = FaultProxy::http(cloud.aws.endpoint())?;
        let variant = cloud.deploy_variant(&name("reads"), &[], &[]).await?;
        let function = variant.stack.output("InspectFunctionName")?.to_owned();
        let endpoints = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.url()), ("AWS_ENDPOINT_URL_MQ", aws.url())];
        cloud.add_variables(&function, &endpoints).await?;

        let app = app_on_node(cloud, &node, &name("looked-at"), node.amqps_port(), console.url()).await?;
        let mut passwords = vec![node.admin_password().to_owned()];
        passwords.push(password(&cloud.value(&app.arn, "AWSCURRENT").await?)?);
        cloud.rotate_successfully(&app.arn).await?;
        passwords.push(password(&cloud.value(&app.arn, "AWSCURRENT").await?)?);
        // A rotation that has stopped, drifted grants, and a value that a rotation would refuse.
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        passwords.push(password(&cloud.value(&app.arn, "AWSPENDING").await?)?);
        node.management()?.set_limit(&app.user, "max-connections", 7).await?;

        let management = node.management()?;
        let before = (management.definitions().await?, description(cloud, &app.arn).await?);
        console.reset();
        aws.reset();
        let seen = inspect_with(cloud, &function, &app.arn).await?;
        ensure!(seen["differences"].to_string().contains("max-connections"), "{seen:#}");
        let current = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
        let check = json!({"Action": "checkLogin", "SecretId": app.arn, "VersionId": current});
        let check = cloud.invoke_function(&function, &check).await?.value()?;
        let after = (management.definitions().await?, description(cloud, &app.arn).await?);
        ensure!(before == after, "something has changed");

        let asked = console.calls();
        ensure!(!asked.is_empty() && asked.iter().all(|call| call.method == "GET"), "{asked:?}");
        let operations: Vec<String> = aws.calls().iter().map(testbed::fault_proxy::Call::operation).collect();
        let reads = |operation: &String| READS.contains(&operation.as_str()) || operation.starts_with("GET ");
        ensure!(!operations.is_empty() && operations.iter().all(reads), "{operations:?}");

        let log = cloud.aws.function_log(&function)?.join("\n");
        ensure!(log.contains(&app.arn), "the log does not name the secret");
        for password in passwords {
            let said = format!("{seen}{check}{log}");
            ensure!(!said.contains(&password), "a password is in an answer or in the log");
        }
        Ok(())
    })
}

fn password(value: &Value) -> Result<String> {
    value["password"].as_str().map(str::to_owned).context("no password")
}

#[test]
fn the_routes_of_the_function_are_told_one_by_one() -> Result<()> {
    on_the_cloud(async |cloud| {
        let event = json!({"Action": "routes"});
        let answer = cloud.look(&event).await?.value()?;
        testbed::schema::valid("routes", &answer)?;
        let routes = answer["routes"].as_array().context("no routes")?;
        ensure!(routes.len() == 4 && routes.iter().all(|route| route["reached"] == true), "{answer}");

        // Nobody listens there, like a service without an endpoint in the VPC.
        let closed = testbed::ports::free_ports(1)?.first().copied().context("no port")?;
        let nobody = format!("http://localhost:{closed}");
        let variant = cloud.deploy_variant(&name("no-route"), &[], &[]).await?;
        let function = variant.stack.output("InspectFunctionName")?.to_owned();
        for (variable, service) in [("AWS_ENDPOINT_URL_MQ", "mq"), ("AWS_ENDPOINT_URL_LAMBDA", "lambda")] {
            cloud.add_variables(&function, &[(variable, &nobody)]).await?;
            let answer = cloud.invoke_function(&function, &event).await?.value()?;
            testbed::schema::valid("routes", &answer)?;
            let mut routes = answer["routes"].as_array().into_iter().flatten();
            let route = routes.find(|route| route["service"] == service).context("no such service")?;
            ensure!(route["reached"] == false && route["problem"].is_string(), "{answer}");
        }
        Ok(())
    })
}
