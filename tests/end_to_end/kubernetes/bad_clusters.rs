//! A cluster that secret2eks cannot find, reach or log in to, or that gives an unexpected answer.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{alone_on_the_cluster, name, on_the_cluster};
use serde_json::{Value, json};
use testbed::cloud::{Answer, Cloud, route_to, tag};
use testbed::fault_proxy::{Fault, FaultProxy, Rule};
use testbed::process::free_ports;

use super::routed::{Routed, refused, until};
use crate::support::run_cli;

/// A secret2eks with a separate cluster, and a secret that only this secret2eks receives.
struct Elsewhere<'a> {
    cloud: &'a Cloud,
    function: String,
    secret: String,
    cluster: String,
}

impl<'a> Elsewhere<'a> {
    async fn deploy(cloud: &'a Cloud, prefix: &str, endpoint: &str, ca_pem: &str) -> Result<Self> {
        let cluster = name(prefix);
        cloud.aws.put_cluster(&cluster, endpoint, ca_pem).await?;
        let names = format!("{cluster}/");
        let parameters =
            [("EksClusterName", cluster.as_str()), ("SecretNamePrefix", &names), ("CallTimeoutSeconds", "2")];
        let variant = cloud.deploy_variant(&cluster, &parameters, &[]).await?;
        let create = cloud.secrets.create_secret().name(format!("{names}cookie")).secret_string("{}");
        let tags = route_to("shared", "cookie").map(|(key, value)| tag(key, value));
        let created = create.set_tags(Some(tags.to_vec())).send().await?;
        let function = variant.delivery.context("no secret2eks")?;
        Ok(Self { cloud, function, secret: created.arn.context("no ARN")?, cluster })
    }

    async fn deliver(&self) -> Result<Answer> {
        let version = self.cloud.version(&self.secret, "AWSCURRENT").await?;
        let request = json!({"secretArn": self.secret, "versionId": version, "attempt": 1});
        self.cloud.invoke_function(&self.function, &request).await
    }
}

fn ca(cloud: &Cloud) -> Result<String> {
    Ok(std::fs::read_to_string(cloud.kubernetes()?.ca_pem())?)
}

#[test]
fn an_unknown_cluster_is_named() -> Result<()> {
    on_the_cluster(async |cloud| {
        let elsewhere = Elsewhere::deploy(cloud, "unknown", "https://127.0.0.1:1", &ca(cloud)?).await?;
        run_cli(cloud, &["eks", "delete-cluster", "--name", &elsewhere.cluster]).await?;
        refused(&elsewhere.deliver().await?, "cluster.not_found", &elsewhere.cluster)
    })
}

#[test]
fn an_api_server_that_does_not_answer_is_reported_with_the_likely_cause() -> Result<()> {
    on_the_cluster(async |cloud| {
        let closed = free_ports(1)?.first().copied().context("no port")?;
        let endpoint = format!("https://127.0.0.1:{closed}");
        let elsewhere = Elsewhere::deploy(cloud, "down", &endpoint, &ca(cloud)?).await?;
        refused(&elsewhere.deliver().await?, "cluster.unreachable", "security group")
    })
}

#[test]
fn a_certificate_of_another_authority_is_refused() -> Result<()> {
    on_the_cluster(async |cloud| {
        let foreign = std::fs::read_to_string(cloud.certificates.ca_pem())?;
        let endpoint = cloud.kubernetes()?.endpoint();
        let elsewhere = Elsewhere::deploy(cloud, "foreign", &endpoint, &foreign).await?;
        refused(&elsewhere.deliver().await?, "cluster.tls_refused", "certificate")
    })
}

#[test]
fn a_token_for_another_cluster_is_refused_by_the_verifier_of_eks() -> Result<()> {
    on_the_cluster(async |cloud| {
        let endpoint = cloud.kubernetes()?.endpoint();
        let elsewhere = Elsewhere::deploy(cloud, "namesake", &endpoint, &ca(cloud)?).await?;
        refused(&elsewhere.deliver().await?, "cluster.login_refused", "access entry")
    })
}

