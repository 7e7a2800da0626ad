//! Rows Q: request quotas. Each test has its own emulator, because a quota is for the whole account.

use anyhow::{Context as _, Result, ensure};
use aws::{Aws, Calls, Options};
use aws_config::retry::RetryConfig;
use aws_sdk_mq::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::Client;
use futures_util::future::join_all;

use crate::support::{Secret, fail, folder_of_a_test, shared};

/// A tenth of the quotas. The smaller ones are five calls a second then.
const FACTOR: f64 = 0.1;
const AT_ONCE: usize = 5;

/// An emulator of its own, and a client that does not repeat a call.
struct Account {
    aws: Aws,
    client: Client,
    secret: String,
}

impl Account {
    async fn new(name: &str) -> Result<Self> {
        let python = &shared().await?.python;
        let aws = Aws::start(python, &folder_of_a_test(name), Options::default()).await?;
        let config = aws.sdk_config().await.into_builder().retry_config(RetryConfig::disabled()).build();
        let client = Client::new(&config);
        let created = client.create_secret().name(name).secret_string("first").send().await?;
        Ok(Self { client, secret: created.arn.context("no ARN")?, aws })
    }

    async fn calls_of(&self, operation: &str) -> Result<Calls> {
        Ok(self.aws.calls().await?.get(operation).copied().unwrap_or_default())
    }
}

/// The number of calls that were served. Every other call must have failed with this code and HTTP status.
fn served<T, E>(answers: Vec<Result<T, SdkError<E>>>, code: &str, status: u16) -> Result<usize>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let mut served = 0;
    for answer in answers {
        match answer {
            Ok(_) => served += 1,
            Err(error) => {
                ensure!(error.code() == Some(code), "{error:?}");
                ensure!(error.raw_response().map(|raw| raw.status().as_u16()) == Some(status), "{error:?}");
                ensure!(error.message() == Some("Rate exceeded"), "{error:?}");
            }
        }
    }
    Ok(served)
}

#[tokio::test]
async fn secrets_manager_refuses_more_calls_than_its_quota() -> Result<()> {
    let account = Account::new("quota").await?;
    account.aws.set_rate_limits(Some(FACTOR)).await?;
    let ask = || account.client.list_secret_version_ids().secret_id(&account.secret).send();
    // The bucket is full, so this is below the quota.
    let below = served(join_all((0..AT_ONCE).map(|_| ask())).await, "none", 0)?;
    ensure!(below == AT_ONCE, "only {below} of {AT_ONCE} calls were served");

    let above = join_all((0..10 * AT_ONCE).map(|_| ask())).await;
    let (all, above) = (above.len(), served(above, "ThrottlingException", 400)?);
    ensure!(above < all, "all of {all} further calls were served");
    let expected = Calls { served: u64::try_from(AT_ONCE + above)?, refused: u64::try_from(all - above)? };
    assert_eq!(account.calls_of("ListSecretVersionIds").await?, expected);

    // Another operation has a quota of its own, and the bucket fills again.
    account.client.get_secret_value().secret_id(&account.secret).send().await?;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    ask().await?;
    Ok(())
}

