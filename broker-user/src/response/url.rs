//! The presigned URL of an answer.

use std::fmt;

use reqwest::Url;

/// What the names of Amazon S3's hosts end with: in AWS's regions, and in China.
/// <https://docs.aws.amazon.com/general/latest/gr/s3.html>
const S3_ENDINGS: [&str; 2] = [".amazonaws.com", ".amazonaws.com.cn"];

/// A `ResponseURL`. Whoever has it can answer, so it is never printed.
pub struct ResponseUrl(Url);

impl ResponseUrl {
    /// Accepts a URL of S3, with `https` and the standard port. `response_host` (`HOST:PORT`) is one more address that is
    /// accepted, without TLS, too: an emulator on the same machine.
    #[must_use]
    pub fn parse(text: &str, response_host: Option<&str>) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let host = url.host_str()?;
        let has_login = !url.username().is_empty() || url.password().is_some();
        let is_s3 = url.scheme() == "https"
            && url.port().is_none()
            && S3_ENDINGS.iter().any(|ending| host.len() > ending.len() && host.ends_with(ending));
        let address = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
        let is_emulator =
            ["http", "https"].contains(&url.scheme()) && response_host == Some(address.as_str());
        (!has_login && (is_s3 || is_emulator)).then_some(Self(url))
    }

    /// The URL itself, for the request only.
    pub(super) fn expose(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ResponseUrl(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_goes_only_to_amazon_s3() {
        for (url, expected) in [
            ("https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x?Signature=y", true),
            ("https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/x", true),
            (
                "https://cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn/x",
                true,
            ),
            ("https://x.s3.amazonaws.com:443/x", true),
            ("https://X.S3.AMAZONAWS.COM/x", true),
            ("http://x.s3.amazonaws.com/x", false),
            ("https://x.s3.amazonaws.com:8443/x", false),
            ("https://user:pass@x.s3.amazonaws.com/x", false),
            ("https://user@x.s3.amazonaws.com/x", false),
            ("https://amazonaws.com/x", false),
            ("https://.amazonaws.com/x", false),
            ("https://xamazonaws.com/x", false),
            ("https://x.s3.amazonaws.com.evil.example/x", false),
            ("https://evil.example/.amazonaws.com", false),
            ("https://evil.example?x.amazonaws.com", false),
            ("https://evil.example#.amazonaws.com", false),
            ("https://evil.example\\.amazonaws.com/x", false),
            ("https://x.s3.amazonaws.com.cn.example/x", false),
            ("https://localhost:1/x", false),
            ("file:///etc/passwd", false),
            ("x.s3.amazonaws.com/x", false),
            ("", false),
        ] {
            assert_eq!(ResponseUrl::parse(url, None).is_some(), expected, "{url}");
        }
    }

    #[test]
    fn an_emulator_is_answered_only_at_its_own_address() {
        for (url, expected) in [
            ("http://127.0.0.1:4566/x?Signature=y", true),
            ("https://127.0.0.1:4566/x", true),
            ("http://127.0.0.1:4567/x", false),
            ("http://localhost:4566/x", false),
            ("http://127.0.0.1/x", false),
            ("http://user@127.0.0.1:4566/x", false),
            ("http://evil.example:4566/x", false),
            ("https://x.s3.amazonaws.com/x", true),
        ] {
            assert_eq!(ResponseUrl::parse(url, Some("127.0.0.1:4566")).is_some(), expected, "{url}");
        }
    }

    #[test]
    fn a_url_keeps_its_encoded_characters_and_is_not_printed() -> Result<(), String> {
        let text = "https://x.s3.amazonaws.com/arn%3Aaws%7CBrokerUser%7C4711?AWSAccessKeyId=A&Expires=1&Signature=a%2Bb%3D";
        let url = ResponseUrl::parse(text, None).ok_or("refused")?;
        assert_eq!(url.expose().as_str(), text);
        assert_eq!(format!("{url:?}"), "ResponseUrl(redacted)");
        Ok(())
    }
}