#[test]
fn every_answer_of_an_api_server_has_its_kind() -> Result<()> {
    on_the_cluster(async |cloud| {
        let kubernetes = cloud.kubernetes()?;
        let proxy = FaultProxy::https(&kubernetes.endpoint(), &kubernetes.certificates())?;
        let elsewhere = Elsewhere::deploy(cloud, "odd", proxy.url(), &ca(cloud)?).await?;
        let status = |code: u16, reason: &str, details: Value| {
            let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                "reason": reason, "message": "injected", "details": details});
            answer(code, "application/json", &body.to_string())
        };
        let object = json!({"name": "cookie", "group": "external-secrets.io", "kind": "externalsecrets"});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shared"}});
        let namespace = || answer(200, "application/json", &namespace.to_string());
        let missing = || status(404, "NotFound", object.clone());
        let page = answer(404, "text/plain", "404 page not found\n");
        for (to_the_object, to_the_write, kind) in [
            (status(401, "Unauthorized", json!(null)), None, "cluster.login_refused"),
            (status(403, "Forbidden", object.clone()), None, "cluster.access_denied"),
            (page, None, "cluster.api_unknown"),
            (status(429, "TooManyRequests", json!(null)), None, "cluster.unreachable"),
            (status(500, "InternalError", json!(null)), None, "cluster.request_failed"),
            (Fault::html(502), None, "cluster.request_failed"),
            (Fault::html(200), None, "cluster.request_failed"),
            (missing(), Some(status(409, "Conflict", object.clone())), "delivery.conflict"),
            (missing(), Some(status(422, "Invalid", object.clone())), "cluster.request_refused"),
            (missing(), Some(status(403, "Forbidden", object.clone())), "cluster.access_denied"),
            (missing(), Some(Fault::Drop), "cluster.unreachable"),
        ] {
            proxy.reset();
            proxy.inject(Rule::always(|call| call.path.contains("/api/v1/namespaces/"), namespace()));
            proxy.inject(Rule::always(|call| call.method == "GET", to_the_object));
            proxy.inject(Rule::always(|call| call.method == "PATCH", to_the_write.unwrap_or(Fault::Drop)));
            refused(&elsewhere.deliver().await?, kind, "").with_context(|| format!("{:?}", proxy.calls()))?;
        }
        Ok(())
    })
}

fn answer(status: u16, content_type: &str, body: &str) -> Fault {
    Fault::Answer { status, content_type: content_type.to_owned(), body: body.to_owned() }
}

#[test]
fn a_wrong_configuration_is_said_at_every_event() -> Result<()> {
    on_the_cluster(async |cloud| {
        let elsewhere = Elsewhere::deploy(cloud, "misconfigured", "https://127.0.0.1:1", &ca(cloud)?).await?;
        cloud.add_variables(&elsewhere.function, &[("SYNC_TIMEOUT_SECONDS", "soon")]).await?;
        refused(&elsewhere.deliver().await?, "configuration.invalid", "SYNC_TIMEOUT_SECONDS must be")
    })
}

#[test]
fn a_new_certificate_authority_and_an_api_server_that_was_away_need_no_new_process() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let kubernetes = cloud.kubernetes()?;
        let secret = Routed::delivered(cloud, &name("rotated-ca"), &[]).await?;
        kubernetes.replace_api_server_certificates(&cloud.aws).await?;
        let version = secret.put("second").await?;
        secret.arrived("second").await?;
        secret.receipt(&version).await?;

        kubernetes.stop_api_server().await;
        secret.refused("cluster.unreachable", &kubernetes.endpoint()).await?;
        kubernetes.start_api_server().await?;
        let answer = secret.deliver().await?;
        ensure!(answer["outcome"] == "delivered", "{answer}");
        // The operator must connect again before other tests continue.
        secret.put("third").await?;
        tokio::time::timeout(Duration::from_secs(90), secret.arrived("third")).await?.map(drop)?;
        until("a delivery succeeds", async || {
            Ok(matches!(cloud.deliver(&secret.arn).await?, Answer::Done(_)))
        })
        .await
    })
}
