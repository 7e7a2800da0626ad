//! SNS: who is subscribed to a topic.

use aws_config::SdkConfig;
use aws_sdk_sns::Client;

use super::AwsError;
use super::config::TIMEOUT;

const SERVICE: &str = "SNS";
/// A hundred subscriptions a page.
const PAGES_LIMIT: usize = 5;
/// What SNS says instead of an ARN.
const PENDING: &str = "PendingConfirmation";

/// One subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// Its ARN. None if it was not confirmed.
    pub arn: Option<String>,
    /// Where messages go. Foreign text.
    pub endpoint: String,
}

/// The subscriptions of a topic.
pub async fn subscriptions(config: &SdkConfig, topic: &str) -> Result<Vec<Subscribed>, AwsError> {
    let client = Client::new(config);
    let (mut found, mut next) = (Vec::new(), None);
    for _ in 0..PAGES_LIMIT {
        let page = client.list_subscriptions_by_topic().topic_arn(topic).set_next_token(next).send().await;
        let page =
            page.map_err(|error| AwsError::from_sdk(SERVICE, "ListSubscriptionsByTopic", TIMEOUT, &error))?;
        found.extend(page.subscriptions.unwrap_or_default().into_iter().map(|one| Subscribed {
            arn: one.subscription_arn.filter(|arn| arn != PENDING && arn.starts_with("arn:")),
            endpoint: one.endpoint.unwrap_or_default(),
        }));
        next = page.next_token.filter(|next| !next.is_empty());
        if next.is_none() {
            break;
        }
    }
    Ok(found)
}

/// Whether a subscription takes only some messages.
pub async fn is_filtered(config: &SdkConfig, subscription: &str) -> Result<bool, AwsError> {
    let answer =
        Client::new(config).get_subscription_attributes().subscription_arn(subscription).send().await;
    let answer =
        answer.map_err(|error| AwsError::from_sdk(SERVICE, "GetSubscriptionAttributes", TIMEOUT, &error))?;
    let policy = answer.attributes.unwrap_or_default().remove("FilterPolicy");
    Ok(policy.is_some_and(|policy| !matches!(policy.trim(), "" | "{}")))
}
