//! The configuration of the SDK: the ordinary files and variables of AWS, and limits for each call.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// The limit of one operation with all its attempts.
pub const TIMEOUT: Duration = Duration::from_secs(20);
const ATTEMPT: Duration = Duration::from_secs(8);
const CONNECT: Duration = Duration::from_secs(4);
const ATTEMPTS: u32 = 4;

/// The SDK's configuration: the arguments first, then what AWS documents for every program (variables, profiles, SSO, roles).
pub async fn load(profile: Option<&str>, region: Option<&str>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        // All clients share it, so certificate authorities are read once.
        .http_client(Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https())
        .timeout_config(timeouts(ATTEMPT, TIMEOUT))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    loader.load().await
}

/// The same configuration for calls that take up to `timeout` and that are not made again.
#[must_use]
pub fn patient(config: &SdkConfig, timeout: Duration) -> SdkConfig {
    config
        .to_builder()
        .timeout_config(timeouts(timeout, timeout))
        .retry_config(RetryConfig::standard().with_max_attempts(1))
        .build()
}

fn timeouts(attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(attempt)
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}