#[tokio::test]
async fn operations_with_a_combined_quota_share_it() -> Result<()> {
    let account = Account::new("combined").await?;
    // One call, and the next one after ten seconds.
    account.aws.set_rate_limits(Some(0.002)).await?;
    let (client, secret) = (&account.client, &account.secret);
    client.put_secret_value().secret_id(secret).secret_string("second").send().await?;
    let move_label = client.update_secret_version_stage().secret_id(secret).version_stage("other");
    assert_eq!(served(vec![move_label.send().await], "ThrottlingException", 400)?, 0);
    let update = client.update_secret().secret_id(secret).description("refused").send().await;
    assert_eq!(served(vec![update], "ThrottlingException", 400)?, 0);

    client.untag_resource().secret_id(secret).tag_keys("none").send().await?;
    let tag = aws_sdk_secretsmanager::types::Tag::builder().key("a").value("b").build();
    let tagged = client.tag_resource().secret_id(secret).tags(tag).send().await;
    assert_eq!(served(vec![tagged], "ThrottlingException", 400)?, 0);
    for (operation, (served, refused)) in [
        ("PutSecretValue", (1, 0)),
        ("UpdateSecretVersionStage", (0, 1)),
        ("UpdateSecret", (0, 1)),
        ("UntagResource", (1, 0)),
        ("TagResource", (0, 1)),
    ] {
        assert_eq!(account.calls_of(operation).await?, Calls { served, refused }, "{operation}");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_factor_every_call_is_served_and_counted() -> Result<()> {
    let account = Account::new("unlimited").await?;
    let ask = || account.client.list_secret_version_ids().secret_id(&account.secret).send();
    let many = 150;
    let at_the_start = served(join_all((0..many).map(|_| ask())).await, "none", 0)?;
    assert_eq!(at_the_start, many);
    assert_eq!(account.calls_of("ListSecretVersionIds").await?.served, 150);
    assert_eq!(account.calls_of("CreateSecret").await?, Calls { served: 1, refused: 0 });

    account.aws.set_rate_limits(Some(0.002)).await?;
    ensure!(account.aws.calls().await?.is_empty(), "the counts start again");
    ask().await?;
    assert_eq!(served(vec![ask().await], "ThrottlingException", 400)?, 0);
    account.aws.set_rate_limits(None).await?;
    assert_eq!(served(join_all((0..many).map(|_| ask())).await, "none", 0)?, many);
    for wrong in [0.0, -1.0, 1_000.0] {
        ensure!(account.aws.set_rate_limits(Some(wrong)).await.is_err(), "{wrong} was taken");
    }
    Ok(())
}

#[tokio::test]
async fn the_factor_also_scales_the_limit_of_amazon_mq() -> Result<()> {
    let account = Account::new("brokers").await?;
    let id = account.aws.create_broker("asked", "https://localhost:1", "amqps://localhost:2").await?;
    let config = account.aws.sdk_config().await.into_builder().retry_config(RetryConfig::disabled()).build();
    let client = aws_sdk_mq::Client::new(&config);
    // A burst of five calls, then three in four seconds.
    account.aws.set_rate_limits(Some(0.05)).await?;
    let answers = join_all((0..50).map(|_| client.describe_broker().broker_id(&id).send())).await;
    let served = served(answers, "TooManyRequestsException", 429)?;
    ensure!((5..50).contains(&served), "{served} of 50 calls were served");
    let calls = account.calls_of("DescribeBroker").await?;
    assert_eq!((calls.served, calls.refused), (u64::try_from(served)?, u64::try_from(50 - served)?));
    Ok(())
}

#[tokio::test]
async fn the_outcomes_of_many_rotations_are_counted() -> Result<()> {
    let (good, bad) = (Secret::new().await?, Secret::new().await?);
    good.script_success()?;
    bad.script(&serde_json::json!({"createSecret": [fail()]}))?;
    good.rotate_and_wait().await?;
    bad.rotate_and_wait().await?;
    for (secret, succeeded) in [(&good, 1), (&bad, 0)] {
        let counted = good.shared.aws.rotation_outcomes(&secret.arn).await?;
        let numbers = (counted.running(), counted.succeeded(), counted.ended());
        assert_eq!(numbers, (0, succeeded, 1), "{counted:?}");
        assert_eq!(counted.unsuccessful.len(), 1 - succeeded, "{counted:?}");
    }
    let (prefix, _) = good.arn.split_once("contract/").context("no name in the ARN")?;
    let counted = good.shared.aws.rotation_outcomes(&format!("{prefix}contract/")).await?;
    ensure!(counted.ended() >= 2, "{counted:?}");
    Ok(())
}
