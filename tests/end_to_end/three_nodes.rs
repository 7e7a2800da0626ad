//! A broker of three nodes behind one load balancer, like Amazon MQ's cluster deployment. A call may reach a node
//! that does not have the last write of another node yet.
//! <https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-broker-architecture-cluster.html>

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::broker::{Broker, Suite};
use testbed::cloud::{App, Cloud};
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};
use testbed::tcp_proxy::TcpProxy;

use crate::kubernetes::routed::until;
use crate::support::{app_on_node, converged, current_logs_in};

const NODES: usize = 3;

#[test]
fn a_new_pair_rotates_and_is_revoked_behind_a_load_balancer_before_three_nodes() -> Result<()> {
    on_the_cloud(async |cloud| {
        let tools = testbed::cloud::workspace().join("target/testbed");
        let installation =
            tokio::task::spawn_blocking(move || Broker::install(Suite::from_environment()?, &tools, &|_| {}))
                .await??;
        let folder = cloud.folder().join("three-nodes");
        let nodes = Broker::start_cluster(&installation, &folder, &cloud.certificates, NODES).await?;
        let ports = |port: fn(&Broker) -> u16| nodes.iter().map(port).collect();
        let console = TcpProxy::balance(ports(Broker::management_port))?;
        let amqps = TcpProxy::balance(ports(Broker::amqps_port))?;
        let url = format!("https://localhost:{}", console.port());
        // The first rotation creates a user. At that time the nodes differ.
        for pair in ["one", "two", "three", "four"] {
            let app = app_on_node(cloud, &nodes[0], &name(pair), amqps.port(), &url).await?;
            for _ in 0..2 {
                // The function keeps its connection to the management API. Each rotation begins at the next node.
                console.cut();
                cloud.rotate_successfully(&app.arn).await?;
            }
        }
        ensure!(console.connections() > NODES && amqps.connections() > NODES, "one node did everything");
        for pair in ["leaked-one", "leaked-two", "leaked-three"] {
            let app = app_on_node(cloud, &nodes[0], &name(pair), amqps.port(), &url).await?;
            // Each revocation begins at the next node.
            is_revoked_on_every_node(cloud, &nodes, &console, &app).await?;
        }
        Ok(())
    })
}

/// Rotates the secret, and revokes the previous credentials while an attacker is connected to each node.
async fn is_revoked_on_every_node(
    cloud: &Cloud,
    nodes: &[Broker],
    console: &TcpProxy,
    app: &App,
) -> Result<()> {
    let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is AWSCURRENT")?;
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    let password = value["password"].as_str().context("no password")?;
    cloud.rotate_successfully(&app.arn).await?;
    let mut attackers = Vec::new();
    for node in nodes {
        attackers.push(node.amqps_login(&app.user, password, "/").await?);
    }
    for node in nodes {
        let management = node.management()?;
        until("every node lists all connections", async || {
            Ok(management.connections_of(&app.user).await?.len() >= NODES)
        })
        .await?;
    }
    console.cut();
    let event = json!({"Action": "revokePrevious", "SecretId": app.arn, "VersionId": leaked});
    cloud.act(&event).await?.value()?;
    until("the connections to all nodes are closed", async || {
        Ok(attackers.iter().all(|attacker| !attacker.status().connected()))
    })
    .await?;
    let current = cloud.value(&app.arn, "AWSCURRENT").await?;
    let text = |field: &str| current[field].as_str().with_context(|| field.to_owned());
    for (number, node) in nodes.iter().enumerate() {
        ensure!(
            !node.can_log_in(&app.user, password).await?,
            "the leaked credentials log in at node {number}"
        );
        let logs_in = node.can_log_in(text("username")?, text("password")?).await?;
        ensure!(logs_in, "AWSCURRENT does not log in at node {number}");
    }
    // The revoked user is in use again after the next rotation.
    cloud.rotate_successfully(&app.arn).await.map(drop)
}

#[test]
fn a_node_that_does_not_know_a_new_user_yet_is_asked_again() -> Result<()> {
    on_the_cloud(async |cloud| {
        // The answers of such a node to a grant and to a login.
        let answers = [
            ("PUT /api/permissions/", 400, r#"{"error":"bad_request","reason":"no_such_user"}"#),
            ("PUT /api/permissions/", 404, r#"{"error":"Object Not Found","reason":"Not Found"}"#),
            ("GET /api/whoami", 401, r#"{"error":"not_authorized","reason":"Login failed"}"#),
        ];
        for (request, status, body) in answers {
            let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
            let app = cloud.create_app_at(&name("lagging"), cloud.broker.amqps_port(), proxy.url()).await?;
            let version = cloud.begin_rotation(&app.arn).await?;
            cloud.step(&app.arn, &version, "createSecret").await?.value()?;
            let lags = move |call: &Call| format!("{} {}", call.method, call.path).starts_with(request);
            let content_type = "application/json".to_owned();
            let answer = Fault::Answer { status, content_type, body: body.to_owned() };
            proxy.inject(Rule::at(1, lags, answer).times(2));
            for step in ["setSecret", "testSecret", "finishSecret"] {
                cloud.step(&app.arn, &version, step).await?.value()?;
            }
            let asked = proxy.calls().iter().filter(|call| lags(call)).count();
            ensure!(asked > 2, "{request} was asked {asked} times");
            converged(cloud, &app.user, &app.arn, &version).await?;
            current_logs_in(cloud, &app.arn).await?;
        }
        Ok(())
    })
}
