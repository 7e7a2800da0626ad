use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use crate::support::shared;

#[tokio::test]
async fn probe() -> Result<()> {
    let started = Instant::now();
    let shared = shared().await?;
    println!("start {:?}", started.elapsed());
    let k = &shared.kubernetes;
    println!("{:?}", k.admin()?.apiserver_version().await?);
    k.create_namespace("payment", &[("tenant", "payment")]).await?;
    let t = Instant::now();
    let role = k.create_secret_store(&shared.aws, "payment", "aws").await?;
    println!("store {role} {:?}", t.elapsed());
    let sm = aws_sdk_secretsmanager::Client::new(&shared.aws.sdk_config().await);
    let tag =
        aws_sdk_secretsmanager::types::Tag::builder().key("secret2eks/namespace").value("payment").build();
    let arn = sm
        .create_secret()
        .name("rabbitmq/payment")
        .secret_string(json!({"username":"u","password":"p1"}).to_string())
        .tags(tag)
        .send()
        .await?
        .arn
        .unwrap();
    let es = json!({"apiVersion":"external-secrets.io/v1","kind":"ExternalSecret","metadata":{"namespace":"payment","name":"broker"},
      "spec":{"refreshInterval":"1h","secretStoreRef":{"kind":"SecretStore","name":"aws"},"target":{"name":"broker"},"data":[{"secretKey":"username","remoteRef":{"key":arn,"property":"username"}},{"secretKey":"password","remoteRef":{"key":arn,"property":"password"}}]}});
    let t = Instant::now();
    k.apply_manifests(&es.to_string()).await?;
    println!("{:?}", k.wait_for_secret("payment", "broker", |_| true, Duration::from_secs(20)).await);
    println!("{:?} {:?}", t.elapsed(), k.external_secret("payment", "broker").await?);
    for n in 0..5 {
        let value = format!("p{n}-2");
        sm.put_secret_value()
            .secret_id(&arn)
            .secret_string(json!({"username":"u","password":value}).to_string())
            .send()
            .await?;
        let mut es2 = es.clone();
        es2["metadata"]["annotations"] = json!({"force-sync": n.to_string()});
        let t = Instant::now();
        k.apply_manifests(&es2.to_string()).await?;
        let a = t.elapsed();
        k.wait_for_secret("payment", "broker", |d| d["password"] == value, Duration::from_secs(20)).await?;
        println!("{a:?} {:?}", t.elapsed());
    }
    Ok(())
}
