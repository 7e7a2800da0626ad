//! The bearer token for an EKS cluster: a presigned `GetCallerIdentity`, which the cluster sends to STS to identify the
//! function. It is made without a call.
//! <https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster>
//!
//! The cluster accepts it for 15 minutes, and only if it is for the real STS host. So it is signed for that host, and
//! `AWS_ENDPOINT_URL` does not matter.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// How long a token is used. The cluster accepts it for 15 minutes.
pub const LIFETIME: Duration = Duration::from_secs(14 * 60);

const PREFIX: &str = "k8s-aws-v1.";
const CLUSTER_HEADER: &str = "x-k8s-aws-id";
/// The validity that the AWS CLI requests. The cluster counts 15 minutes from the date of the signature instead.
const EXPIRES: Duration = Duration::from_secs(60);
/// The cluster refuses longer tokens.
const LIMIT_BYTES: usize = 4_096;

/// A token. It is as sensitive as a password, so it has one way out, and its `Debug` does not show it.
pub struct Token(String);

/// The token cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The signer refused.
    #[error("the login for the cluster could not be signed")]
    Unsigned,
    /// The session token is too long.
    #[error("the login for the cluster has more than {LIMIT_BYTES} bytes, which clusters refuse")]
    TooLong,
}

impl Token {
    /// Signs a token for `cluster` as of `now`.
    ///
    /// # Errors
    /// When the signer refuses, or the token would be too long.
    pub fn sign(
        credentials: &Credentials,
        region: &str,
        cluster: &str,
        now: SystemTime,
    ) -> Result<Self, TokenError> {
        let url = presigned_url(credentials, region, cluster, now).ok_or(TokenError::Unsigned)?;
        let token = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(url));
        if token.len() > LIMIT_BYTES { Err(TokenError::TooLong) } else { Ok(Self(token)) }
    }

    /// The token itself, for the `Authorization` header only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token(redacted)")
    }
}

fn presigned_url(credentials: &Credentials, region: &str, cluster: &str, now: SystemTime) -> Option<String> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(now)
        .settings(settings)
        .build()
        .ok()?
        .into();
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let url = format!("https://sts.{region}.{domain}/?Action=GetCallerIdentity&Version=2011-06-15");
    let headers = [(CLUSTER_HEADER, cluster)];
    let request =
        SignableRequest::new("GET", url.as_str(), headers.into_iter(), SignableBody::Bytes(&[])).ok()?;
    let (instructions, _) = sign(request, &parameters).ok()?.into_parts();
    let mut signed = http::Request::get(url).body(()).ok()?;
    instructions.apply_to_request_http1x(&mut signed);
    Some(signed.uri().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of botocore's `RequestSigner.generate_presigned_url` (the AWS CLI's `eks get-token`) with these credentials
    /// at this time.
    const KEY: &str = "AKIDEXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const SESSION: &str = "session/token+with=signs";

    fn token(session: Option<&str>, region: &str) -> Result<String, TokenError> {
        let credentials = Credentials::new(KEY, SECRET, session.map(str::to_owned), None, "test");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_043_200);
        Token::sign(&credentials, region, "shop", now).map(|token| token.expose().to_owned())
    }

    fn url_in(token: &str) -> String {
        let encoded = token.strip_prefix(PREFIX).unwrap_or_default();
        String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(encoded).unwrap_or_default()).unwrap_or_default()
    }

    /// The parameters of a URL, in any order.
    fn parameters(url: &str) -> Vec<&str> {
        let mut parameters: Vec<&str> = url.split(['?', '&']).collect();
        parameters.sort_unstable();
        parameters
    }

    #[test]
    fn a_token_is_what_botocore_signs() -> Result<(), TokenError> {
        let expected = include_str!("eks_token/botocore.txt");
        let mut lines = expected.lines();
        for session in [None, Some(SESSION)] {
            let url = url_in(&token(session, "eu-central-1")?);
            assert_eq!(parameters(&url), parameters(lines.next().unwrap_or_default()));
        }
        Ok(())
    }

    #[test]
    fn it_names_the_real_host_of_its_region_and_has_no_padding() -> Result<(), TokenError> {
        for (region, host) in [
            ("us-east-1", "https://sts.us-east-1.amazonaws.com/?"),
            ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn/?"),
        ] {
            let token = token(Some(SESSION), region)?;
            assert!(!token.contains('='));
            assert!(url_in(&token).starts_with(host), "{}", url_in(&token));
        }
        Ok(())
    }

    #[test]
    fn a_token_that_no_cluster_would_take_is_refused_and_none_is_ever_shown() {
        assert!(matches!(token(Some(&"x".repeat(4_000)), "us-east-1"), Err(TokenError::TooLong)));
        assert_eq!(format!("{:?}", Token("secret".to_owned())), "Token(redacted)");
    }
}
